//! The tour of chapter 04: three workers that ask each other, while one is frozen, killed, or talks
//! garbage.
//!
//! `cargo xtask run 04-advanced-ipc` plays it against the example, `cargo xtask run exercise-4` against
//! a learner's program.

#[path = "tour/calls.rs"]
mod calls;

use std::{
    fs,
    process::ExitCode,
    time::{Duration, Instant},
};

use events::{
    Entry, Event, Exit, WorkerEvent,
    lanes::{Frame, LEGEND, lanes},
};
use harness::{Cluster, Kept, Signal, Stage, patience, recorder::Recorder, who::children};
use serde_json::json;

use self::calls::{Asked, Doors, Finished, LIMIT, WORKERS, quantile, rounded};

const CALLS: usize = 240;
const QUEUE_LIMIT: usize = 64;
const FLOOD: usize = 3000;
/// Empty columns left of a picture.
const MARGIN: u16 = 3;

fn main() -> ExitCode {
    harness::tour(
        "04-advanced-ipc",
        play,
        &[
            (
                "curl '{url}/ask/2?text=hello&ms=100'",
                "a call: the asker, and the worker that answers",
            ),
            ("curl {url}/stats", "a gathering over all workers"),
            ("curl '{url}/broadcast?text=hello'", "who has it, and who is missing"),
            ("curl '{url}/send/2?text=hello'", "a message: 202 once it is accepted"),
            ("curl {url}/messages", "the messages of the worker that answers"),
            ("kill -STOP WORKER_PID", "a worker that reads nothing"),
            ("curl -X POST '{url}/fault?kind=oversized'", "a frame of 4 GiB"),
            ("curl {url}/descriptor", "a file that only the primary can open"),
        ],
    )
}

fn play(stage: &mut Stage) -> Kept {
    stage.step("Three workers serve, and /stats gathers what each has served");
    let limit = QUEUE_LIMIT.to_string();
    let settings = [("MAX_IN_FLIGHT", "512"), ("QUEUE_LIMIT", &limit), ("RESTART_DELAY_MS", "100")];
    let cluster = stage.start(&settings)?;
    let mut doors = Doors::default();
    stage.tell_events(false);
    doors.open(stage, &cluster, CALLS / 3)?;
    gathers(stage, &mut doors);
    calls_in_any_order(stage, &mut doors);
    one_is_frozen(stage, &cluster, &mut doors)?;
    one_is_killed(stage, &cluster, &mut doors)?;
    one_talks_garbage(stage, &cluster, &mut doors)?;
    a_descriptor(stage, &mut doors);
    stage.step("SIGTERM: all of them drain");
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(Duration::from_secs(20))?;
    stage.finding(exit == Exit::Code(0), exit.to_string());
    let gone = cluster.wait_gone(Duration::from_secs(5));
    stage.finding(gone.is_ok(), "no process is left behind");
    Ok(())
}

fn gathers(stage: &mut Stage, doors: &mut Doors) {
    let served: u64 = doors.served.values().sum();
    let stats = doors.get(stage, 1, "/stats").json();
    let each = stats["workers"].as_array().cloned().unwrap_or_default();
    let is_right = |(slot, number): (&u32, &u64)| {
        each.iter().any(|one| one["worker"] == *slot && one["requests"] == *number)
    };
    let all = doors.served.iter().all(is_right) && stats["requests"] == served;
    stage.finding(all, format!("{served} requests served, and /stats says so of each worker"));
    stage.figure("served", served);
}

fn calls_in_any_order(stage: &mut Stage, doors: &mut Doors) {
    stage.step("Calls between all workers, answered in any order");
    let worker = |number: usize| u32::try_from(number % 3).unwrap_or_default() + 1;
    let paths = (0..CALLS).map(|n| {
        format!("/ask/{}?text=call-{n}&ms={}&timeout_ms=60000", worker(n / 3), n * 7919 % 400)
    });
    let asked: Vec<Asked> =
        paths.enumerate().filter_map(|(n, path)| doors.send(worker(n), "GET", &path)).collect();
    let ended = doors.ended(stage, asked);
    let own = |(n, one): &(usize, &Finished)| one.json()["answer"]["text"] == format!("call-{n}");
    let own = ended.iter().enumerate().filter(own).count();
    let later = |(n, one): (usize, &Finished)| {
        ended[n + 1..].iter().filter(|later| later.at < one.at).count()
    };
    let inversions: usize = ended.iter().enumerate().map(later).sum();
    stage.say(&format!("{inversions} pairs of answers came in another order than their calls"));
    stage.finding(own == CALLS, format!("{own} of {CALLS} calls got their own answer"));
    stage.figure("inversions", inversions);
    stage.figure("swapped", CALLS - own);
}

/// Freezes worker 2 for three steps.
fn one_is_frozen(stage: &mut Stage, cluster: &Cluster, doors: &mut Doors) -> Kept {
    stage.step("Worker 2 is frozen: SIGSTOP");
    let before = talk(stage, doors, || false);
    cluster.signal_process(doors.pids[&2], Signal::SIGSTOP)?;
    let path = "/ask/2?text=hello&timeout_ms=3000";
    let asked: Vec<Asked> =
        (0..60).filter_map(|n| doors.send(if n % 2 == 0 { 1 } else { 3 }, "GET", path)).collect();
    let number = asked.len();
    let meanwhile = talk(stage, doors, || !asked.iter().any(Asked::is_over));
    let ended = doors.ended(stage, asked);
    let late = ended.iter().filter(|one| one.status == 504).count();
    let [before, after] = [&before, &meanwhile].map(|all| quantile(all, 0.99));
    let first = quantile(&ended, 0.0);
    stage.finding(
        late == number && first >= 3000.0,
        format!("{late} of {number} calls to it: 504 at their deadline of 3 s"),
    );
    let well = meanwhile.iter().all(|one| one.status == 200) && !meanwhile.is_empty();
    let calls = meanwhile.len();
    stage.finding(well, format!("each of {calls} calls between the other two meanwhile: 200"));
    stage.say(&format!("99 % of them took at most {after:.1} ms; {before:.1} ms before"));
    stage.figure("calls_meanwhile", calls);
    stage.figure("p99_before_ms", rounded(before));
    stage.figure("p99_meanwhile_ms", rounded(after));
    broadcast(stage, doors);
    flood(stage, cluster, doors)
}

/// Calls between workers 1 and 3, four at a time: 200, and more while `goes_on`.
fn talk(stage: &mut Stage, doors: &mut Doors, goes_on: impl Fn() -> bool) -> Vec<Finished> {
    let mut ended = Vec::new();
    let until = Instant::now() + patience(LIMIT);
    while (ended.len() < 200 || goes_on()) && Instant::now() < until {
        let pairs = [(1, "/ask/3?text=x"), (3, "/ask/1?text=x")].into_iter().cycle().take(4);
        let asked = pairs.filter_map(|(from, path)| doors.send(from, "GET", path)).collect();
        ended.extend(doors.ended(stage, asked));
    }
    ended
}

fn broadcast(stage: &mut Stage, doors: &mut Doors) {
    stage.step("A broadcast, while worker 2 is still frozen");
    let began = Instant::now();
    let path = "/broadcast?text=news&timeout_ms=2000";
    let asked: Vec<Asked> = doors.send(1, "GET", path).into_iter().collect();
    let has_it = |one: &Finished| one.body.contains("news");
    let arrived = processes::until(patience(LIMIT), || {
        has_it(&doors.get(stage, 3, "/messages")).then(|| began.elapsed())
    });
    let is_open = !asked.iter().any(Asked::is_over);
    let answer = doors.ended(stage, asked).pop().unwrap_or_default().json();
    let after = arrived.unwrap_or_default().as_secs_f64() * 1e3;
    let text = format!("worker 3 has it after {after:.1} ms, before the broadcast is over");
    stage.finding(arrived.is_some() && is_open, text);
    let missing = json!([{ "worker": 2, "why": "timeout" }]);
    let is_named = answer["acknowledged"] == json!([1, 3]) && answer["missing"] == missing;
    stage.finding(is_named, "2 of 3 have acknowledged it; the answer names the third");
    stage.figure("broadcast_arrived_ms", rounded(after));
}

fn flood(stage: &mut Stage, cluster: &Cluster, doors: &mut Doors) -> Kept {
    stage.step("A flood of messages for worker 2, which is still frozen");
    let before = resident_kib(cluster.pid);
    let statuses: Vec<u16> =
        (0..FLOOD).map(|_| doors.get(stage, 1, "/send/2?text=flood").status).collect();
    let grown = resident_kib(cluster.pid).saturating_sub(before);
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    let (accepted, refused) = (count(202), count(503));
    stage.finding(
        accepted == QUEUE_LIMIT && refused == FLOOD - QUEUE_LIMIT,
        format!("{accepted} × 202, {refused} × 503; the primary grew by {grown} KiB"),
    );
    stage.figure("accepted", accepted);
    stage.figure("primary_grew_kib", grown);
    cluster.signal_process(doors.pids[&2], Signal::SIGCONT)?;
    let all = processes::until(patience(LIMIT), || {
        let body = doors.get(stage, 2, "/messages").body;
        (body.matches("flood").count() == QUEUE_LIMIT).then_some(())
    });
    stage.finding(all.is_some(), format!("it runs again: it has all {QUEUE_LIMIT} of them"));
    Ok(())
}

/// Resident memory of the process `pid`.
fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn one_is_killed(stage: &mut Stage, cluster: &Cluster, doors: &mut Doors) -> Kept {
    stage.step("Worker 2 is killed with 20 calls open, which may take 60 s");
    let path = "/ask/2?fault=never&timeout_ms=60000";
    let asked: Vec<Asked> = (0..20).filter_map(|_| doors.send(1, "GET", path)).collect();
    let holds = |one: &Finished| one.json()["holding"] == 20;
    let held = processes::until(patience(LIMIT), || holds(&doors.get(stage, 2, "/")).then_some(()));
    stage.trial().expect(held.is_some(), "20 calls that worker 2 holds", "fewer")?;
    let (killed, from) = (Instant::now(), stage.trial().recorder.now());
    cluster.signal_process(doors.pids[&2], Signal::SIGKILL)?;
    let ended = doors.ended(stage, asked);
    let failed = ended.iter().filter(|one| one.status == 502).count();
    let after = |one: &Finished| one.at.saturating_duration_since(killed).as_secs_f64() * 1e3;
    let first = ended.iter().map(after).fold(f64::INFINITY, f64::min);
    let last = ended.iter().map(after).fold(0.0, f64::max);
    let text =
        format!("{failed} × 502, the first after {first:.1} ms, the last after {last:.1} ms");
    stage.finding(failed == 20, text);
    stage.figure("first_502_ms", rounded(first));
    stage.figure("last_502_ms", rounded(last));
    is_replaced(stage, cluster, doors, 2, from)
}

fn one_talks_garbage(stage: &mut Stage, cluster: &Cluster, doors: &mut Doors) -> Kept {
    stage.step("Worker 3 sends its primary bytes that aren't a frame");
    let from = stage.trial().recorder.now();
    let asked = doors.send(3, "POST", "/fault?kind=garbage").into_iter().collect();
    let status = doors.ended(stage, asked).pop().unwrap_or_default().status;
    stage.trial().expect(status == 202, "202", status.to_string())?;
    stage.say("POST /fault: 202, as each message that was accepted; then come the bytes");
    is_replaced(stage, cluster, doors, 3, from)
}

/// Waits until another process is worker `slot`, shows how that came, and looks whether the others are
/// the same as before.
fn is_replaced(
    stage: &mut Stage,
    cluster: &Cluster,
    doors: &mut Doors,
    slot: u32,
    from: f64,
) -> Kept {
    let others: Vec<u32> =
        doors.pids.iter().filter(|(other, _)| **other != slot).map(|(_, pid)| *pid).collect();
    let (recorder, lost) = (stage.trial().recorder.clone(), doors.pids[&slot]);
    let picture = |width: u16| {
        let to = recorder.now().max(from + 0.5);
        let lines = lanes(&recorder.entries(), Frame { from, to, width: width - MARGIN });
        let lines = lines.into_iter().chain([LEGEND.to_owned()]);
        lines.map(|line| format!("{}{line}", " ".repeat(usize::from(MARGIN)))).collect()
    };
    let is_over = || {
        let there = children(cluster);
        let is_there = !there.contains(&lost) && there.len() == WORKERS as usize;
        is_there && is_drawn(&recorder, slot, from)
    };
    let is_over = stage.watch(patience(LIMIT), picture, is_over);
    doors.forget(slot);
    doors.open(stage, cluster, 22)?;
    let there = children(cluster);
    let is_alone = is_over && others.iter().all(|pid| there.contains(pid));
    stage.finding(is_alone, format!("worker {slot} is replaced; the other two noticed nothing"));
    Ok(())
}

/// Whether the picture can show that the next worker of `slot` is ready. A program need not report it.
fn is_drawn(recorder: &Recorder, slot: u32, from: f64) -> bool {
    let is_it = |entry: &Entry| {
        let event = entry.event.as_ref().filter(|_| entry.at > from);
        matches!(event, Some(Event::Worker(WorkerEvent::Ready(id))) if id.slot.0 == slot)
    };
    recorder.entries().iter().any(is_it) || recorder.now() > from + 2.0
}

fn a_descriptor(stage: &mut Stage, doors: &mut Doors) {
    stage.step("A worker reads a file that only its primary can open");
    let answer = doors.get(stage, 1, "/descriptor");
    if answer.status == 404 {
        return stage.say("This program has no /descriptor; exercise 4 does not ask for it.");
    }
    let file = answer.json()["file"].clone();
    stage.say(&format!("GET /descriptor: {}", file["text"]));
    let text = "the file has no name in any folder: its descriptor was passed on";
    stage.finding(answer.status == 200 && file["names"] == 0, text);
}
