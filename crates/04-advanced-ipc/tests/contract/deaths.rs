//! What a death ends, and what it doesn't.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use harness::{Cluster, Kept, Signal, Trial, patience};

use crate::{
    scene::{
        self, Asked, Doors, FAR, PROMPT, ask, door, doors, freeze, post, successor, take,
        wait_for_holding,
    },
    sending::empty_slot,
};

/// Workers come back at once, however often they die.
const AT_ONCE: [(&str, &str); 3] =
    [("RESTART_DELAY_MS", "1"), ("RESTART_DELAY_MAX_MS", "1"), ("QUEUE_LIMIT", "1000")];

pub(crate) fn calls_open_on_a_worker_that_dies_fail_at_once(trial: &Trial) -> Kept {
    let cluster = trial.start(&AT_ONCE)?;
    let (mut doors, _) = doors(trial, &cluster, 50)?;
    let second = scene::pid_of(trial, &mut doors, 2)?;
    let next = only_those(trial, &cluster, &mut doors, second)?;
    let next = before_it_has_read_them(trial, &cluster, &mut doors, next)
        .map_err(|broken| broken.during("calls that it has not read"))?;
    last_words_are_heard(trial, &cluster, &mut doors, next)
        .map_err(|broken| broken.during("a worker that answers and exits"))?;
    deaths_under_traffic(trial, &cluster, &mut doors)
        .map_err(|broken| broken.during("deaths while calls come"))?;
    let empty = empty_slot(trial)?;
    let (_, connection) = successor(trial, &empty, 3, &[])?;
    let ended = ask(connection, format!("/ask/2?text=x&{FAR}")).ended();
    trial.expect(ended.status() == 502, "502 for a call to an empty slot", ended.describe())?;
    no_longer_than_its_slot_is_empty(trial)
        .map_err(|broken| broken.during("calls to a slot until its next worker is there"))
}

/// The most that a death and a start may take beside the delay (PROTOCOL.md).
const START: Duration = Duration::from_secs(2);

/// Four deaths, one after the other: the delays before the next process are 0, 1, 2 and 2 s.
fn no_longer_than_its_slot_is_empty(trial: &Trial) -> Kept {
    let delays = [("RESTART_DELAY_MS", "1000"), ("RESTART_DELAY_MAX_MS", "2000")];
    let cluster = trial.start(&delays)?;
    let (_, mut caller) = successor(trial, &cluster, 1, &[])?;
    let mut known = Vec::new();
    for delay in [0, 1, 2, 2].map(Duration::from_secs) {
        let (who, _) = successor(trial, &cluster, 2, &known)?;
        known.push(who.pid);
        cluster.signal_process(who.pid, Signal::SIGKILL)?;
        let (killed, limit) = (Instant::now(), delay + patience(START));
        let mut last_502 = Duration::ZERO;
        let mut last = None;
        processes::until(patience(PROMPT), || {
            last = caller.get(&format!("/ask/2?text=x&{FAR}")).ok().map(|answer| answer.status);
            if last == Some(502) {
                last_502 = killed.elapsed();
            }
            (last != Some(502) || last_502 > limit).then_some(())
        });
        let expected = format!("200 after a kill, and no 502 after {} s", limit.as_secs());
        let status = last.map_or("no answer".to_owned(), |status| status.to_string());
        let observed = format!("{status} after {:.1} s", killed.elapsed().as_secs_f64());
        trial.expect(last == Some(200) && last_502 <= limit, expected, observed)?;
        let millis = last_502.as_millis();
        trial.recorder.observe(format!("the last 502 came {millis} ms after the kill"));
    }
    Ok(())
}

/// How long the end of a call may be on its way to its client.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

/// Twenty calls at the worker that is killed, three at another one. The successor.
fn only_those(trial: &Trial, cluster: &Cluster, doors: &mut Doors, second: u32) -> Kept<u32> {
    let open = |connection| ask(connection, format!("/ask/2?ms=240000&{FAR}"));
    let dying: Vec<Asked> = take(trial, doors, &[1, 3], 20)?.into_iter().map(open).collect();
    let held = door(trial, doors, 2)?;
    wait_for_holding(trial, held, 20)?;
    let open = |connection| ask(connection, format!("/ask/3?text=well&ms=3000&{FAR}"));
    let living: Vec<Asked> = take(trial, doors, &[1], 3)?.into_iter().map(open).collect();
    wait_for_holding(trial, door(trial, doors, 3)?, 3)?;
    cluster.signal_process(second, Signal::SIGKILL)?;
    let (who, _) = successor(trial, cluster, 2, &[second])?;
    let ended = ask(door(trial, doors, 1)?, format!("/ask/2?text=new&{FAR}")).ended();
    let answers = ended.text().as_deref() == Some("new");
    trial.expect(answers, format!("200 from pid {}", who.pid), ended.describe())?;
    they_are_over(trial, dying)?;
    for call in living {
        let ended = call.ended();
        let expected = "200 from worker 3, which lives";
        trial.expect(ended.text().as_deref() == Some("well"), expected, ended.describe())?;
    }
    trial.recorder.observe("each of 3 calls to worker 3: 200");
    Ok(who.pid)
}

/// "At once" is before the successor answers.
fn they_are_over(trial: &Trial, calls: Vec<Asked>) -> Kept {
    let are_over = || calls.iter().all(Asked::is_over).then_some(());
    processes::until(patience(ON_ITS_WAY), are_over);
    let open = calls.iter().filter(|call| !call.is_over()).count();
    let expected = "20 calls to the killed worker are over when its successor answers";
    trial.expect(open == 0, expected, format!("{open} of 20 are still open"))?;
    for call in calls {
        let ended = call.ended();
        let expected = "502 for a call to the killed worker";
        trial.expect(ended.status() == 502, expected, ended.describe())?;
    }
    trial.recorder.observe("each of 20 calls to the killed worker: 502");
    Ok(())
}

/// Calls for which the worker's socket has no room.
fn before_it_has_read_them(
    trial: &Trial,
    cluster: &Cluster,
    doors: &mut Doors,
    second: u32,
) -> Kept<u32> {
    freeze(trial, cluster, second)?;
    let mut unread = Vec::new();
    for index in 0..60 {
        let from = index % 2 * 2 + 1;
        let (connection, path) = (door(trial, doors, from)?, format!("/ask/2?{FAR}"));
        unread.push((from, post(connection, "POST", path, &"x".repeat(16_384))));
    }
    // Each of them is sent before this, on the same way.
    for from in [1, 3] {
        let connection = door(trial, doors, from)?;
        let (connection, _) = scene::get(trial, connection, "/ask/2?timeout_ms=1000", 504)?;
        doors.entry(from).or_default().push(connection);
    }
    cluster.signal_process(second, Signal::SIGKILL)?;
    for (from, call) in unread {
        let ended = call.ended();
        trial.expect(ended.status() == 502, "502 at once", ended.describe())?;
        doors.entry(from).or_default().push(ended.connection);
    }
    trial.recorder.observe("each of 60 calls that it had not read: 502");
    Ok(successor(trial, cluster, 2, &[second])?.0.pid)
}

/// The primary reads to the end of the channel before it says that a worker is dead.
fn last_words_are_heard(trial: &Trial, cluster: &Cluster, doors: &mut Doors, mut pid: u32) -> Kept {
    for round in 1..=5 {
        let path = format!("/ask/2?text=word{round}&fault=last-word&{FAR}");
        let ended = ask(door(trial, doors, 1)?, path).ended();
        let text = format!("word{round}");
        let observed = ended.describe();
        trial.expect(ended.text() == Some(text), "200, with its last word", observed)?;
        doors.entry(1).or_default().push(ended.connection);
        pid = successor(trial, cluster, 2, &[pid])?.0.pid;
    }
    Ok(())
}

/// Calls and messages to worker 2 from two workers, while it dies five times.
fn deaths_under_traffic(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let (first, third) = (scene::pid_of(trial, doors, 1)?, scene::pid_of(trial, doors, 3)?);
    let is_over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = take(trial, doors, &[1, 3], 8)?
        .into_iter()
        .enumerate()
        .map(|(index, mut connection)| {
            let is_over = is_over.clone();
            // Messages fill the queue of a worker that takes its time to start.
            let (route, usual): (_, &[u16]) =
                if index < 4 { ("ask", &[200, 502]) } else { ("send", &[202, 502, 503]) };
            std::thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    match connection.get(&format!("/{route}/2?text=t&{FAR}")) {
                        Ok(answer) if usual.contains(&answer.status) => {}
                        other => return Some(format!("{other:?}")),
                    }
                }
                None
            })
        })
        .collect();
    let mut pid = successor(trial, cluster, 2, &[])?.0.pid;
    let mut killed = Ok(());
    for _ in 0..5 {
        killed = cluster.signal_process(pid, Signal::SIGKILL);
        let next = successor(trial, cluster, 2, &[pid]);
        match (&killed, next) {
            (Ok(()), Ok((who, _))) => pid = who.pid,
            (_, next) => {
                killed = killed.and(next.map(|_| ()));
                break;
            }
        }
    }
    is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        let wrong = caller.join().expect("a caller does not panic");
        let observed = wrong.unwrap_or_default();
        trial.expect(
            observed.is_empty(),
            "200 or 502 for each call; 202, 502 or 503 for each message",
            observed,
        )?;
    }
    killed?;
    let there = harness::who::children(cluster);
    let observed = format!("the processes {there:?}, and workers 1 and 3 were {first} and {third}");
    let is_same = there.contains(&first) && there.contains(&third);
    trial.expect(is_same, "the other workers' processes are untouched", observed)
}
