//! Noticing an exercise that imports the answer.
//!
//! A topic's library holds the finished pattern, so `use graceful_shutdown::drain` in exercise 1
//! is looking the answer up. Only `given` is given. This notices, and judges nothing.

/// The lines of `source` that use anything but `given` of the crate `name`.
pub(super) fn lookups(source: &str, name: &str) -> Vec<usize> {
    let code = without_comments(source);
    let mut lines: Vec<usize> = code
        .match_indices(name)
        .filter(|(at, _)| is_whole_word(&code, *at, name.len()))
        .filter(|(at, _)| !is_given(&code[at + name.len()..]))
        .map(|(at, _)| 1 + code[..at].matches('\n').count())
        .collect();
    lines.dedup();
    lines
}

/// The same number of lines, without what follows `//`.
fn without_comments(source: &str) -> String {
    let code = source.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.collect::<Vec<_>>().join("\n")
}

fn is_whole_word(code: &str, at: usize, length: usize) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '"' || c == '-';
    let before = code[..at].chars().next_back();
    let after = code[at + length..].chars().next();
    !before.is_some_and(is_part) && !after.is_some_and(is_part)
}

/// Whether a path goes on with `::given`, or with braces that hold nothing else.
fn is_given(rest: &str) -> bool {
    let Some(path) = rest.trim_start().strip_prefix("::") else {
        return false;
    };
    let path = path.trim_start();
    match path.strip_prefix('{') {
        None => begins_with_given(path),
        Some(group) => members(group).iter().all(|member| begins_with_given(member)),
    }
}

fn begins_with_given(path: &str) -> bool {
    let word: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    word == "given"
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
                if let Some(member) = members.last_mut().filter(|m| !m.is_empty() || c != ' ') {
                    member.push(if c == '\n' { ' ' } else { c });
                }
            }
        }
    }
    let trimmed = members.iter().map(|member| member.trim().to_owned());
    trimmed.filter(|member| !member.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<usize> {
        lookups(source, "graceful_shutdown")
    }

    #[test]
    fn what_is_given_may_be_used() {
        for source in [
            "use graceful_shutdown::given::serve;",
            "use graceful_shutdown::given;",
            "use graceful_shutdown::{\n    given::{serve, spawn},\n};",
            "// use graceful_shutdown::drain;",
            "//! see graceful_shutdown::drain",
            "fn my_graceful_shutdown_of_mine() {}",
            "emit(\"graceful_shutdown\");",
        ] {
            assert_eq!(found(source), [0; 0], "{source}");
        }
    }

    #[test]
    fn the_finished_pattern_is_noticed_with_its_line() {
        assert_eq!(found("\nuse graceful_shutdown::drain;"), [2]);
        assert_eq!(found("use graceful_shutdown::{given::serve, drain};"), [1]);
        assert_eq!(found("fn f() {\n  graceful_shutdown::drain::all();\n}"), [2]);
        assert_eq!(found("use graceful_shutdown as answers;"), [1]);
        assert_eq!(found("use graceful_shutdown::givens;"), [1]);
    }
}
