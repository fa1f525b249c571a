//! Arrows between the modules of one program or library.
//!
//! Where a `lib.rs` or `main.rs` says in a line of its own that
//!
//! ```text
//! `plan` never imports `rollout`, `primary`.
//! ```
//!
//! no file of `plan` may name one of the others, in a `use` or in a path.

use std::path::{Path, PathBuf};

use super::tidy::sources;
use crate::workspace::Workspace;

const NEVER: &str = " never imports ";

/// A line that says "never".
#[derive(Debug, PartialEq, Eq)]
struct Rule<'a> {
    module: &'a str,
    never: Vec<&'a str>,
}

/// The references that break a rule, and the rules about modules that are not there.
pub(super) fn problems(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for root in roots(workspace) {
        let text = workspace.read(&root)?;
        for rule in rules(&text) {
            problems.extend(broken(workspace, &root, &rule)?);
        }
    }
    Ok(problems)
}

/// Every `lib.rs` and `main.rs` of a library, a program or an example.
fn roots(workspace: &Workspace) -> impl Iterator<Item = PathBuf> {
    let files = sources(workspace, &["crates"], "rs").into_iter();
    files.filter(|file| {
        let folder = file.components().nth(2).map(std::path::Component::as_os_str);
        let is_program = folder.is_some_and(|folder| folder == "src" || folder == "examples");
        is_program && (file.ends_with("lib.rs") || file.ends_with("main.rs"))
    })
}

fn rules(text: &str) -> Vec<Rule<'_>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("//!"));
    let rule = |line| {
        let (module, never): (&str, &str) = str::split_once(line, NEVER)?;
        Some(Rule { module: quoted(module).last()?, never: quoted(never) })
    };
    lines.filter_map(rule).collect()
}

/// What stands between backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn broken(workspace: &Workspace, root: &Path, rule: &Rule) -> anyhow::Result<Vec<String>> {
    let folder = root.parent().unwrap_or(Path::new(""));
    let files_of = |module: &str| files(workspace, folder, module);
    let mut problems = Vec::new();
    for name in [rule.module].iter().chain(&rule.never).filter(|name| files_of(name).is_empty()) {
        problems.push(format!("{} names `{name}`, which isn't a module there.", root.display()));
    }
    for (file, depth) in files_of(rule.module) {
        for (line, module) in references(&workspace.read(&file)?, depth) {
            if rule.never.contains(&module.as_str()) || module == "*" {
                let (file, root) = (file.display(), root.display());
                let module =
                    if module == "*" { "everything".into() } else { format!("`{module}`") };
                problems.push(format!(
                    "{file}:{line} imports {module}; {root} says that `{}` never does.",
                    rule.module
                ));
            }
        }
    }
    Ok(problems)
}

/// The files of `module`, each with how many modules it is below the root.
fn files(workspace: &Workspace, folder: &Path, module: &str) -> Vec<(PathBuf, usize)> {
    let file = folder.join(format!("{module}.rs"));
    let below = folder.join(module);
    let mut files: Vec<PathBuf> = sources(workspace, &[below.to_string_lossy().as_ref()], "rs");
    if workspace.has(&file) {
        files.push(file);
    }
    let depth = |file: &Path| {
        let path = file.strip_prefix(folder).unwrap_or(file);
        path.components().count() - usize::from(path.ends_with("mod.rs"))
    };
    files.into_iter().map(|file| (file.clone(), depth(&file))).collect()
}

/// The modules of the root that `source` names, with their lines; `*` stands for all of them.
/// `depth` says how many `super::` lead from it to the root.
fn references(source: &str, depth: usize) -> Vec<(usize, String)> {
    let code = without_comments(source);
    let mut found = Vec::new();
    for keyword in ["crate", "super"] {
        for (at, _) in code.match_indices(keyword) {
            let path = &code[at..];
            if !begins_path(&code[..at]) {
                continue;
            }
            let line = 1 + code[..at].matches('\n').count();
            let modules = of_root(path, depth, 0);
            found.extend(modules.into_iter().map(|module| (line, module)));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Whether what follows `before` is the first word of a path.
fn begins_path(before: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "_:$".contains(c);
    !before.trim_end().ends_with("::") && !before.ends_with(is_part)
}

/// The modules of the root that the use tree or path at the start of `text` names, after `supers`
/// times `super::`.
fn of_root(text: &str, depth: usize, supers: usize) -> Vec<String> {
    let word = word(text);
    let rest = text[word.len()..].trim_start();
    let Some(rest) = rest.strip_prefix("::").map(str::trim_start) else { return Vec::new() };
    // A module in the middle of a file, such as `tests`, is one `super` further away.
    let supers = if word == "super" { supers + 1 } else { supers };
    let is_root = word == "crate" || supers >= depth;
    let members = rest.strip_prefix('{').map_or_else(|| vec![rest.to_owned()], members);
    let of = |member: &String| match (self::word(member), is_root) {
        ("super", _) => of_root(member, depth, supers),
        // The root's own `super::*` is how unit tests import the file around them.
        ("", true) if member.starts_with('*') && word == "crate" => vec!["*".to_owned()],
        ("" | "self", _) | (_, false) => Vec::new(),
        (module, true) => vec![module.to_owned()],
    };
    members.iter().flat_map(of).collect()
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The members of a `use` group at its outermost level.
fn members(group: &str) -> Vec<String> {
    let mut members = vec![String::new()];
    let mut depth = 0;
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => members.push(String::new()),
            _ => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                members.last_mut().expect("it begins with one").push(c);
            }
        }
    }
    members.iter().map(|member| member.trim().to_owned()).collect()
}

/// The same number of lines, without what follows `//`.
fn without_comments(source: &str) -> String {
    let code = source.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(source: &str, depth: usize) -> Vec<String> {
        references(source, depth).into_iter().map(|(_, module)| module).collect()
    }

    #[test]
    fn a_line_that_says_never_is_a_rule() {
        let text = "//! Text.\n//!\n//! `plan` never imports `rollout`, `primary`.\n// `a` never imports `b`.\n";
        let rule = Rule { module: "plan", never: vec!["rollout", "primary"] };
        assert_eq!(rules(text), [rule]);
    }

    #[test]
    fn every_way_to_name_a_module_is_found() {
        for (source, depth) in [
            ("use crate::primary;", 1),
            ("use crate::primary::Deed;", 1),
            ("use crate::{\n    given::{self, Slot},\n    primary::{Deed, Wish},\n};", 1),
            ("fn f() { crate::primary::go() }", 1),
            ("use super::primary::Deed;", 1),
            ("use super::{super::primary, sibling};", 2),
            ("pub(super) fn f(deed: super::super::primary::Deed) {}", 2),
            ("mod tests {\n    use super::super::primary;\n}", 1),
        ] {
            assert!(named(source, depth).contains(&"primary".into()), "{source}");
        }
        assert_eq!(references("\n\nuse crate::primary;", 1), [(3, "primary".to_owned())]);
        assert_eq!(named("use crate::*;", 1), ["*"]);
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        for (source, depth) in [
            ("use super::primary;", 2),
            ("// use crate::primary;", 1),
            ("//! [`crate::primary`] acts", 1),
            ("use supervisor::primary;", 1),
            ("use crate::given::primary;", 1),
            ("use other::crate_primary;", 1),
            ("mod tests { use super::*; }", 1),
            ("let primary = 1; primary::x();", 1),
            ("pub(crate) fn primary() {}", 1),
        ] {
            assert!(!named(source, depth).contains(&"primary".into()), "{source}");
            assert!(!named(source, depth).contains(&"*".into()), "{source}");
        }
    }

    #[test]
    fn a_rule_is_checked_in_every_file_of_its_module() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace { root: folder.path().into() };
        let write = |file: &str, text: &str| {
            workspace.write(Path::new("crates/02/examples/02-roll").join(file), text).unwrap();
        };
        write("main.rs", "//! `plan` never imports `primary`.\n//! `plan` never imports `gone`.\n");
        write("plan.rs", "use crate::rollout;\n");
        write("plan/deep.rs", "use super::super::primary;\n");
        write("primary.rs", "use crate::plan;\n");
        let problems = problems(&workspace).unwrap();
        assert!(problems[0].contains("plan/deep.rs:1 imports `primary`"), "{problems:?}");
        assert!(problems[1].contains("names `gone`, which isn't a module"), "{problems:?}");
        assert_eq!(problems.len(), 2, "{problems:?}");
    }
}
