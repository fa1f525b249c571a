//! What the learner did so far, in a git-ignored file that never stands in their way.
//!
//! Everything is keyed by stable names, and what this version does not know is kept as it is, so
//! that an update of the workbook, or a way back, loses nothing. [`mod@file`] reads and writes it.

mod file;

use std::collections::{BTreeMap, BTreeSet};

use events::contract::{Promise, Report, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::workspace::Workspace;

/// The learner's way through the workbook.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    /// Tours played (`run 01-graceful-shutdown`) and guides opened (`guide 01-…`).
    pub(crate) seen: BTreeSet<String>,
    /// The exercise that was checked last.
    pub(crate) current: Option<String>,
    /// Each exercise that was checked at least once.
    pub(crate) exercises: BTreeMap<String, Attempts>,
    /// What another version of the workbook wrote.
    #[serde(flatten)]
    pub(crate) unknown: Map<String, Value>,
}

/// How far one exercise is.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Attempts {
    /// How often it was checked.
    pub(crate) checks: u32,
    /// Promises kept in the last check that ran them, by id.
    pub(crate) kept: BTreeSet<String>,
    /// Promises that are needed to pass.
    pub(crate) needed: usize,
    /// The first promise that broke in the last check, by id.
    pub(crate) broken: Option<String>,
    /// The same beyond the exercise.
    pub(crate) broken_extra: Option<String>,
    /// How many rungs of the hint ladder were shown, by promise.
    pub(crate) hints: BTreeMap<String, usize>,
    /// Whether all needed promises were kept in one check, ever.
    pub(crate) done: bool,
    /// As in [`Progress`].
    #[serde(flatten)]
    pub(crate) unknown: Map<String, Value>,
}

impl Progress {
    /// Reads the progress file; without one, the learner is new.
    pub(crate) fn load(workspace: &Workspace) -> Self {
        file::read(workspace)
    }

    /// Reads the progress, lets `change` change it, and writes it if that says so. Other commands
    /// may do the same at the same time: no change is lost. Returns the progress as it is then.
    pub(crate) fn update(
        workspace: &Workspace,
        change: impl FnOnce(&mut Progress) -> bool,
    ) -> Progress {
        file::update(workspace, change)
    }

    /// Remembers that `what` was read or played.
    pub(crate) fn saw(workspace: &Workspace, what: String) {
        Progress::update(workspace, |progress| progress.seen.insert(what));
    }

    /// Forgets the attempts at `exercise`, except for whether it was done once.
    pub(crate) fn begins_anew(workspace: &Workspace, exercise: &str) {
        Progress::update(workspace, |progress| {
            let attempts = progress.exercises.get_mut(exercise);
            attempts.map(Attempts::begin_anew).is_some()
        });
    }

    /// Remembers a check of `exercise`.
    pub(crate) fn checked(&mut self, exercise: &str, promises: &[Promise], reports: &[Report]) {
        self.current = Some(exercise.to_owned());
        self.exercises.entry(exercise.to_owned()).or_default().record(promises, reports);
    }
}

impl Attempts {
    /// Whether the program kept all that is needed when it was last checked. It may have been done
    /// once, and be broken or begun anew since.
    pub(crate) fn is_done_now(&self) -> bool {
        self.done && self.checks > 0 && self.broken.is_none()
    }

    fn begin_anew(&mut self) {
        let unknown = std::mem::take(&mut self.unknown);
        *self = Attempts { done: self.done, unknown, ..Attempts::default() };
    }

    fn record(&mut self, promises: &[Promise], reports: &[Report]) {
        let needed = promises.iter().zip(reports).filter(|(promise, _)| !promise.extra);
        self.checks += 1;
        self.needed = needed.clone().count();
        let all_kept = needed.clone().all(|(_, report)| report.status == Status::Kept);
        self.done |= all_kept;
        let broken = |extra: bool| {
            let mut judged = promises.iter().zip(reports);
            let found = judged.find(|(p, r)| p.extra == extra && r.status == Status::Broken);
            found.map(|(promise, _)| promise.id.clone())
        };
        self.broken = broken(false);
        self.broken_extra = broken(true);
        for (promise, report) in needed {
            match report.status {
                Status::Kept => drop(self.kept.insert(promise.id.clone())),
                Status::Broken | Status::NotReached => drop(self.kept.remove(&promise.id)),
                Status::Unclear | Status::Skipped | Status::Faulty => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promise(id: &str, extra: bool) -> Promise {
        Promise { id: id.into(), sentence: String::new(), extra, guide: String::new() }
    }

    fn report(status: Status) -> Report {
        Report::bare(status)
    }

    #[test]
    fn an_exercise_is_done_once_every_needed_promise_was_kept_in_one_check() {
        let promises = [promise("a", false), promise("b", false), promise("c", true)];
        let mut progress = Progress::default();
        let broken = [Status::Kept, Status::Broken, Status::NotReached].map(report);
        progress.checked("exercise-1", &promises, &broken);
        assert_eq!(progress.exercises["exercise-1"].broken.as_deref(), Some("b"));
        assert!(!progress.exercises["exercise-1"].done);

        let only_b = [Status::Skipped, Status::Kept, Status::Skipped].map(report);
        progress.checked("exercise-1", &promises, &only_b);
        assert!(!progress.exercises["exercise-1"].done);
        assert_eq!(progress.exercises["exercise-1"].kept.len(), 2);

        let kept = [Status::Kept, Status::Kept, Status::Broken].map(report);
        progress.checked("exercise-1", &promises, &kept);
        assert!(progress.exercises["exercise-1"].is_done_now());
        progress.checked("exercise-1", &promises, &broken);
        let attempts = progress.exercises.get_mut("exercise-1").unwrap();
        assert!(attempts.done && !attempts.is_done_now(), "done once, and broken since");
        attempts.begin_anew();
        assert!(attempts.done && !attempts.is_done_now(), "done once, and begun anew");
    }
}
