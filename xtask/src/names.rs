//! What a learner types, and the topic or exercise that they mean.
//!
//! `exercise-3`, `3`, `02-rolling-restart`, `rolling-restart`, `02` and any unambiguous part work.
//! A typo gets a suggestion, an unfinished chapter a plain answer.

mod typos;

pub(crate) use self::typos::closest;
use crate::{
    exit::Failure,
    syllabus::{Exercise, TOPICS, Topic, exercises},
    workspace::Workspace,
};

/// What `run` can play.
pub(crate) enum Runnable {
    /// The finished example of a topic.
    Example(&'static Topic),
    /// The learner's own program.
    Exercise(&'static Topic, &'static Exercise),
}

/// What a bare digit means.
#[derive(Clone, Copy, PartialEq)]
enum Digit {
    IsExercise,
    IsTopic,
}

/// The exercise that `name` means.
pub(crate) fn exercise(
    workspace: &Workspace,
    name: &str,
) -> Result<(&'static Topic, &'static Exercise), Failure> {
    let topic = find(name, Digit::IsExercise)?;
    if !topic.is_built(workspace) {
        return Err(not_built(topic));
    }
    let Some(exercise) = &topic.exercise else {
        let slug = topic.slug();
        let does = if topic.has_tour(workspace) { "plays its tour" } else { "starts its example" };
        let sentence = format!("Topic {slug} has no exercise; `cargo xtask run {slug}` {does}.");
        return Err(Failure::Usage(sentence));
    };
    if topic.has_exercise(workspace) { Ok((topic, exercise)) } else { Err(not_built(topic)) }
}

/// The topic that `name` means.
pub(crate) fn topic(workspace: &Workspace, name: &str) -> Result<&'static Topic, Failure> {
    let topic = find(name, Digit::IsTopic)?;
    if topic.is_built(workspace) { Ok(topic) } else { Err(not_built(topic)) }
}

/// The example or exercise that `name` means.
pub(crate) fn runnable(workspace: &Workspace, name: &str) -> Result<Runnable, Failure> {
    let topic = topic(workspace, name)?;
    match &topic.exercise {
        Some(exercise) if is_exercise_name(name) => Ok(Runnable::Exercise(topic, exercise)),
        Some(_) | None => Ok(Runnable::Example(topic)),
    }
}

fn is_exercise_name(name: &str) -> bool {
    tidy(name).starts_with("ex")
}

fn not_built(topic: &Topic) -> Failure {
    Failure::Usage(format!(
        "Topic {} is still being written; `cargo xtask list` shows what is there.",
        topic.slug()
    ))
}

/// `exercises/Exercise-1.rs` and `exercise-1` are the same wish.
fn tidy(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let name = name.rsplit('/').find(|part| !part.is_empty());
    let name = name.unwrap_or_default();
    name.trim_end_matches(".rs").replace([' ', '_'], "-")
}

fn find(name: &str, digit: Digit) -> Result<&'static Topic, Failure> {
    let wanted = tidy(name);
    if let Some(topic) = exact(&wanted, digit) {
        return Ok(topic);
    }
    match &partial(&wanted)[..] {
        [topic] => Ok(topic),
        [] => Err(unknown(name, &wanted)),
        several => Err(ambiguous(name, several)),
    }
}

fn exact(wanted: &str, digit: Digit) -> Option<&'static Topic> {
    let by_number = |number: u8| match (wanted.len(), digit) {
        (1, Digit::IsExercise) => exercises().find(|(_, e)| e.number == number).map(|(t, _)| t),
        _ => TOPICS.iter().find(|topic| topic.number == number),
    };
    if let Ok(number) = wanted.parse() {
        return by_number(number);
    }
    TOPICS.iter().find(|topic| {
        let exercise = topic.exercise.as_ref().map(Exercise::name);
        exercise.is_some_and(|name| name == wanted)
            || [topic.slug().as_str(), topic.package, topic.example].contains(&wanted)
    })
}

fn partial(wanted: &str) -> Vec<&'static Topic> {
    let is_meant = |topic: &&Topic| names_of(topic).any(|name| name.contains(wanted));
    if wanted.is_empty() {
        return Vec::new();
    }
    TOPICS.iter().filter(is_meant).collect()
}

fn names_of(topic: &Topic) -> impl Iterator<Item = String> {
    let exercise = topic.exercise.as_ref().map(Exercise::name);
    [topic.slug(), topic.example.to_owned()].into_iter().chain(exercise)
}

fn unknown(name: &str, wanted: &str) -> Failure {
    let all = TOPICS.iter().flat_map(|topic| {
        let package = topic.package.to_owned();
        names_of(topic).chain([package]).collect::<Vec<_>>()
    });
    Failure::Usage(match closest(wanted, all) {
        Some(meant) => format!("There is no `{name}`. Did you mean `{meant}`?"),
        None => format!("There is no `{name}`; `cargo xtask list` shows what there is."),
    })
}

fn ambiguous(name: &str, topics: &[&Topic]) -> Failure {
    let slugs: Vec<String> = topics.iter().map(|topic| topic.slug()).collect();
    Failure::Usage(format!(
        "`{name}` could mean {}. Type a little more of the name.",
        slugs.join(" or ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(name: &str, digit: Digit) -> String {
        find(name, digit).map_or_else(|failure| failure.message(), Topic::slug)
    }

    #[test]
    fn every_way_to_name_an_exercise_finds_its_topic() {
        for name in [
            "exercise-2",
            "2",
            "02",
            "02-rolling-restart",
            "rolling-restart",
            "rolling",
            "crates/02-rolling-restart/",
            "exercises/exercise-2.rs",
            "Exercise_2",
        ] {
            assert_eq!(slug(name, Digit::IsExercise), "02-rolling-restart", "{name}");
        }
    }

    #[test]
    fn a_digit_is_an_exercise_to_check_and_a_topic_to_run() {
        assert_eq!(slug("5", Digit::IsExercise), "06-worker-pools");
        assert_eq!(slug("5", Digit::IsTopic), "05-shared-state");
        assert_eq!(slug("05", Digit::IsExercise), "05-shared-state");
    }

    #[test]
    fn a_typo_gets_a_suggestion_and_nonsense_gets_the_list() {
        let typo = slug("exercize-1", Digit::IsExercise);
        assert_eq!(typo, "There is no `exercize-1`. Did you mean `exercise-1`?");
        let typo = slug("gracefull-shutdown", Digit::IsExercise);
        assert!(typo.ends_with("Did you mean `graceful-shutdown`?"), "{typo}");
        assert!(slug("teapot", Digit::IsTopic).contains("cargo xtask list"));
        assert!(slug("", Digit::IsTopic).contains("cargo xtask list"));
        assert!(slug("99", Digit::IsTopic).contains("cargo xtask list"));
    }

    #[test]
    fn an_ambiguous_part_names_what_it_could_mean() {
        let answer = slug("sh", Digit::IsExercise);
        assert!(answer.contains("01-graceful-shutdown or 05-shared-state"), "{answer}");
    }
}
