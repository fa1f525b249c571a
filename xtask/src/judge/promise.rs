//! Checking one promise, in one process of the contract, with a deadline.

use std::{
    io::{BufRead, BufReader, Read},
    process::Child,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

use anyhow::{Context, anyhow};
use events::contract::{Report, Status};

use super::{
    Plan,
    cancel::{Cancellation, Hold},
    undecided,
};
use crate::contract::deadline;

/// A report is one line, with a timeline of a few hundred entries at most.
const LONGEST_REPORT: u64 = 8 << 20;
/// What a grader that failed may say about it.
const LONGEST_COMPLAINT: u64 = 64 << 10;
/// A process that was told to end has this long before SIGKILL.
const WIND_DOWN: Duration = Duration::from_secs(5);

/// What the thread that waits for a verdict may hear.
pub(super) enum News {
    /// The contract's process printed this line.
    Line(String),
    /// It closed its stdout without a line.
    Nothing,
    /// An earlier promise broke.
    CalledOff,
}

/// Judges the promise at `index`. An error means that the grader failed.
pub(super) fn judge(
    plan: &Plan,
    index: usize,
    cancellation: &Cancellation,
) -> anyhow::Result<Report> {
    if cancellation.is_cancelled() {
        return Ok(undecided(Status::NotReached));
    }
    let id = &plan.promises[index].id;
    let mut child = plan.contract.start(id, plan.subject)?;
    let (sender, news) = channel();
    let hold = Hold { pipe: child.stdin.take(), waiter: sender.clone() };
    cancellation.hold(index, hold);
    listen(child.stdout.take(), sender);
    let complaint = collect(child.stderr.take());
    let verdict = match news.recv_timeout(deadline()) {
        Ok(News::Line(line)) => wind_down(&mut child)
            .then_some(line)
            .ok_or_else(|| anyhow!("it printed a report and then did not end well")),
        Ok(News::CalledOff) => {
            wind_down(&mut child);
            return Ok(undecided(Status::NotReached));
        }
        Ok(News::Nothing) | Err(_) => Err(end_speechless(&mut child)),
    };
    cancellation.release(index);
    let report = verdict.and_then(|line| serde_json::from_str(&line).context("that is no report"));
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

fn end_speechless(child: &mut Child) -> anyhow::Error {
    // A process that closed its stdout is about to end; one that hangs is not.
    let ended = processes::until(Duration::from_millis(500), || child.try_wait().ok().flatten());
    if let Some(status) = ended {
        return anyhow!("it ended without a report ({status})");
    }
    kill(child);
    anyhow!("it gave no report within {} s", deadline().as_secs())
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

/// Forwards the first line. The thread is not waited for: a stray process may keep the pipe open.
fn listen(pipe: Option<impl Read + Send + 'static>, sender: Sender<News>) {
    let Some(pipe) = pipe else { return };
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(pipe.take(LONGEST_REPORT)).read_line(&mut line);
        // The waiter may have given up.
        let _ = sender.send(match read {
            Ok(1..) => News::Line(line),
            Ok(0) | Err(_) => News::Nothing,
        });
    });
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, complaint) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.by_ref().take(LONGEST_COMPLAINT).read_to_end(&mut bytes);
            let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
            // Whoever writes more must not block on a full pipe.
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        }
    });
    complaint
}

fn said(complaint: &Receiver<String>) -> String {
    match complaint.recv_timeout(Duration::from_secs(1)) {
        Ok(text) if !text.trim().is_empty() => format!("it said\n{}", text.trim_end()),
        Ok(_) | Err(_) => "it said nothing".into(),
    }
}
