//! Checking one promise, in one process of the contract, with a deadline.

use std::{
    process::Child,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use anyhow::{Context, anyhow};
use events::contract::{Report, Status};

use super::{
    Plan,
    cancel::{Cancellation, Hold},
};
use crate::{contract::deadline, pipes};

/// A process that was told to end has this long before SIGKILL.
const WIND_DOWN: Duration = Duration::from_secs(5);

/// What the thread that waits for a verdict may hear.
pub(super) enum News {
    /// The contract's process printed this line, or an empty one when it closed its stdout.
    Line(String),
    /// An earlier promise broke.
    CalledOff,
}

/// Judges the promise at `index`, with deadlines that are `patience` times as long as usual. An
/// error means that the grader failed.
pub(super) fn judge(
    plan: &Plan,
    index: usize,
    patience: f64,
    cancellation: &Cancellation,
) -> anyhow::Result<Report> {
    if cancellation.is_cancelled() {
        return Ok(Report::bare(Status::NotReached));
    }
    let id = &plan.promises[index].id;
    let mut child = plan.contract.start(id, plan.subject, patience)?;
    let (sender, news) = channel();
    let hold = Hold { pipe: child.stdin.take(), waiter: sender.clone() };
    cancellation.hold(index, hold);
    pipes::first_line(child.stdout.take(), move |line| {
        // The waiter may have given up.
        let _ = sender.send(News::Line(line));
    });
    let complaint = pipes::everything(child.stderr.take());
    let verdict = match processes::hear(&news, deadline().mul_f64(patience)) {
        Ok(News::Line(line)) if !line.is_empty() => wind_down(&mut child)
            .then_some(line)
            .ok_or_else(|| anyhow!("it printed a report and then did not end well")),
        Ok(News::CalledOff) => {
            wind_down(&mut child);
            return Ok(Report::bare(Status::NotReached));
        }
        Ok(News::Line(_)) | Err(_) => Err(end_speechless(&mut child, deadline().mul_f64(patience))),
    };
    cancellation.release(index);
    let report =
        verdict.and_then(|line| serde_json::from_str(&line).context("that isn't a report"));
    report
        .and_then(blame_the_grader)
        .with_context(|| format!("the check of `{id}` failed: {}", said(&complaint)))
}

/// Waits for the end of a process that has no reason to go on; whether it ended well.
fn wind_down(child: &mut Child) -> bool {
    let ended = processes::until(WIND_DOWN, || child.try_wait().ok().flatten());
    if ended.is_none() {
        kill(child);
    }
    ended.is_some_and(|status| status.success())
}

fn end_speechless(child: &mut Child, limit: Duration) -> anyhow::Error {
    // A process that closed its stdout is about to end, or hangs.
    let ended = processes::until(Duration::from_millis(500), || child.try_wait().ok().flatten());
    if let Some(status) = ended {
        return anyhow!("it ended without a report ({status})");
    }
    kill(child);
    anyhow!("it gave no report within {} s", limit.as_secs())
}

fn kill(child: &mut Child) {
    // Both fail only if it is gone already. What it started becomes ours and is ended at the end.
    let _ = child.kill();
    let _ = child.wait();
}

/// A report can say itself that the grader failed.
fn blame_the_grader(report: Report) -> anyhow::Result<Report> {
    if report.status == Status::Faulty {
        let why = report.story.map(|story| story.observed).unwrap_or_default();
        return Err(anyhow!(why));
    }
    Ok(report)
}

fn said(complaint: &Receiver<String>) -> String {
    match complaint.recv_timeout(Duration::from_secs(1)) {
        Ok(text) if !text.trim().is_empty() => format!("it said\n{}", text.trim_end()),
        Ok(_) | Err(_) => "it said nothing".into(),
    }
}
