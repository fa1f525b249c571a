//! Who may import whom: a topic only lower numbers; the kit and the runner no topic at all.

use serde_json::Value;

use crate::syllabus::TOPICS;

/// What a package of the workspace is, as far as the rules go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `events` and `processes`, which import nothing of ours.
    Leaf,
    Harness,
    Topic(u8),
    Exercises,
    Runner,
}

/// The imports that break a rule.
pub(super) fn problems(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut problems = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let dependencies =
            package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
        for dependency in dependencies {
            let imported = dependency["name"].as_str().unwrap_or_default();
            let is_dev = dependency["kind"] == "dev";
            if let (Some(from), Some(to)) = (kind(name), kind(imported)) {
                let rule = broken_rule(from, to, is_dev);
                problems.extend(rule.map(|rule| format!("{name} imports {imported}: {rule}.")));
            }
        }
    }
    problems
}

fn kind(package: &str) -> Option<Kind> {
    match package {
        "events" | "processes" => Some(Kind::Leaf),
        "harness" => Some(Kind::Harness),
        "exercises" => Some(Kind::Exercises),
        "xtask" => Some(Kind::Runner),
        _ => {
            let topic = TOPICS.iter().find(|topic| topic.package == package)?;
            Some(Kind::Topic(topic.number))
        }
    }
}

/// The rule that an import breaks.
fn broken_rule(from: Kind, to: Kind, is_dev: bool) -> Option<&'static str> {
    match (from, to) {
        (_, Kind::Exercises | Kind::Runner) => Some("nobody imports the exercises or the runner"),
        (Kind::Leaf, _) => Some("a leaf imports nothing of ours"),
        (Kind::Topic(higher), Kind::Topic(lower)) if lower < higher => None,
        (Kind::Topic(_), Kind::Topic(_)) => Some("a topic imports only lower numbers"),
        (Kind::Topic(_), Kind::Harness) if is_dev => None,
        (Kind::Topic(_), Kind::Harness) => Some("only a topic's tests may use the test kit"),
        (Kind::Harness | Kind::Runner, Kind::Topic(_)) => {
            Some("the kit and the runner meet a topic as a process only")
        }
        (Kind::Runner, Kind::Harness) => Some("the runner stays light, without the test kit"),
        (Kind::Exercises, Kind::Harness) => Some("an exercise does not know its tester"),
        (_, Kind::Leaf) | (Kind::Exercises, Kind::Topic(_)) | (Kind::Harness, Kind::Harness) => {
            None
        }
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
    fn arrows_point_to_lower_numbers_and_the_kit_knows_no_topic() {
        for (from, to, kind) in [
            ("rolling-restart", "graceful-shutdown", None),
            ("rolling-restart", "harness", Some("dev")),
            ("exercises", "graceful-shutdown", None),
            ("harness", "events", None),
            ("xtask", "serde", None),
        ] {
            assert!(importing(from, to, kind).is_empty(), "{from} may import {to}");
        }
        for (from, to, kind) in [
            ("graceful-shutdown", "rolling-restart", None),
            ("graceful-shutdown", "harness", None),
            ("harness", "graceful-shutdown", Some("dev")),
            ("xtask", "cluster-basics", None),
            ("graceful-shutdown", "exercises", None),
            ("events", "processes", None),
        ] {
            assert_eq!(importing(from, to, kind).len(), 1, "{from} may not import {to}");
        }
    }
}
