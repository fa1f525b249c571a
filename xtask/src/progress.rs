//! What the learner did so far, in a git-ignored file that never stands in their way.
//!
//! It is written to a temporary file and renamed, so that an interrupt leaves the old one or the
//! new one. One that can't be read is set aside with a message, never overwritten. Everything is
//! keyed by stable names, so that an update of the workbook loses nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
};

use events::contract::{Promise, Report, Status};
use serde::{Deserialize, Serialize};

use crate::{terminal::note, workspace::Workspace};

const FILE: &str = ".progress.json";
const CORRUPT: &str = ".progress.json.corrupt";

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
}

impl Progress {
    /// Reads the progress file; without one, the learner is new.
    pub(crate) fn load(workspace: &Workspace) -> Self {
        let text = match fs::read_to_string(workspace.at(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Progress::default(),
            Err(error) => return set_aside(workspace, &error.to_string()),
        };
        serde_json::from_str(&text).unwrap_or_else(|error| set_aside(workspace, &error.to_string()))
    }

    /// Writes the progress file. Failing to is worth a note, and nothing more.
    pub(crate) fn save(&self, workspace: &Workspace) {
        if let Err(error) = self.write(workspace) {
            note(format!("Your progress could not be saved in {FILE}: {error}."));
        }
    }

    fn write(&self, workspace: &Workspace) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        let temporary = workspace.at(format!("{FILE}.{}", std::process::id()));
        fs::write(&temporary, text + "\n")?;
        fs::rename(&temporary, workspace.at(FILE))
    }

    /// Remembers that `what` was read or played.
    pub(crate) fn saw(workspace: &Workspace, what: String) {
        let mut progress = Progress::load(workspace);
        if progress.seen.insert(what) {
            progress.save(workspace);
        }
    }

    /// Forgets the attempts at `exercise`, except for whether it was done once.
    pub(crate) fn begins_anew(workspace: &Workspace, exercise: &str) {
        let mut progress = Progress::load(workspace);
        if let Some(attempts) = progress.exercises.get_mut(exercise) {
            *attempts = Attempts { done: attempts.done, ..Attempts::default() };
            progress.save(workspace);
        }
    }

    /// Remembers a check of `exercise`, and answers whether it is done now for the first time.
    pub(crate) fn checked(
        &mut self,
        exercise: &str,
        promises: &[Promise],
        reports: &[Report],
    ) -> bool {
        self.current = Some(exercise.to_owned());
        let attempts = self.exercises.entry(exercise.to_owned()).or_default();
        let was_done = attempts.done;
        attempts.record(promises, reports);
        attempts.done && !was_done
    }
}

impl Attempts {
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

fn set_aside(workspace: &Workspace, why: &str) -> Progress {
    let outcome = fs::rename(workspace.at(FILE), workspace.at(CORRUPT));
    note(match outcome {
        Ok(()) => format!(
            "Your progress in {FILE} can't be read ({why}). It was set aside as {CORRUPT}, and a \
             new one begins; your exercises are untouched."
        ),
        Err(error) => format!("Your progress in {FILE} can't be read ({why}; {error})."),
    });
    Progress::default()
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
        assert!(!progress.checked("exercise-1", &promises, &broken));
        assert_eq!(progress.exercises["exercise-1"].broken.as_deref(), Some("b"));

        let only_b = [Status::Skipped, Status::Kept, Status::Skipped].map(report);
        assert!(!progress.checked("exercise-1", &promises, &only_b));
        assert_eq!(progress.exercises["exercise-1"].kept.len(), 2);

        let kept = [Status::Kept, Status::Kept, Status::Broken].map(report);
        assert!(progress.checked("exercise-1", &promises, &kept));
        assert!(!progress.checked("exercise-1", &promises, &broken));
        assert!(progress.exercises["exercise-1"].done);
    }
}
