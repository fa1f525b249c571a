//! JOURNAL, which workers write and no report can forge; and `HOLD_DIR`, which lets a task end.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use harness::{Cluster, Kept, Stage, patience};
use serde::Deserialize;

use crate::clients::LIMIT;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Line {
    pub(crate) task: u64,
    pub(crate) attempt: u32,
    pub(crate) pid: u32,
    did: String,
}

impl Line {
    pub(crate) fn is_start(&self) -> bool {
        self.did == "started"
    }
}

/// The files of one step of the tour.
pub(crate) struct Evidence {
    folder: PathBuf,
}

impl Evidence {
    /// Fresh files for the step `name`.
    pub(crate) fn new(stage: &Stage, name: &str) -> Kept<Self> {
        let folder = stage.trial().path(name);
        let made = fs::create_dir_all(folder.join("holds"));
        made.map_err(|error| stage.trial().broken("a folder", error.to_string()))?;
        Ok(Evidence { folder })
    }

    /// Starts the program with these files, and `settings`.
    pub(crate) fn start(&self, stage: &Stage, settings: &[(&str, &str)]) -> Kept<Cluster> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let [spool, journal, holds] = ["spool", "journal", "holds"].map(file);
        let own = [("SPOOL", &*spool), ("JOURNAL", &*journal), ("HOLD_DIR", &*holds)];
        stage.start(&[&own[..], settings].concat())
    }

    /// Lets the hold `n` end.
    pub(crate) fn release(&self, n: u64) {
        let _ = fs::write(self.folder.join("holds").join(n.to_string()), "");
    }

    /// What workers have started and finished by now. A line that is being written is left out.
    pub(crate) fn journal(&self) -> Vec<Line> {
        let text = fs::read_to_string(self.folder.join("journal")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The starts of each task.
    pub(crate) fn starts(&self) -> BTreeMap<u64, Vec<Line>> {
        let mut starts: BTreeMap<u64, Vec<Line>> = BTreeMap::new();
        for line in self.journal().into_iter().filter(Line::is_start) {
            starts.entry(line.task).or_default().push(line);
        }
        starts
    }

    /// Waits until `number` tasks have started in all, repeated ones included.
    pub(crate) fn wait_started(&self, stage: &Stage, number: usize) -> Kept {
        let started = || self.journal().iter().filter(|line| line.is_start()).count();
        let all = processes::until(patience(LIMIT), || (started() >= number).then_some(()));
        let expected = format!("{number} starts in the journal");
        stage.trial().expect(all.is_some(), expected, format!("{} starts", started()))
    }
}

/// The picture of who works on what: a row for each worker, a column for each line of the journal.
pub(crate) fn lanes(journal: &[Line]) -> Vec<String> {
    let pids: BTreeSet<u32> = journal.iter().map(|line| line.pid).collect();
    pids.into_iter().zip(1..).map(|(pid, number)| lane(journal, pid, number)).collect()
}

fn lane(journal: &[Line], pid: u32, number: usize) -> String {
    let mut running = None;
    let mut row = format!("   worker {number}  ");
    for line in journal {
        if line.pid == pid {
            running = line.is_start().then_some(line.task);
        }
        row.push(running.map_or('·', letter));
    }
    row.trim_end().to_owned()
}

/// A letter for each task, so that neighbours differ.
fn letter(task: u64) -> char {
    let nth = u8::try_from(task.saturating_sub(1) % 26).unwrap_or_default();
    char::from(b'a' + nth)
}
