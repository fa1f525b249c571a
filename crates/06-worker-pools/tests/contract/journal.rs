//! JOURNAL: what the workers themselves say that they started and finished.

use std::{collections::BTreeMap, fs};

use harness::{Kept, Trial};
use serde::Deserialize;

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Line {
    pub(crate) task: u64,
    pub(crate) attempt: u64,
    pub(crate) pid: u32,
    pub(crate) did: String,
}

/// All its whole lines, in order.
pub(crate) fn lines(trial: &Trial) -> Kept<Vec<Line>> {
    // It need not be there before the first start.
    let text = fs::read_to_string(trial.path("journal")).unwrap_or_default();
    let whole = text.rfind('\n').map_or(0, |at| at + 1);
    let line = |line: &str| {
        let read = serde_json::from_str(line);
        read.map_err(|_| trial.broken("lines of JOURNAL as in PROTOCOL.md", line.to_owned()))
    };
    text[..whole].lines().map(line).collect()
}

/// The tasks that were started, in order, as often as they were.
pub(crate) fn starts(trial: &Trial) -> Kept<Vec<u64>> {
    let lines = lines(trial)?.into_iter();
    Ok(lines.filter(|line| line.did == "started").map(|line| line.task).collect())
}

/// Each of these tasks must have been started this often, and no other task at all.
pub(crate) fn has_exactly(trial: &Trial, wanted: impl IntoIterator<Item = (u64, u64)>) -> Kept {
    let mut counts = BTreeMap::<u64, u64>::new();
    for task in starts(trial)? {
        *counts.entry(task).or_default() += 1;
    }
    let wanted: BTreeMap<u64, u64> = wanted.into_iter().filter(|(_, often)| *often > 0).collect();
    if counts == wanted {
        return Ok(());
    }
    let tasks = counts.keys().chain(wanted.keys());
    let often = |all: &BTreeMap<u64, u64>, task: &u64| all.get(task).copied().unwrap_or(0);
    let wrong = tasks.into_iter().find(|task| often(&counts, task) != often(&wanted, task));
    let task = wrong.copied().unwrap_or_default();
    let times = |often: u64| if often == 1 { "once".to_owned() } else { format!("{often} times") };
    let expected = format!("task {task} is started {}", times(often(&wanted, &task)));
    let observed = format!("it was started {}", times(often(&counts, &task)));
    Err(trial.broken(expected, observed))
}
