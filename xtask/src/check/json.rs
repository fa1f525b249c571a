//! What `check --json` prints: one object, for editors and classrooms.

use events::{
    Entry,
    contract::{Promise, Report, Status},
};
use serde_json::{Value, json};

use crate::{
    exit::{Failure, Verdict},
    subject::Source,
    syllabus::Exercise,
};

/// A check that reached a verdict.
pub(super) fn checked(
    exercise: &Exercise,
    source: &Source,
    promises: &[Promise],
    reports: &[Report],
    verdict: Verdict,
) -> Value {
    let count = |status: Status| reports.iter().filter(|report| report.status == status).count();
    let promises: Vec<Value> = promises.iter().zip(reports).map(one).collect();
    json!({
        "exercise": exercise.name(),
        "subject": source.label(exercise),
        "verdict": verdict.word(),
        "kept": count(Status::Kept),
        "broken": count(Status::Broken),
        "unclear": count(Status::Unclear),
        "promises": promises,
    })
}

/// Many runs of the same check.
pub(super) fn repeated(
    exercise: &Exercise,
    source: &Source,
    promises: &[Promise],
    (runs, kept_all, unclear): (u32, u32, u32),
    broke: &[(usize, u32)],
    verdict: Verdict,
) -> Value {
    let broke =
        broke.iter().map(|(index, times)| json!({ "id": promises[*index].id, "times": times }));
    json!({
        "exercise": exercise.name(),
        "subject": source.label(exercise),
        "verdict": verdict.word(),
        "runs": runs,
        "kept_all": kept_all,
        "unclear": unclear,
        "broke": broke.collect::<Vec<_>>(),
    })
}

/// A program that the compiler refuses.
pub(super) fn does_not_compile(exercise: &Exercise, source: &Source, errors: &[&str]) -> Value {
    json!({
        "exercise": exercise.name(),
        "subject": source.label(exercise),
        "verdict": "does_not_compile",
        "kept": 0,
        "broken": 0,
        "promises": [],
        "errors": errors,
    })
}

/// A check that could not be done: no verdict on the program.
pub(super) fn failed(exercise: &Exercise, source: &Source, failure: &Failure) -> Value {
    json!({
        "exercise": exercise.name(),
        "subject": source.label(exercise),
        "verdict": "failed",
        "kept": 0,
        "broken": 0,
        "promises": [],
        "error": failure.message(),
    })
}

/// One object, whatever was asked for.
pub(super) fn together(mut objects: Vec<Value>, is_all: bool, worst: Verdict) -> Value {
    if !is_all && objects.len() == 1 {
        return objects.remove(0);
    }
    json!({
        "exercise": "all",
        "verdict": worst.word(),
        "exercises": objects,
    })
}

fn one((promise, report): (&Promise, &Report)) -> Value {
    let story = report.story.as_ref();
    let timeline = story.map_or(&[][..], |story| &story.timeline);
    json!({
        "id": promise.id,
        "sentence": promise.sentence,
        "extra": promise.extra,
        "status": report.status,
        "millis": report.millis,
        "expected": story.map(|story| &story.expected),
        "observed": story.map(|story| &story.observed),
        "timeline": timeline.iter().map(entry).collect::<Vec<_>>(),
        "starvation": report.starvation,
        "guide": promise.guide,
    })
}

fn entry(entry: &Entry) -> Value {
    let at = (entry.at * 1000.0).round() / 1000.0;
    let mut value = json!({ "at": at, "source": entry.source, "text": entry.text });
    if entry.here {
        value["here"] = true.into();
    }
    value
}
