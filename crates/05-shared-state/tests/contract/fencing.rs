//! A worker that loses its lease while it stands still, and comes back.

use std::time::{Duration, Instant};

use harness::{
    Cluster, Kept, Trial,
    origin::{Manner, Origin},
    patience,
};
use serde_json::Value;

use crate::{
    changes::lock_writes,
    jobs::{PATH, RUN, is_the_last},
    scene::{Door, Doors, PROMPT, kill_all, millis, origin},
};

const LEASE: Duration = Duration::from_secs(4);
/// A second job: its work is done before its worker stands still, and its end is not.
const AT_ITS_END: &str = "/jobs/at-its-end";
const RUN_TO_THE_END: &str = "POST /jobs/at-its-end";
/// The lease is kept in whole milliseconds of another clock.
const ROUNDING: Duration = Duration::from_millis(20);

/// A holder is frozen, its lease passes to another worker, and it comes back.
pub(crate) fn a_frozen_holder_changes_nothing(trial: &Trial) -> Kept {
    let (origin, url) = origin(trial)?;
    let (lease, busy) = (millis(LEASE), millis(PROMPT * 2));
    let settings = [
        ("ORIGIN", url.as_str()),
        ("LEASE_MS", lease.as_str()),
        ("BUSY_TIMEOUT_MS", busy.as_str()),
    ];
    let cluster = trial.start(&settings)?;
    let mut doors = Doors::open(trial, &cluster, 4)?;
    let mut all = doors.one_each(trial)?;
    let (first, rest) = all.split_at_mut(1);
    let (frozen, second, third) = (&mut first[0], 0, 1);
    let mut at_its_end = doors.take(trial, 1)?;
    let mut second_at_its_end = doors.take(trial, 2)?;
    let began = Instant::now();
    freezes_in_its_jobs(trial, &origin, &cluster, &mut doors, [frozen, &mut at_its_end])?;
    takes_over(trial, &origin, &mut rest[second], (PATH, RUN), began)?;
    takes_over(trial, &origin, &mut second_at_its_end, (AT_ITS_END, RUN_TO_THE_END), began)?;
    let claimed = Instant::now();
    cluster.thaw(frozen.pid)?;
    frozen.answer(trial)?.is(trial, 409)?;
    at_its_end
        .answer(trial)?
        .is(trial, 409)
        .map_err(|broken| broken.during("a worker that had looked at its lease in time"))?;
    let runs = runs_or_is_held(trial, &origin, &mut rest[third], (PATH, RUN), 3)?;
    let in_time = claimed.elapsed() < patience(LEASE) / 2;
    trial.expect(in_time, "a machine that does this within half a lease", "it took longer")?;
    let observed = "a third run has begun, beside the second one";
    trial.expect(!runs, "409: the frozen worker has not released the job", observed)?;
    nothing_of_it_counts(trial, &mut doors, "GET /jobs/j")?;
    nothing_of_it_counts(trial, &mut doors, "GET /jobs/at-its-end")?;
    origin.set(AT_ITS_END, Manner::Answers);
    second_at_its_end.answer(trial)?.is(trial, 200)?;
    origin.set(PATH, Manner::Answers);
    let run = rest[second].answer(trial)?.is(trial, 200)?;
    for door in rest.iter_mut() {
        is_the_last(trial, door, &run)?;
    }
    rest[third].ask(trial, RUN)?.is(trial, 200)?;
    kill_all(&cluster)?;
    let cluster = trial.start(&settings)?;
    Doors::open(trial, &cluster, 1)?.take(trial, 1)?.ask(trial, RUN)?.is(trial, 200)?;
    tokens_only_grow(trial, &origin)
}

/// The worker is frozen in the middle of one job, and at the end of another one: the origin has answered, and
/// the worker waits for the database. What it may have looked at before, it has looked at by then.
fn freezes_in_its_jobs(
    trial: &Trial,
    origin: &Origin,
    cluster: &Cluster,
    doors: &mut Doors,
    [working, at_its_end]: [&mut Door; 2],
) -> Kept {
    for (door, path, run) in [(&mut *working, PATH, RUN), (at_its_end, AT_ITS_END, RUN_TO_THE_END)]
    {
        origin.set(path, Manner::Holds);
        let runs = runs_or_is_held(trial, origin, door, (path, run), 1)?;
        trial.expect(runs, format!("{run} runs the job"), "409: it is held")?;
    }
    let lock = lock_writes(trial)?;
    has_its_answer(trial, origin, AT_ITS_END)?;
    let mut same = doors.take(trial, working.worker)?;
    for _ in 0..3 {
        // It reads the answer of the origin, and the database, before it answers these.
        same.ask(trial, "GET /jobs/at-its-end")?.is(trial, 200)?;
    }
    cluster.freeze(working.pid)?;
    drop(lock);
    trial.recorder.observe("the write lock is free again");
    // This answer waits for it in the kernel.
    has_its_answer(trial, origin, PATH)
}

/// The origin answers the first run, and holds the next one.
fn has_its_answer(trial: &Trial, origin: &Origin, path: &str) -> Kept {
    origin.set(path, Manner::Answers);
    let answered = origin.has_answered(path, 1, PROMPT);
    trial.expect(answered, "the origin has answered", "it has not")?;
    origin.set(path, Manner::Holds);
    Ok(())
}

/// Asks until the lease of the frozen worker is over, and the job runs here: not before, and soon after.
fn takes_over(
    trial: &Trial,
    origin: &Origin,
    door: &mut Door,
    job: (&str, &str),
    began: Instant,
) -> Kept {
    door.is_quiet = true;
    let mut outcome = Ok(());
    let taken = processes::until(patience(LEASE) + patience(PROMPT), || {
        match runs_or_is_held(trial, origin, door, job, 2) {
            Ok(runs) => runs.then_some(()),
            Err(broken) => {
                outcome = Err(broken);
                Some(())
            }
        }
    });
    let after = began.elapsed();
    outcome?;
    let expected = "another worker runs the job once the lease is over";
    trial.expect(taken.is_some(), expected, "409, again and again")?;
    door.is_quiet = false;
    let observed = format!("worker {} runs the job now, after {after:.1?}", door.worker);
    trial.recorder.observe(observed.clone());
    let expected = format!("no other worker runs it for LEASE_MS ({:?})", patience(LEASE));
    trial.expect(after + ROUNDING >= patience(LEASE), expected, observed.clone())?;
    let expected =
        format!("it runs once LEASE_MS ({:?}) is over, and not much later", patience(LEASE));
    trial.expect(after <= patience(LEASE) * 2, expected, observed)
}

/// Asks for the run with this number. Whether it is under way; otherwise the answer is 409.
fn runs_or_is_held(
    trial: &Trial,
    origin: &Origin,
    door: &mut Door,
    (path, run): (&str, &str),
    number: usize,
) -> Kept<bool> {
    door.send(trial, run)?;
    let runs = processes::until(patience(PROMPT), || {
        let runs = origin.asked(path).len() >= number;
        (runs || door.has_news()).then_some(runs)
    });
    if runs != Some(true) {
        door.answer(trial)?.is(trial, 409)?;
    }
    Ok(runs == Some(true))
}

/// The first run did not come to its end in time, and the second one is under way: none counts yet.
fn nothing_of_it_counts(trial: &Trial, doors: &mut Doors, request: &str) -> Kept {
    let last = doors.take(trial, 4)?.ask(trial, request)?;
    last.has(trial, "token", Value::Null)?.has(trial, "result", Value::Null).map(drop)
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
