//! A worker is killed each second: what becomes of the tasks, as the workers' own journal says.

use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use harness::Signal;
use processes::Scratch;
use serde_json::Value;

use crate::systems::{Run, System};

/// How many tasks there are.
pub(crate) const TASKS: u32 = 20_000;
const LENGTH: Duration = Duration::from_millis(1);
/// A run in which nothing is finished for so long is stuck.
const STUCK: Duration = Duration::from_secs(20);
/// How long a run may take, many times over, if nothing is killed.
const TIMES: u32 = 10;

pub(crate) fn report(systems: &[&System], folder: &Scratch, tasks: u32) -> Result<(), String> {
    println!("\n{tasks} tasks of 1 ms, and a worker is killed each second");
    println!("  {:<24} kills  done once  twice   never  ends", "");
    for system in systems {
        let name = format!("{}-kills", system.file());
        let path = folder.path().join(name);
        let journal = Some(path.join("journal"));
        let run = Run { tasks, length: LENGTH, folder: path, journal };
        let (kills, ends) = harm(system, &run).map_err(|error| error.to_string())?;
        let done = done(&run.folder.join("journal"));
        let once = done.values().filter(|times| **times == 1).count();
        let twice = done.len() - once;
        let never = usize::try_from(tasks).unwrap_or(0).saturating_sub(done.len());
        println!("  {:<24} {kills:>5}  {once:>9}  {twice:>5}  {never:>6}  {ends}", system.name);
    }
    Ok(())
}

/// Runs the system, and kills a worker each second; how many, and how it ended.
fn harm(system: &System, run: &Run) -> io::Result<(usize, &'static str)> {
    let mut child = system.start(run)?;
    let (mut kills, mut next, mut moved) = (0, None, (0, Instant::now()));
    let longest = run.length * run.tasks * TIMES;
    let ended = processes::until(longest, || {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(if status.success() { "well" } else { "with an error" });
        }
        let (length, now) =
            (fs::metadata(run.folder.join("journal")).map_or(0, |f| f.len()), Instant::now());
        if length != moved.0 {
            moved = (length, now);
        }
        // The first is killed a second after the first task was done.
        if length > 0 && *next.get_or_insert(now + Duration::from_secs(1)) <= now {
            kills += usize::from(kill_a_worker(child.id()));
            next = Some(now + Duration::from_secs(1));
        }
        (now.duration_since(moved.1) > STUCK).then_some("never")
    });
    if matches!(ended, None | Some("never")) {
        child.kill()?;
        child.wait()?;
    }
    Ok((kills, ended.unwrap_or("not in ten times its time")))
}

fn kill_a_worker(primary: u32) -> bool {
    let workers = processes::descendants_of(primary).into_iter();
    let mut workers = workers.filter(|process| process.parent == primary);
    workers.next().is_some_and(|worker| processes::sweep::send(worker.pid, Signal::SIGKILL).is_ok())
}

/// How often each task was finished.
fn done(journal: &Path) -> BTreeMap<u64, usize> {
    let text = fs::read_to_string(journal).unwrap_or_default();
    let mut done = BTreeMap::new();
    for line in text.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        if line["did"] == "finished" {
            *done.entry(line["task"].as_u64().unwrap_or(0)).or_insert(0) += 1;
        }
    }
    done
}
