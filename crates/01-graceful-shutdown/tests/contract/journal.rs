//! Each line that was acknowledged is on disk.

use std::{fs, os::unix::fs::symlink, path::Path};

use events::Exit;
use harness::{Cluster, Kept, Signal, Trial, broken::Broken};

use crate::scene::{self, ENDLESS, NO_HURRY, PROMPT};

/// Lines from before the signal, lines that are acknowledged while it drains, and lines in a
/// drain that ends by its timeout.
pub(crate) fn each_acknowledged_line_is_on_disk_exactly_once(trial: &Trial) -> Kept {
    let file = trial.path("journal");
    let mut lines = write_and_drain(trial, &file)?;
    is_on_disk_once(trial, &file, &lines)?;
    lines.extend(write_and_be_cut(trial, &file)?);
    is_on_disk_once(trial, &file, &lines)
        .map_err(|broken| broken.during("after a second run, whose drain timed out"))?;
    if !Path::new(FULL_DISK).exists() {
        trial.recorder.observe(format!("no {FULL_DISK} here: a full disk is not tried"));
        return Ok(());
    }
    a_line_that_cannot_be_written_is_a_loss(trial)
        .map_err(|broken| broken.during("with a journal on a full disk"))
}

/// A journal on a full disk can be opened, and not written. A program that writes each line at once
/// notices that in time, and doesn't acknowledge it.
fn a_line_that_cannot_be_written_is_a_loss(trial: &Trial) -> Kept {
    let file = trial.path("on-a-full-disk");
    if let Err(error) = symlink(FULL_DISK, &file) {
        return Err(trial.broken("a journal on a full disk", error.to_string()));
    }
    let cluster = trial.start(&[NO_HURRY, ("JOURNAL", &file.to_string_lossy())])?;
    let reply = cluster.post("/journal", "that will be lost")?.reply()?;
    if reply.answer.status != 200 {
        return Ok(());
    }
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(PROMPT)?;
    let expected = "exit code 1: an acknowledged line is not on disk";
    trial.expect(exit == Exit::Code(1), expected, exit.to_string()).map_err(|broken| {
        broken.advice("What does `clean_up` return when `journal.flush()` returns an error?")
    })
}

/// On Linux a device whose disk is always full (`man 4 full`).
const FULL_DISK: &str = "/dev/full";

fn write_and_drain(trial: &Trial, file: &Path) -> Kept<Vec<String>> {
    let cluster = trial.start(&[NO_HURRY, ("JOURNAL", &file.to_string_lossy())])?;
    let mut lines = acknowledged(trial, &cluster, "before the signal", 6)?;
    let late: Vec<String> = (0..4).map(|n| format!("while it drains {n}")).collect();
    let slow = cluster.get("/slow?ms=800")?.in_flight()?;
    let posts: Vec<_> = late
        .iter()
        .map(|line| cluster.post("/journal?ms=800", line)?.sent())
        .collect::<Result<_, _>>()?;
    cluster.signal(Signal::SIGTERM);
    for (line, post) in late.into_iter().zip(posts) {
        scene::whole(trial, post)?;
        lines.push(line);
    }
    scene::whole(trial, slow)?;
    cluster.wait_exit(PROMPT)?;
    Ok(lines)
}

fn write_and_be_cut(trial: &Trial, file: &Path) -> Kept<Vec<String>> {
    let journal = ("JOURNAL", &*file.to_string_lossy());
    let cluster =
        trial.start(&[("DRAIN_TIMEOUT_MS", "700"), ("LAME_DUCK_MS", "60000"), journal])?;
    let lines = acknowledged(trial, &cluster, "before the cut", 6)?;
    let _held = cluster.get(ENDLESS)?.in_flight()?;
    cluster.signal(Signal::SIGTERM);
    cluster.wait_exit(PROMPT)?;
    Ok(lines)
}

/// Sends `number` lines, each on a connection of its own, so that both workers get some.
fn acknowledged(trial: &Trial, cluster: &Cluster, what: &str, number: usize) -> Kept<Vec<String>> {
    let lines = (0..number).map(|n| {
        let line = format!("{what} {n}");
        scene::whole(trial, cluster.post("/journal", &line)?)?;
        Ok(line)
    });
    lines.collect()
}

fn is_on_disk_once(trial: &Trial, file: &Path, acknowledged: &[String]) -> Kept {
    let written = fs::read_to_string(file).unwrap_or_default();
    let times = |wanted: &String| written.lines().filter(|line| line == wanted).count();
    let lost: Vec<_> = acknowledged.iter().filter(|line| times(line) == 0).collect();
    let doubled: Vec<_> = acknowledged.iter().filter(|line| times(line) > 1).collect();
    if lost.is_empty() && doubled.is_empty() {
        return Ok(());
    }
    let (what, lines) =
        if lost.is_empty() { ("more than once", &doubled) } else { ("not on disk", &lost) };
    let number = acknowledged.len();
    let observed = format!("{} of {number} {what}, such as {:?}", lines.len(), lines[0]);
    let broken: Broken =
        trial.broken("every acknowledged line in the journal, exactly once", observed);
    Err(broken.advice("When does `clean_up` run, and can a request still add a line after that?"))
}
