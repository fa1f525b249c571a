//! Which promise killed which mutant, as a table of at most 80 columns.

use colored::Colorize;
use events::contract::{Report, Status};

use super::{Case, autopsy::autopsy};
use crate::{verify::chapter::Chapter, wrap::pad};

const NAMES: usize = 33;

/// A row for each mutant, and a column for each promise of `chapter`.
pub(super) fn table(chapter: &Chapter, judged: &[(&Case, &[Report])]) -> String {
    let mut lines = heading(chapter.promises.len());
    lines.extend(judged.iter().map(|(case, reports)| {
        let is_right = !reports.is_empty() && autopsy(case, reports).is_none();
        row(&case.mutant.name, reports, is_right)
    }));
    lines.join("\n")
}

/// The numbers of the promises, each above its column.
fn heading(promises: usize) -> Vec<String> {
    let tens = |n: usize| if n < 10 { " ".into() } else { (n / 10).to_string() };
    let line = |name: &str, digits: Vec<String>| {
        let text = format!("    {}{}", pad(name, NAMES), digits.join(" "));
        text.trim_end().dimmed().to_string()
    };
    let numbers = 1..=promises;
    let ones = line(
        "· kept  ✗ killed by  - skipped",
        numbers.clone().map(|n| (n % 10).to_string()).collect(),
    );
    if promises < 10 {
        return vec![ones];
    }
    vec![line("", numbers.map(tens).collect()), ones]
}

fn row(name: &str, reports: &[Report], is_right: bool) -> String {
    let cell = |report: &Report| match report.status {
        Status::Kept => "·".dimmed().to_string(),
        Status::Broken if is_right => "✗".green().to_string(),
        Status::Broken | Status::Faulty => "✗".red().bold().to_string(),
        Status::Unclear => "?".yellow().to_string(),
        Status::Skipped => "-".dimmed().to_string(),
        Status::NotReached => " ".into(),
    };
    let cells: Vec<String> = reports.iter().map(cell).collect();
    let name = events::timeline::clip(name, NAMES - 1);
    format!("    {}{}", pad(&name, NAMES), cells.join(" ")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(status: Status) -> Report {
        Report::bare(status)
    }

    #[test]
    fn each_promise_has_its_column_and_the_table_fits_in_80() {
        colored::control::set_override(false);
        let kept = vec![report(Status::Kept); 20];
        let reports = [&kept[..], &[report(Status::Skipped), report(Status::Broken)]].concat();
        let row = row("a-name-that-is-longer-than-its-column-is-wide", &reports, true);
        let heading = heading(reports.len());
        let column = |line: &str| line.chars().count();
        assert_eq!(column(&row), column(&heading[1]), "{row}\n{}", heading.join("\n"));
        assert!(row.ends_with("· - ✗") && heading[1].ends_with("0 1 2"), "{row}");
        assert!(heading[0].ends_with("1 1 2 2 2") && column(&row) <= 80, "{}", heading[0]);
        colored::control::unset_override();
    }
}
