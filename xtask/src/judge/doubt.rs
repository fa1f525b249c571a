//! A promise that broke on a busy machine: the program may have missed a deadline because it got no
//! core. It is judged again, alone and with more patience. If that can't tell either, it is
//! unclear.

use std::{num::NonZero, thread};

use events::{
    Panic,
    contract::{Report, Status},
    spin,
};
use processes::spare_cores;

use super::{Plan, cancel::Cancellation, promise};

/// A machine with this part of its cores to spare doesn't excuse a broken promise.
const ENOUGH: f64 = 0.75;
/// However busy the machine is: a check must end.
const MOST_PATIENCE: f64 = 8.0;

/// Whether the machine may be to blame. A program that comes to a `todo!()`, whose primary spins,
/// or that prints without end, breaks its promise on any machine.
pub(super) fn is_doubtful(report: &Report) -> bool {
    let is_bad = matches!(report.status, Status::Broken | Status::Unclear);
    is_bad && report.starvation.is_some() && !explains_itself(report)
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

fn explains_itself(report: &Report) -> bool {
    let timeline = report.story.as_ref().map_or(&[][..], |story| &story.timeline);
    let todo = Panic::first(timeline).and_then(|panic| panic.todo());
    todo.is_some() || spin::of_primary(timeline).is_some() || spin::is_flood(timeline)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use events::{
        Entry,
        contract::{Starvation, Story},
    };

    use super::*;

    fn report(status: Status, is_starved: bool, timeline: &[Entry]) -> Report {
        let story = Story {
            expected: String::new(),
            observed: String::new(),
            advice: None,
            timeline: timeline.to_vec(),
        };
        let starvation = is_starved.then(Starvation::default);
        Report { story: Some(story), starvation, ..Report::bare(status) }
    }

    #[test]
    fn only_a_starved_program_that_does_not_explain_itself_is_in_doubt() {
        assert!(is_doubtful(&report(Status::Broken, true, &[])));
        assert!(is_doubtful(&report(Status::Unclear, true, &[])));
        assert!(!is_doubtful(&report(Status::Kept, true, &[])));
        assert!(!is_doubtful(&report(Status::Broken, false, &[])));
        let panic = ["thread 'main' panicked at src/main.rs:1:1:", "not yet implemented: serve"];
        let panic = panic.map(|line| Entry::from_line(0.1, line));
        assert!(!is_doubtful(&report(Status::Broken, true, &panic)));
        let spins = spin::sentence(7, true, Duration::from_secs(2), Duration::from_secs(2));
        assert!(!is_doubtful(&report(Status::Broken, true, &[Entry::observed(0.1, spins)])));
    }
}
