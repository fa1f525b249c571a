//! One promise in a process of its own, which is its own guard.
//!
//! It adopts whatever the program under test leaves behind, and ends all of it: after the verdict,
//! when it is interrupted, when the process that started it is gone, and when the check takes far too long.

use std::{
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use events::contract::{Report, Status, Story};
use processes::{adopt_orphans, end_descendants, on_interrupt, when_stdin_closes};

use crate::{
    Trial, broken::Kept, patience, recorder::Recorder, starvation::Watch, subject::Subject, trial,
};

/// Every wait in a check has its own deadline; this one only says that a check has a bug.
const LIMIT: Duration = Duration::from_secs(100);
/// How long it may take until SIGKILL has ended everything.
const SWEEP_LIMIT: Duration = Duration::from_secs(10);

/// Judges one promise, prints the [`Report`] as one line, and leaves no process behind.
#[must_use]
pub fn in_this_process(check: fn(&Trial) -> Kept, subject: Subject) -> ExitCode {
    if let Err(error) = guard() {
        eprintln!("can't guard what the check starts: {error}");
        return ExitCode::from(4);
    }
    let began = Instant::now();
    let recorder = Recorder::default();
    let watch = Watch::start();
    let (status, story) = judge(check, subject, &recorder);
    let is_in_doubt = !matches!(status, Status::Kept | Status::Skipped);
    let starvation = watch.finish().filter(|_| is_in_doubt);
    let (status, story) = match sweep() {
        // A check that took too long has a bug, unless it got no core.
        Ok(()) if status == Status::Unclear && starvation.is_none() => (Status::Faulty, story),
        Ok(()) => (status, story),
        Err(left) => (Status::Faulty, Some(fault(&left, &recorder))),
    };
    let millis = events::millis(began.elapsed());
    let report = Report { status, millis, story, starvation };
    println!("{}", serde_json::to_string(&report).expect("a report can be written"));
    ExitCode::SUCCESS
}

/// From now on an interruption, or the end of the process that started us, ends what we started.
pub(crate) fn guard() -> std::io::Result<()> {
    adopt_orphans()?;
    on_interrupt(|| drop(sweep()))?;
    when_stdin_closes(|| drop(sweep()));
    Ok(())
}

fn sweep() -> Result<(), String> {
    let left = end_descendants(patience(SWEEP_LIMIT));
    // After the programs, which write there.
    trial::remove_folders();
    if left.is_empty() {
        Ok(())
    } else {
        Err(format!("processes that SIGKILL did not end: {left:?}"))
    }
}

/// Runs the check on a thread of its own, so that not even a bug in it can hang us.
fn judge(
    check: fn(&Trial) -> Kept,
    subject: Subject,
    recorder: &Recorder,
) -> (Status, Option<Story>) {
    let (verdict, verdicts) = mpsc::channel();
    let tape = recorder.clone();
    thread::spawn(move || attempt(check, subject, tape, &verdict));
    match verdicts.recv_timeout(patience(LIMIT)) {
        Ok(Ok(())) => (Status::Kept, None),
        Ok(Err(broken)) => (broken.status(), Some(broken.story(recorder))),
        Err(RecvTimeoutError::Disconnected) => {
            (Status::Faulty, Some(fault("the check itself panicked: see stderr", recorder)))
        }
        Err(RecvTimeoutError::Timeout) => {
            let observed = format!("no verdict after {} s", patience(LIMIT).as_secs());
            (Status::Unclear, Some(fault(&observed, recorder)))
        }
    }
}

fn attempt(
    check: fn(&Trial) -> Kept,
    subject: Subject,
    recorder: Recorder,
    verdict: &Sender<Kept>,
) {
    // A panic drops `verdict` unsent: that is how it is noticed.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| {
        let trial = Trial::new(subject, recorder)
            .unwrap_or_else(|error| panic!("no temporary folder can be made: {error}"));
        let _ = verdict.send(check(&trial));
    }));
}

fn fault(observed: &str, recorder: &Recorder) -> Story {
    Story {
        expected: "a verdict".to_owned(),
        observed: observed.to_owned(),
        advice: None,
        timeline: recorder.entries(),
    }
}
