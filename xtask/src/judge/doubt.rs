//! A promise that broke on a busy machine: the program may have missed a deadline because it got no
//! core. It is judged again, alone and with more patience. If that can't tell either, it is unclear.

use std::{num::NonZero, thread};

use events::contract::{Report, Status};
use processes::spare_cores;

use super::{Plan, cancel::Cancellation, promise};

/// With this part of its cores to spare, a machine is no excuse.
const ENOUGH: f64 = 0.75;
/// However busy the machine is: a check must end.
const MOST_PATIENCE: f64 = 8.0;

/// Whether the machine may be to blame. A `todo!()` breaks a promise on any machine.
pub(super) fn is_doubtful(report: &Report) -> bool {
    let is_bad = matches!(report.status, Status::Broken | Status::Unclear);
    is_bad && report.starvation.is_some() && !came_to_a_todo(report)
}

/// Judges the promise at `index` alone, and as many times as patiently as the machine is slower.
pub(super) fn judge_again(plan: &Plan, index: usize, first: &Report) -> anyhow::Result<Report> {
    let before = spare_part();
    let patience = (1.0 / before).clamp(1.0, MOST_PATIENCE);
    let mut report = promise::judge(plan, index, patience, &Cancellation::default())?;
    report.millis += first.millis;
    // What starves alone, on a machine with cores to spare, starves itself.
    if is_doubtful(&report) && before.min(spare_part()) < ENOUGH {
        report.status = Status::Unclear;
    }
    if report.status == Status::Broken {
        report.starvation = None;
    }
    Ok(report)
}

/// Which part of its cores the machine has to spare: more than 0, and 1 at most.
fn spare_part() -> f64 {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    // Few enough for any float.
    let cores = f64::from(u32::try_from(cores).unwrap_or(u32::MAX));
    (spare_cores() / cores).clamp(0.01, 1.0)
}

fn came_to_a_todo(report: &Report) -> bool {
    let entries = report.story.iter().flat_map(|story| &story.timeline);
    entries.into_iter().any(|entry| entry.text.starts_with("not yet implemented"))
}

#[cfg(test)]
mod tests {
    use events::{
        Entry,
        contract::{Starvation, Story},
    };

    use super::*;

    fn report(status: Status, is_starved: bool, output: &str) -> Report {
        let story = Story {
            expected: String::new(),
            observed: String::new(),
            advice: None,
            timeline: vec![Entry::from_line(0.1, output)],
        };
        let starvation = is_starved.then(Starvation::default);
        Report { story: Some(story), starvation, ..Report::bare(status) }
    }

    #[test]
    fn only_a_starved_program_that_came_to_no_todo_is_in_doubt() {
        assert!(is_doubtful(&report(Status::Broken, true, "")));
        assert!(is_doubtful(&report(Status::Unclear, true, "")));
        assert!(!is_doubtful(&report(Status::Kept, true, "")));
        assert!(!is_doubtful(&report(Status::Broken, false, "")));
        assert!(!is_doubtful(&report(Status::Broken, true, "not yet implemented: serve")));
    }
}
