//! Markdown for a terminal: wrapped to its width, headings, code, lists and tables styled.
//!
//! It knows what the guides use and no more. What it does not know is shown as it was written.

mod inline;
mod table;

use colored::Colorize;

pub(crate) use self::inline::inline;
use crate::wrap::{hang, visible_width, wrap};

/// What to do with answers that a guide hides below a fold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folds {
    /// Show the question alone.
    Closed,
    /// Show the answer, too.
    Open,
}

/// Renders `text` in at most `width` columns, code and addresses excepted.
pub(crate) fn render(text: &str, width: usize, folds: Folds) -> String {
    let mut page =
        Page { width, folds, blocks: Vec::new(), paragraph: Vec::new(), is_folded: false };
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(fence) = fence(line) {
            let code = lines.by_ref().take_while(|line| !closes(line, fence));
            page.code(&code.collect::<Vec<_>>());
        } else if line.trim_start().starts_with('|') {
            let mut rows = vec![line];
            while let Some(row) = lines.next_if(|line| line.trim_start().starts_with('|')) {
                rows.push(row);
            }
            page.block(table::draw(&rows, width));
        } else {
            page.line(line);
        }
    }
    page.finish()
}

/// The backquotes that open a code block, and must close it.
fn fence(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let ticks = line.len() - line.trim_start_matches('`').len();
    (ticks >= 3).then(|| &line[..ticks])
}

fn closes(line: &str, fence: &str) -> bool {
    line.trim() == fence
}

struct Page {
    width: usize,
    folds: Folds,
    blocks: Vec<String>,
    /// Lines of the paragraph, list item or quotation that is being read.
    paragraph: Vec<String>,
    is_folded: bool,
}

impl Page {
    fn line(&mut self, line: &str) {
        let trimmed = line.trim();
        if trimmed.is_empty() || self.takes_html(trimmed) {
            self.flush();
        } else if let Some(heading) = heading(line, self.width) {
            self.block(heading);
        } else if matches!(trimmed, "---" | "***") {
            self.block("─".repeat(self.width.min(40)).dimmed().to_string());
        } else {
            if bullet(line).is_some() || (is_quotation(line) && !self.is_in_quotation()) {
                self.flush();
            }
            self.paragraph.push(line.to_owned());
        }
    }

    fn is_in_quotation(&self) -> bool {
        self.paragraph.first().is_some_and(|line| is_quotation(line))
    }

    /// Takes in the tags of a fold and passes comments over; whether `line` was one of these.
    fn takes_html(&mut self, line: &str) -> bool {
        if let Some(summary) = between(line, "<summary>", "</summary>") {
            self.flush();
            let more = match self.folds {
                Folds::Closed => "  (--answers unfolds)".dimmed().to_string(),
                Folds::Open => String::new(),
            };
            let summary = format!("{}{more}", inline(summary).bold());
            self.blocks.push(hang("▸ ", &summary, self.width));
            self.is_folded = self.folds == Folds::Closed;
        }
        if line.starts_with("</details>") {
            self.flush();
            self.is_folded = false;
        }
        ["<details", "<summary", "</details>", "</summary>", "<!--"]
            .iter()
            .any(|tag| line.starts_with(tag))
    }

    fn code(&mut self, lines: &[&str]) {
        // Never wrapped: it is there to be copied.
        let code: Vec<String> = lines.iter().map(|line| format!("    {}", line.cyan())).collect();
        self.block(code.join("\n"));
    }

    fn block(&mut self, block: String) {
        self.flush();
        if !self.is_folded {
            self.blocks.push(block);
        }
    }

    /// Ends the paragraph. Items of one list stand without blank lines between them.
    fn flush(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        let Some(first) = paragraph.first() else { return };
        let is_item = bullet(first).is_some();
        let drawn = draw(&paragraph, self.width);
        if self.is_folded {
            return;
        }
        match self.blocks.last_mut().filter(|last| is_item && is_drawn_item(last)) {
            Some(list) => *list = format!("{list}\n{drawn}"),
            None => self.blocks.push(drawn),
        }
    }

    fn finish(mut self) -> String {
        self.flush();
        self.blocks.join("\n\n")
    }
}

fn draw(paragraph: &[String], width: usize) -> String {
    if is_quotation(&paragraph[0]) {
        let text: Vec<&str> =
            paragraph.iter().map(|line| line.trim().trim_start_matches('>').trim()).collect();
        let text = hang("", &inline(&text.join(" ")), width - 2);
        let quoted: Vec<String> =
            text.lines().map(|line| format!("{} {line}", "│".dimmed())).collect();
        return quoted.join("\n");
    }
    let text: Vec<&str> = paragraph.iter().map(|line| line.trim()).collect();
    let text = text.join(" ");
    match bullet(&paragraph[0]) {
        Some((indent, mark)) => {
            let sign = if mark.ends_with('.') { mark } else { "•" };
            let lead = format!("{}{sign} ", " ".repeat(indent));
            hang(&lead, &inline(text[mark.len()..].trim()), width)
        }
        None => hang("", &inline(&text), width),
    }
}

fn is_quotation(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

fn is_drawn_item(block: &str) -> bool {
    let last = block.lines().next().unwrap_or_default().trim_start();
    last.starts_with("• ") || last.split_once(". ").is_some_and(|(n, _)| n.parse::<u32>().is_ok())
}

/// The indent and the mark of a list item.
fn bullet(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start();
    let (mark, _) = text.split_once(' ')?;
    let is_number = mark.strip_suffix('.').is_some_and(|n| n.parse::<u32>().is_ok());
    (is_number || matches!(mark, "-" | "*" | "+")).then_some((line.len() - text.len(), mark))
}

fn heading(line: &str, width: usize) -> Option<String> {
    let level = line.len() - line.trim_start_matches('#').len();
    let text = line[level..].strip_prefix(' ')?;
    let lines = wrap(&inline(text.trim()), width);
    let longest = lines.iter().map(|line| visible_width(line)).max().unwrap_or_default();
    let bold: Vec<String> = lines.iter().map(|line| line.bold().to_string()).collect();
    let bold = bold.join("\n");
    match level {
        1 => Some(format!("{bold}\n{}", "═".repeat(longest).dimmed())),
        2 => Some(format!("{bold}\n{}", "─".repeat(longest).dimmed())),
        3..=6 => Some(bold),
        _ => None,
    }
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inside, _)| inside)
}

#[cfg(test)]
mod tests;
