//! Links between the pages, and the anchors that GitHub makes of headings.

use std::path::{Component, Path, PathBuf};

use crate::workspace::Workspace;

/// What is wrong with the relative links of the page at `file`.
pub(super) fn problems(workspace: &Workspace, file: &Path, text: &str) -> Vec<String> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let links = links(text).into_iter().filter(|(_, target)| !is_elsewhere(target));
    let broken = links.filter_map(|(line, target)| {
        let why = problem(workspace, file, folder, &target)?;
        Some(format!("{}:{line} links to {target}, {why}", file.display()))
    });
    broken.collect()
}

/// What is wrong with a place such as `guides/01.md#anchor`, relative to the workspace.
pub(super) fn place_problem(workspace: &Workspace, place: &str) -> Option<String> {
    problem(workspace, Path::new(""), Path::new(""), place)
}

fn problem(workspace: &Workspace, file: &Path, folder: &Path, target: &str) -> Option<String> {
    let (path, anchor) = target.split_once('#').map_or((target, None), |(p, a)| (p, Some(a)));
    let path = if path.is_empty() { file.to_owned() } else { tidy(&folder.join(path)) };
    if !workspace.has(&path) {
        return Some(format!("but there is no {}. Correct it.", path.display()));
    }
    let anchor = anchor.filter(|_| path.extension().is_some_and(|ending| ending == "md"))?;
    let text = workspace.read(&path).ok()?;
    let is_there = anchors(&text).iter().any(|other| other == anchor);
    (!is_there).then(|| format!("but no heading there makes the anchor #{anchor}. Correct it."))
}

fn is_elsewhere(target: &str) -> bool {
    target.contains("://") || target.starts_with("mailto:")
}

/// `a/../b` is `b`.
fn tidy(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut tidy, part| {
        match part {
            Component::ParentDir => drop(tidy.pop()),
            Component::CurDir => {}
            other => tidy.push(other),
        }
        tidy
    })
}

/// The targets of all inline links outside of code, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        let mut rest = line.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, after)) = after.split_once(')') else { break };
            links.push((number, target.split(' ').next().unwrap_or(target).to_owned()));
            rest = after;
        }
    }
    links
}

/// The lines outside of fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<usize> = None;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let line = line.trim();
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            Some(open) if ticks >= open && line.len() == ticks => {
                fence = None;
                false
            }
            Some(_) => false,
            None if ticks >= 3 => {
                fence = Some(ticks);
                false
            }
            None => true,
        }
    })
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// The anchors of all headings.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for (_, line) in prose(text) {
        let level = line.len() - line.trim_start_matches('#').len();
        let Some(heading) = line[level..].strip_prefix(' ').filter(|_| (1..=6).contains(&level))
        else {
            continue;
        };
        let slug = slug(heading);
        let before = anchors.iter().filter(|other| is_copy_of(other, &slug)).count();
        anchors.push(if before == 0 { slug } else { format!("{slug}-{before}") });
    }
    anchors
}

fn is_copy_of(anchor: &str, slug: &str) -> bool {
    let suffix = anchor.strip_prefix(slug);
    suffix.is_some_and(|s| s.is_empty() || s[1..].parse::<usize>().is_ok() && s.starts_with('-'))
}

/// GitHub's rule: lower case, without punctuation, hyphens for spaces. A link counts as its text.
fn slug(heading: &str) -> String {
    let mut text = String::new();
    let mut rest = heading.trim();
    while let Some((before, after)) = rest.split_once("](") {
        text.push_str(before);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    let kept = text.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_make_the_anchors_that_github_makes() {
        for (heading, anchor) in [
            ("Connection draining", "connection-draining"),
            ("Why `Connection: close`?", "why-connection-close"),
            ("PID 1 & friends", "pid-1--friends"),
            ("SIGTERM → SIGKILL", "sigterm--sigkill"),
            ("See [the map](x.md)", "see-the-map"),
        ] {
            assert_eq!(slug(heading), anchor);
        }
        let text = "# A\n## A\n```\n# not\n```\n## A\n";
        assert_eq!(anchors(text), ["a", "a-1", "a-2"]);
    }

    #[test]
    fn links_in_code_are_not_links() {
        let text = "[a](x.md) and `[b](y.md)`\n```\n[c](z.md)\n```\n[d](../w.md#e \"title\")";
        assert_eq!(links(text), [(1, "x.md".into()), (5, "../w.md#e".into())]);
        assert_eq!(tidy(Path::new("guides/../a/./b.md")), Path::new("a/b.md"));
    }
}
