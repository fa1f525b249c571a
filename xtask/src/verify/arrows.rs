//! Which package may import which: chapters are siblings, and the kit and the runner know no chapter.
//!
//! A package without a rule is a problem, too. Otherwise a new one could import anything.

use serde_json::Value;

use crate::syllabus::TOPICS;

/// What a package of the workspace is, as far as the rules go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Events,
    Processes,
    Harness,
    /// `cluster-basics`, topic 0.
    Basics,
    Supervisor,
    /// A topic from 1 on.
    Chapter,
    Exercises,
    Runner,
}

/// The imports that break a rule, and the packages that have none.
pub(super) fn problems(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    packages.iter().flat_map(problems_of).collect()
}

fn problems_of(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let Some(from) = kind(name) else {
        return vec![format!(
            "{name} has no rule that says what it may import; write one in verify/arrows.rs."
        )];
    };
    let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    let imports = dependencies.iter().filter_map(|dependency| {
        let imported = dependency["name"].as_str().unwrap_or_default();
        let is_dev = dependency["kind"] == "dev";
        let is_broken = kind(imported).is_some_and(|to| !may_import(from, to, is_dev));
        is_broken.then(|| format!("{name} imports {imported}: {}.", rule(from)))
    });
    imports.collect()
}

fn kind(package: &str) -> Option<Kind> {
    match package {
        "events" => Some(Kind::Events),
        "processes" => Some(Kind::Processes),
        "harness" => Some(Kind::Harness),
        "supervisor" => Some(Kind::Supervisor),
        "exercises" => Some(Kind::Exercises),
        "xtask" => Some(Kind::Runner),
        _ => {
            let topic = TOPICS.iter().find(|topic| topic.package == package)?;
            Some(if topic.number == 0 { Kind::Basics } else { Kind::Chapter })
        }
    }
}

fn may_import(from: Kind, to: Kind, is_dev: bool) -> bool {
    let is_kit = matches!(to, Kind::Harness | Kind::Processes);
    match from {
        Kind::Events | Kind::Processes => false,
        Kind::Harness | Kind::Runner => matches!(to, Kind::Events | Kind::Processes),
        Kind::Basics => to == Kind::Events || (is_kit && is_dev),
        Kind::Supervisor => matches!(to, Kind::Events | Kind::Basics) || (is_kit && is_dev),
        Kind::Chapter => {
            let is_below =
                matches!(to, Kind::Events | Kind::Processes | Kind::Basics | Kind::Supervisor);
            is_below || (is_kit && is_dev)
        }
        Kind::Exercises => matches!(to, Kind::Events | Kind::Basics | Kind::Chapter),
    }
}

/// What a package may import, in words.
fn rule(from: Kind) -> &'static str {
    match from {
        Kind::Events | Kind::Processes => "it may import nothing of ours",
        Kind::Harness | Kind::Runner => "it may import only events and processes",
        Kind::Basics => "it may import only events, and for its tests harness and processes",
        Kind::Supervisor => {
            "it may import only events and cluster-basics, and for its tests harness and processes"
        }
        Kind::Chapter => {
            "chapters are siblings; each may import only events, processes, cluster-basics, \
             supervisor, and for its tests harness"
        }
        Kind::Exercises => "an exercise may import only events, cluster-basics and the chapters",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn importing(from: &str, to: &str, kind: Option<&str>) -> Vec<String> {
        let dependency = json!({ "name": to, "kind": kind });
        problems(&json!({ "packages": [{ "name": from, "dependencies": [dependency] }] }))
    }

    #[test]
    fn these_arrows_are_allowed() {
        for (from, to, kind) in [
            ("cluster-basics", "events", None),
            ("cluster-basics", "harness", Some("dev")),
            ("supervisor", "cluster-basics", None),
            ("rolling-restart", "supervisor", None),
            ("rolling-restart", "harness", Some("dev")),
            ("rolling-restart", "tokio", None),
            ("exercises", "graceful-shutdown", None),
            ("harness", "processes", None),
            ("xtask", "events", None),
            ("xtask", "serde", None),
        ] {
            assert_eq!(importing(from, to, kind), [""; 0], "{from} may import {to}");
        }
    }

    #[test]
    fn these_arrows_are_problems() {
        for (from, to, kind) in [
            ("events", "processes", None),
            ("processes", "events", Some("dev")),
            ("cluster-basics", "supervisor", None),
            ("supervisor", "graceful-shutdown", None),
            ("supervisor", "harness", None),
            ("rolling-restart", "graceful-shutdown", None),
            ("graceful-shutdown", "rolling-restart", Some("dev")),
            ("graceful-shutdown", "harness", None),
            ("graceful-shutdown", "harness", Some("build")),
            ("graceful-shutdown", "exercises", None),
            ("zero-downtime-deploy", "rolling-restart", None),
            ("exercises", "supervisor", None),
            ("exercises", "harness", Some("dev")),
            ("harness", "graceful-shutdown", Some("dev")),
            ("xtask", "harness", None),
            ("xtask", "cluster-basics", None),
        ] {
            assert_eq!(importing(from, to, kind).len(), 1, "{from} may not import {to}");
        }
    }

    #[test]
    fn a_package_without_a_rule_is_a_problem() {
        let problems = importing("brand-new", "events", None);
        assert!(problems[0].contains("brand-new has no rule"), "{problems:?}");
    }
}
