//! Jobs: one run at a time, whatever becomes of the worker that runs it.

use std::time::Duration;

use harness::{
    Kept, Signal, Trial,
    origin::{Manner, Origin},
    patience,
};

use crate::{
    changes::{is_asked, lock_writes},
    scene::{Door, Doors, PROMPT, Reply, WORKERS, millis, origin, times},
};

pub(crate) const PATH: &str = "/jobs/j";
pub(crate) const RUN: &str = "POST /jobs/j";

pub(crate) fn one_run_at_a_time(trial: &Trial) -> Kept {
    let (origin, url) = origin(trial)?;
    at_once(trial, &origin, &url)?;
    its_holder_dies(trial, &origin, &url)
        .map_err(|broken| broken.during("a job whose worker was killed"))
}

/// All workers are asked while none of them can write, so each of them has looked at the job before one has
/// claimed it. A long lease: nothing here may need its end.
fn at_once(trial: &Trial, origin: &Origin, url: &str) -> Kept {
    let busy = millis(PROMPT);
    let settings = [("ORIGIN", url), ("LEASE_MS", "600000"), ("BUSY_TIMEOUT_MS", busy.as_str())];
    let cluster = trial.start(&settings)?;
    let mut doors = Doors::open(trial, &cluster, 4)?;
    origin.set(PATH, Manner::Holds);
    let mut all = doors.one_each(trial)?;
    let lock = lock_writes(trial)?;
    for door in &mut all {
        door.send(trial, RUN)?;
    }
    for mut door in doors.one_each(trial)? {
        door.ask(trial, "GET /")?.is(trial, 200)?;
        door.ask(trial, "GET /jobs/j")?.is(trial, 200)?;
    }
    drop(lock);
    trial.recorder.observe("the write lock is free again");
    let mut winner = one_runs_it(trial, origin, all)?;
    beside_a_run(trial, &mut doors, winner.worker)?;
    origin.set(PATH, Manner::Answers);
    let run = winner.answer(trial)?.is(trial, 200)?;
    asked_once(trial, origin)?;
    for mut door in doors.one_each(trial)? {
        is_the_last(trial, &mut door, &run)?;
    }
    let mut other = doors.take(trial, winner.worker % WORKERS + 1)?;
    gives_it_back(trial, origin, &mut winner, &mut other)
}

/// The others are refused while one of them runs the job.
fn one_runs_it(trial: &Trial, origin: &Origin, mut all: Vec<Door>) -> Kept<Door> {
    let (mut held, mut winner) = (0, None);
    processes::until(patience(PROMPT), || {
        held = all.iter_mut().map(Door::has_news).filter(|has| *has).count();
        (held + 1 >= all.len() || origin.asked(PATH).len() > 1).then_some(())
    });
    if origin.asked(PATH).len() > 1 {
        asked_once(trial, origin)?;
    }
    for mut door in all {
        if door.has_news() {
            door.answer(trial)?.is(trial, 409)?;
        } else {
            winner = Some(door);
        }
    }
    let observed = format!("{held} of {WORKERS} requests are answered while the job runs");
    let one = format!("{} requests are answered, and one runs the job", WORKERS - 1);
    let mut winner = winner.ok_or_else(|| trial.broken(one.clone(), observed.clone()))?;
    trial.expect(held == WORKERS as usize - 1, one, observed)?;
    is_asked(trial, origin, &mut winner, (PATH, 1))?;
    Ok(winner)
}

fn asked_once(trial: &Trial, origin: &Origin) -> Kept {
    let asked = origin.asked(PATH).len();
    let observed = format!("the origin was asked {}", times(asked));
    trial.expect(asked == 1, "the origin does the job once", observed)
}

/// Its own worker refuses it, too. Another job is another matter.
fn beside_a_run(trial: &Trial, doors: &mut Doors, slot: u32) -> Kept {
    let mut door = doors.take(trial, slot)?;
    door.ask(trial, RUN)?.is(trial, 409)?;
    let other = door.ask(trial, "POST /jobs/other")?.is(trial, 200);
    other.map_err(|broken| broken.during("another job, while the first one runs")).map(drop)
}

/// `GET /jobs/j` says what came of this run.
pub(crate) fn is_the_last(trial: &Trial, door: &mut Door, run: &Reply) -> Kept {
    let last = door.ask(trial, "GET /jobs/j")?.has(trial, "token", run.json["token"].clone())?;
    last.has(trial, "result", run.json["result"].clone()).map(drop)
}

/// A job that is done, or has failed, can run again at once. The last run that counts stays until the next
/// one has ended well.
fn gives_it_back(trial: &Trial, origin: &Origin, door: &mut Door, other: &mut Door) -> Kept {
    let run = door.ask(trial, RUN)?.is(trial, 200)?;
    origin.set(PATH, Manner::Holds);
    let asked = origin.asked(PATH).len();
    door.send(trial, RUN)?;
    is_asked(trial, origin, door, (PATH, asked + 1))?;
    is_the_last(trial, other, &run).map_err(|broken| broken.during("while the next run works"))?;
    origin.set(PATH, Manner::Fails);
    door.answer(trial)?.is(trial, 502)?;
    is_the_last(trial, other, &run).map_err(|broken| broken.during("after a run that failed"))?;
    origin.set(PATH, Manner::Answers);
    door.ask(trial, RUN)?
        .is(trial, 200)
        .map_err(|broken| broken.during("a run after a run that failed"))
        .map(drop)
}

fn its_holder_dies(trial: &Trial, origin: &Origin, url: &str) -> Kept {
    let lease = millis(Duration::from_secs(2));
    let cluster = trial.start(&[("ORIGIN", url), ("LEASE_MS", lease.as_str())])?;
    let mut doors = Doors::open(trial, &cluster, 1)?;
    let (mut first, mut second) = (doors.take(trial, 1)?, doors.take(trial, 2)?);
    origin.set(PATH, Manner::Holds);
    let before = origin.asked(PATH).len();
    first.send(trial, RUN)?;
    is_asked(trial, origin, &mut first, (PATH, before + 1))?;
    cluster.signal_process(first.pid, Signal::SIGKILL)?;
    origin.set(PATH, Manner::Answers);
    runs_by(trial, &mut second, Duration::from_secs(2))
}

/// The job runs as soon as the lease of its last holder is over.
fn runs_by(trial: &Trial, door: &mut Door, lease: Duration) -> Kept {
    let (mut outcome, mut last) = (Ok(()), 0);
    door.is_quiet = true;
    processes::until(patience(lease) + patience(PROMPT), || {
        let reply = match door.ask(trial, RUN) {
            Ok(reply) => reply,
            Err(broken) => {
                outcome = Err(broken);
                return Some(());
            }
        };
        last = reply.status;
        if ![200, 409].contains(&last) {
            let expected = "409 until the lease is over, then 200";
            outcome = Err(trial.broken(expected, reply.to_string()));
        }
        (last != 409).then_some(())
    });
    outcome?;
    trial.expect(
        last == 200,
        "200 once the lease of the dead worker is over",
        format!("{last}"),
    )?;
    trial.recorder.observe("another worker has run the job");
    Ok(())
}
