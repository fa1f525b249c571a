//! Tables: columns as wide as they need, narrowed and wrapped where the terminal is too narrow.

use colored::Colorize;

use super::inline::inline;
use crate::wrap::{pad, visible_width, wrap};

const GAP: &str = "  ";
const NARROWEST: usize = 8;

/// Draws the lines of a table, of which the second only separates the heading from the rest.
pub(super) fn draw(lines: &[&str], width: usize) -> String {
    let rows: Vec<Vec<String>> =
        lines.iter().filter(|line| !is_separator(line)).map(|line| cells(line)).collect();
    let widths = fit(&rows, width);
    let mut drawn = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        drawn.extend(draw_row(row, &widths, index == 0));
        if index == 0 {
            let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
            drawn.push(rule.join(GAP).dimmed().to_string());
        }
    }
    drawn.join("\n")
}

fn is_separator(line: &str) -> bool {
    line.contains('-') && line.chars().all(|c| "|-: ".contains(c))
}

/// The cells between the bars; a bar behind a backslash or inside of code belongs to the text.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches('|').trim_end_matches('|');
    let mut cells = vec![String::new()];
    let (mut in_code, mut escaped) = (false, false);
    for c in line.chars() {
        match c {
            '|' if escaped => cells.last_mut().into_iter().for_each(|cell| {
                cell.pop();
                cell.push('|');
            }),
            '|' if !in_code => cells.push(String::new()),
            _ => cells.last_mut().into_iter().for_each(|cell| cell.push(c)),
        }
        in_code ^= c == '`';
        escaped = c == '\\';
    }
    cells.iter().map(|cell| inline(cell.trim())).collect()
}

/// Takes from the widest column until everything fits.
fn fit(rows: &[Vec<String>], width: usize) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| visible_width(cell)).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..columns).map(widest).collect();
    let room = width.saturating_sub(GAP.len() * columns.saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max().filter(|widest| **widest > NARROWEST) {
            Some(widest) => *widest -= 1,
            None => break,
        }
    }
    widths
}

fn draw_row(row: &[String], widths: &[usize], is_heading: bool) -> Vec<String> {
    let empty = String::new();
    let cells: Vec<Vec<String>> = widths
        .iter()
        .enumerate()
        .map(|(column, width)| wrap(row.get(column).unwrap_or(&empty), *width))
        .collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let line = |at: usize| {
        let pieces = cells.iter().zip(widths).map(|(cell, width)| {
            let text = pad(cell.get(at).unwrap_or(&empty), *width);
            if is_heading { text.bold().to_string() } else { text }
        });
        pieces.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    (0..height).map(line).collect()
}
