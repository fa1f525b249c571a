//! `cargo xtask guide`: reading a guide in the terminal.

use std::path::{Path, PathBuf};

use colored::Colorize;

use crate::{
    exit::{Failure, Outcome, Verdict},
    markdown::{self, Folds},
    names::closest,
    next::{number, read},
    pager,
    progress::Progress,
    terminal::{say, width},
    workspace::Workspace,
    wrap::hang,
};

/// Shows the guide that `wanted` means, or the list of guides.
pub(crate) fn guide(workspace: &Workspace, wanted: Option<&str>, answers: bool) -> Outcome {
    let guides = guides(workspace);
    let Some(wanted) = wanted else {
        return list(workspace, &guides);
    };
    let file = find(&guides, wanted)?;
    let folds = if answers { Folds::Open } else { Folds::Closed };
    let text = markdown::render(&workspace.read(file)?, width(), folds);
    Progress::saw(workspace, read(&stem(file)));
    pager::show(&text);
    Ok(Verdict::Kept)
}

/// The numbered guides that are there.
pub(crate) fn guides(workspace: &Workspace) -> Vec<PathBuf> {
    let mut files = workspace.files("guides", ".md");
    files.retain(|file| stem(file).starts_with(|c: char| c.is_ascii_digit()));
    files
}

fn list(workspace: &Workspace, guides: &[PathBuf]) -> Outcome {
    let progress = Progress::load(workspace);
    for file in guides {
        let stem = stem(file);
        let text = workspace.read(file)?;
        let title = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(&stem);
        let mark = if progress.seen.contains(&read(&stem)) { "✓".green() } else { "·".normal() };
        say(hang(&format!("  {mark} {:>2}  ", number(&stem)), title, width()));
    }
    say(format!("\nRead one:  {}", "cargo xtask guide 1".bold()));
    Ok(Verdict::Kept)
}

fn find<'a>(guides: &'a [PathBuf], wanted: &str) -> Result<&'a Path, Failure> {
    let wanted = stem(Path::new(&wanted.to_lowercase()));
    let is_number = |file: &&PathBuf| {
        let file = stem(file);
        number(&file) == number(&wanted) && wanted.parse::<u32>().is_ok()
    };
    if let Some(file) = guides.iter().find(is_number) {
        return Ok(file);
    }
    let meant: Vec<&PathBuf> = guides.iter().filter(|file| stem(file).contains(&wanted)).collect();
    match &meant[..] {
        [file] => Ok(file),
        [] => Err(unknown(guides, &wanted)),
        several => {
            let names: Vec<String> = several.iter().map(|file| stem(file)).collect();
            let names = names.join(" or ");
            Err(Failure::Usage(format!("`{wanted}` could mean {names}; give its number.")))
        }
    }
}

fn unknown(guides: &[PathBuf], wanted: &str) -> Failure {
    Failure::Usage(match closest(wanted, guides.iter().map(|file| stem(file))) {
        Some(meant) => format!("There is no guide `{wanted}`. Did you mean `{meant}`?"),
        None => format!("There is no guide `{wanted}` yet; `cargo xtask guide` lists them."),
    })
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guide_is_found_by_number_and_by_a_part_of_its_name() {
        let guides = ["guides/00-cluster-basics.md", "guides/01-graceful-shutdown-patterns.md"];
        let guides = guides.map(PathBuf::from);
        for wanted in ["1", "01", "patterns", "guides/01-graceful-shutdown-patterns.md"] {
            assert_eq!(find(&guides, wanted).unwrap(), guides[1], "{wanted}");
        }
        assert!(matches!(find(&guides, "9"), Err(Failure::Usage(_))));
        assert!(matches!(find(&guides, "s"), Err(Failure::Usage(_))));
    }
}
