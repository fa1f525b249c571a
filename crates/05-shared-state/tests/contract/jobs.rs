//! Jobs: one run at a time, whatever becomes of the worker that runs it.

use std::time::{Duration, Instant};

use harness::{
    Kept, Signal, Trial,
    origin::{Manner, Origin},
    patience,
};

use crate::{
    changes::is_asked,
    scene::{Door, Doors, PROMPT, WORKERS, freeze, kill_all, millis, origin, thaw},
};

const PATH: &str = "/jobs/j";
const RUN: &str = "POST /jobs/j";

pub(crate) fn one_run_at_a_time(trial: &Trial) -> Kept {
    let (origin, url) = origin(trial)?;
    at_once(trial, &origin, &url)?;
    its_holder_dies(trial, &origin, &url)
        .map_err(|broken| broken.during("a job whose worker was killed"))
}

/// All workers are asked at once. A long lease: nothing here may need its end.
fn at_once(trial: &Trial, origin: &Origin, url: &str) -> Kept {
    let cluster = trial.start(&[("ORIGIN", url), ("LEASE_MS", "600000")])?;
    let mut doors = Doors::open(trial, &cluster, 2)?;
    origin.set(PATH, Manner::Holds);
    let mut all = doors.one_each(trial)?;
    for door in &mut all {
        door.send(trial, RUN)?;
    }
    is_asked(trial, origin, PATH, 1)?;
    let (mut held, mut winner) = (0, None);
    processes::until(patience(PROMPT), || {
        held = all.iter_mut().map(Door::has_news).filter(|has| *has).count();
        (held + 1 >= all.len()).then_some(())
    });
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
    origin.set(PATH, Manner::Answers);
    let run = winner.answer(trial)?.is(trial, 200)?;
    let asked = origin.asked(PATH).len();
    let observed = format!("the origin was asked {asked} times");
    trial.expect(asked == 1, "the origin does the job once", observed)?;
    for mut door in doors.one_each(trial)? {
        let last = door.ask(trial, "GET /jobs/j")?;
        let last = last.has(trial, "token", run.json["token"].clone())?;
        last.has(trial, "result", run.json["result"].clone())?;
    }
    gives_it_back(trial, origin, &mut winner)
}

/// A job that is done, or has failed, can run again at once.
fn gives_it_back(trial: &Trial, origin: &Origin, door: &mut Door) -> Kept {
    door.ask(trial, RUN)?.is(trial, 200)?;
    origin.set(PATH, Manner::Fails);
    door.ask(trial, RUN)?.is(trial, 502)?;
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
    is_asked(trial, origin, PATH, before + 1)?;
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

const LEASE: Duration = Duration::from_secs(4);

/// A holder is frozen, its lease passes to another worker, and it comes back.
pub(crate) fn a_frozen_holder_changes_nothing(trial: &Trial) -> Kept {
    let (origin, url) = origin(trial)?;
    let lease = millis(LEASE);
    let settings = [("ORIGIN", url.as_str()), ("LEASE_MS", lease.as_str())];
    let cluster = trial.start(&settings)?;
    let mut doors = Doors::open(trial, &cluster, 2)?;
    let mut all = doors.one_each(trial)?;
    let (first, rest) = all.split_at_mut(1);
    let (frozen, second, third) = (&mut first[0], 0, 1);
    origin.set(PATH, Manner::Holds);
    frozen.send(trial, RUN)?;
    is_asked(trial, &origin, PATH, 1)?;
    freeze(trial, &cluster, frozen.pid)?;
    // Its answer waits for it in the kernel.
    origin.set(PATH, Manner::Answers);
    let answered = origin.has_answered(PATH, 1, PROMPT);
    trial.expect(answered, "the origin has answered", "it has not")?;
    origin.set(PATH, Manner::Holds);
    takes_over(trial, &origin, &mut rest[second])?;
    let claimed = Instant::now();
    thaw(&cluster, frozen.pid)?;
    frozen.answer(trial)?.is(trial, 409)?;
    let runs = runs_or_is_held(trial, &origin, &mut rest[third], 3)?;
    let in_time = claimed.elapsed() < patience(LEASE) / 2;
    trial.expect(in_time, "a machine that does this within half a lease", "it took longer")?;
    let observed = "a third run has begun, beside the second one";
    trial.expect(!runs, "409: the frozen worker has not released the job", observed)?;
    nothing_of_it_counts(trial, &mut doors)?;
    origin.set(PATH, Manner::Answers);
    let run = rest[second].answer(trial)?.is(trial, 200)?;
    let token = run.number(trial, "token")?;
    for door in rest.iter_mut() {
        let last = door.ask(trial, "GET /jobs/j")?.has(trial, "token", token)?;
        last.has(trial, "result", run.json["result"].clone())?;
    }
    rest[third].ask(trial, RUN)?.is(trial, 200)?;
    kill_all(&cluster)?;
    let cluster = trial.start(&settings)?;
    Doors::open(trial, &cluster, 1)?.take(trial, 1)?.ask(trial, RUN)?.is(trial, 200)?;
    tokens_only_grow(trial, &origin)
}

/// Asks until the lease of the frozen worker is over, and the job runs here.
fn takes_over(trial: &Trial, origin: &Origin, door: &mut Door) -> Kept {
    door.is_quiet = true;
    let mut outcome = Ok(());
    let taken = processes::until(patience(LEASE) + patience(PROMPT), || {
        match runs_or_is_held(trial, origin, door, 2) {
            Ok(runs) => runs.then_some(()),
            Err(broken) => {
                outcome = Err(broken);
                Some(())
            }
        }
    });
    outcome?;
    let expected = "another worker runs the job once the lease is over";
    trial.expect(taken.is_some(), expected, "409, again and again")?;
    door.is_quiet = false;
    trial.recorder.observe(format!("worker {} runs the job now", door.worker));
    Ok(())
}

/// Asks for the run with this number. Whether it is under way; otherwise the answer is 409.
fn runs_or_is_held(trial: &Trial, origin: &Origin, door: &mut Door, number: usize) -> Kept<bool> {
    door.send(trial, RUN)?;
    let runs = processes::until(patience(PROMPT), || {
        let runs = origin.asked(PATH).len() >= number;
        (runs || door.has_news()).then_some(runs)
    });
    if runs != Some(true) {
        door.answer(trial)?.is(trial, 409)?;
    }
    Ok(runs == Some(true))
}

/// The first run did not come to its end in time, and the second one is under way: none counts yet.
fn nothing_of_it_counts(trial: &Trial, doors: &mut Doors) -> Kept {
    let last = doors.take(trial, 4)?.ask(trial, "GET /jobs/j")?;
    last.has(trial, "token", serde_json::Value::Null)?.has(
        trial,
        "result",
        serde_json::Value::Null,
    )?;
    Ok(())
}

/// What the origin was told, run by run.
fn tokens_only_grow(trial: &Trial, origin: &Origin) -> Kept {
    let token = |path: &str| {
        let (_, query) = path.split_once('?')?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == "token")?.1.parse::<i64>().ok()
    };
    let asked = origin.asked(PATH);
    let tokens: Vec<i64> = asked.iter().filter_map(|asked| token(&asked.path)).collect();
    let grow = tokens.len() == asked.len() && tokens.is_sorted_by(|one, next| one < next);
    trial.expect(grow, "tokens that only grow, run by run", format!("the tokens {tokens:?}"))
}
