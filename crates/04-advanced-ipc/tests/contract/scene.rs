//! What several promises need to set their scene.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use harness::{
    Cluster, Kept, Signal, Trial, patience,
    who::{Who, children},
    wire::{Answer, Connection, Failure, request},
};
use serde_json::Value;

/// How many workers a cluster has here.
pub(crate) const WORKERS: u32 = 3;
/// How long something may take that has nothing to wait for.
pub(crate) const PROMPT: Duration = Duration::from_secs(30);
/// After this many rounds of connections a worker is waited for, rather than looked for.
const ROUNDS_AT_ONCE: usize = 60;
/// A time that no call of a check takes, unless it hangs.
pub(crate) const FAR: &str = "timeout_ms=240000";

/// Kept-alive connections to each worker, by slot.
pub(crate) type Doors = BTreeMap<u32, Vec<Connection>>;

/// What came of one request, and after how long.
pub(crate) struct Ended {
    pub(crate) answer: Result<Answer, Failure>,
    pub(crate) after: Duration,
    /// For another request, if there was an answer.
    pub(crate) connection: Connection,
}

/// Opens `each` connections to each worker, so that a check can choose which worker it asks: a new
/// connection might go to a worker that is frozen.
pub(crate) fn doors(trial: &Trial, cluster: &Cluster, each: usize) -> Kept<(Doors, Served)> {
    let limit = patience(PROMPT);
    let (mut doors, mut served) = (Doors::new(), Served::default());
    let is_enough = |doors: &Doors| {
        (1..=WORKERS).all(|slot| doors.get(&slot).is_some_and(|all| all.len() >= each))
    };
    let mut round = 0;
    let opened = processes::until(limit, || {
        round += 1;
        // A worker that does not come must not use up the ports of this machine.
        if round > ROUNDS_AT_ONCE && round % 16 != 0 {
            return (!cluster.is_running()).then_some(());
        }
        let open = |_| Connection::open(cluster.address, limit).ok();
        // All at once: then the kernel deals them out in turn.
        let new: Vec<Connection> = (0..12).filter_map(open).collect();
        for mut connection in new {
            let Some(who) = greeted(&mut connection) else { continue };
            *served.0.entry(who.worker).or_default() += 1;
            doors.entry(who.worker).or_default().push(connection);
        }
        (is_enough(&doors) || !cluster.is_running()).then_some(())
    });
    let number: usize = doors.values().map(Vec::len).sum();
    let observed = format!("{number} connections, and not {each} to each of {WORKERS} workers");
    trial.expect(opened.is_some() && is_enough(&doors), "answers from each worker", observed)?;
    trial.recorder.observe(format!("{number} connections are open, {each} or more to each worker"));
    Ok((doors, served))
}

/// How many `GET /` each worker has answered, by slot.
#[derive(Clone, Default)]
pub(crate) struct Served(pub(crate) BTreeMap<u32, u64>);

fn greeted(connection: &mut Connection) -> Option<Who> {
    let answer = connection.get("/").ok()?;
    serde_json::from_str(&answer.body).ok()
}

/// One of the connections to worker `slot`.
pub(crate) fn door(trial: &Trial, doors: &mut Doors, slot: u32) -> Kept<Connection> {
    let door = doors.get_mut(&slot).and_then(Vec::pop);
    door.ok_or_else(|| trial.broken("one more connection", format!("none to worker {slot}")))
}

/// `number` of the connections to the workers `slots`, in turn.
pub(crate) fn take(
    trial: &Trial,
    doors: &mut Doors,
    slots: &[u32],
    number: usize,
) -> Kept<Vec<Connection>> {
    (0..number).map(|index| door(trial, doors, slots[index % slots.len()])).collect()
}

/// The process of worker `slot`.
pub(crate) fn pid_of(trial: &Trial, doors: &mut Doors, slot: u32) -> Kept<u32> {
    let mut connection = door(trial, doors, slot)?;
    let who = greeted(&mut connection);
    doors.entry(slot).or_default().push(connection);
    who.map(|who| who.pid).ok_or_else(|| trial.broken("an answer to GET /", "none"))
}

/// A request that is under way on a thread of its own.
pub(crate) struct Asked(thread::JoinHandle<Ended>);

/// Sends GET `path` on `connection`.
pub(crate) fn ask(connection: Connection, path: impl Into<String>) -> Asked {
    post(connection, "GET", path, "")
}

/// Sends `method path` with `body` on `connection`.
pub(crate) fn post(
    connection: Connection,
    method: &'static str,
    path: impl Into<String>,
    body: &str,
) -> Asked {
    post_rest(connection, request(method, &path.into(), body))
}

/// Sends `bytes`, which end a request.
pub(crate) fn post_rest(mut connection: Connection, bytes: impl Into<String>) -> Asked {
    let bytes = bytes.into();
    Asked(thread::spawn(move || {
        let began = Instant::now();
        let sent = connection.send(bytes.as_bytes());
        let answer = sent.and_then(|()| {
            let head = connection.read_head()?;
            connection.read_body(&head)
        });
        Ended { answer, after: began.elapsed(), connection }
    }))
}

impl Asked {
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits for its end, which its own read limit brings at the latest.
    pub(crate) fn ended(self) -> Ended {
        self.0.join().expect("the thread of a request does not panic")
    }
}

impl Ended {
    /// Its status; 0 without an answer.
    pub(crate) fn status(&self) -> u16 {
        self.answer.as_ref().map_or(0, |answer| answer.status)
    }

    /// The JSON of its body; null without.
    pub(crate) fn json(&self) -> Value {
        let body = self.answer.as_ref().map_or("", |answer| &answer.body);
        serde_json::from_str(body).unwrap_or_default()
    }

    /// The text that came back from an `/ask`.
    pub(crate) fn text(&self) -> Option<String> {
        Some(self.json()["answer"]["text"].as_str()?.to_owned())
    }

    /// What it came to, for a story.
    pub(crate) fn describe(&self) -> String {
        let after = self.after.as_secs_f64();
        match &self.answer {
            Ok(answer) if answer.body.trim().len() <= 100 => {
                format!("{} after {after:.2} s: {}", answer.status, answer.body.trim())
            }
            Ok(answer) => {
                format!("{} after {after:.2} s, with {} bytes", answer.status, answer.body.len())
            }
            Err(failure) => format!("{failure} (after {after:.2} s)"),
        }
    }
}

/// GET `path` on `connection`, which must be answered with `status`; the connection, and the JSON.
pub(crate) fn get(
    trial: &Trial,
    connection: Connection,
    path: &str,
    status: u16,
) -> Kept<(Connection, Value)> {
    let ended = ask(connection, path).ended();
    let observed = format!("GET {path}: {}", ended.describe());
    trial.expect(ended.status() == status, format!("GET {path}: {status}"), observed)?;
    trial.recorder.observe(format!("GET {path}: {status}"));
    let json = ended.json();
    Ok((ended.connection, json))
}

/// Waits until the worker behind `connection` holds `number` calls.
pub(crate) fn wait_for_holding(
    trial: &Trial,
    mut connection: Connection,
    number: u64,
) -> Kept<Connection> {
    let mut last = Value::Null;
    let limit = patience(PROMPT);
    let holds = processes::until(limit, || {
        let answer = connection.get("/").ok()?;
        last = serde_json::from_str(&answer.body).unwrap_or_default();
        (last["holding"] == number).then_some(())
    });
    let expected = format!(r#"GET /: "holding": {number}"#);
    let observed = format!("GET /, {} s later: {last}", limit.as_secs());
    trial.expect(holds.is_some(), expected, observed)?;
    let calls = if number == 1 { "call" } else { "calls" };
    trial.recorder.observe(format!("worker {} holds {number} {calls}", last["worker"]));
    Ok(connection)
}

/// Freezes the process `pid`, and waits until it is.
pub(crate) fn freeze(trial: &Trial, cluster: &Cluster, pid: u32) -> Kept {
    cluster.signal_process(pid, Signal::SIGSTOP)?;
    let is_stopped = || processes::Stat::of(pid).filter(|stat| stat.state == 'T');
    let stopped = processes::until(patience(PROMPT), is_stopped).is_some();
    trial.expect(stopped, "a process that SIGSTOP stops", format!("pid {pid} runs on"))
}

pub(crate) fn thaw(cluster: &Cluster, pid: u32) -> Kept {
    cluster.signal_process(pid, Signal::SIGCONT)
}

/// Waits until a process that isn't in `known` answers as worker `slot`, and returns a connection to it.
pub(crate) fn successor(
    trial: &Trial,
    cluster: &Cluster,
    slot: u32,
    known: &[u32],
) -> Kept<(Who, Connection)> {
    let limit = patience(PROMPT);
    let found = processes::until(limit, || {
        let open = |_| Connection::open(cluster.address, patience(Duration::from_secs(5))).ok();
        let new: Vec<Connection> = (0..6).filter_map(open).collect();
        let it = new.into_iter().find_map(|mut connection| {
            let who = greeted(&mut connection)?;
            (who.worker == slot && !known.contains(&who.pid)).then_some((who, connection))
        });
        if it.is_none() && !cluster.is_running() {
            return Some(None);
        }
        it.map(Some)
    });
    let observed = match found {
        Some(_) => "the primary has ended".to_owned(),
        None => format!("none within {} s", limit.as_secs()),
    };
    let (who, connection) = found
        .flatten()
        .ok_or_else(|| trial.broken(format!("a new process answers as worker {slot}"), observed))?;
    trial.recorder.observe(format!("worker {slot} is pid {} now", who.pid));
    Ok((who, connection))
}

/// The workers' processes, which must be those of `before`.
pub(crate) fn same_processes(trial: &Trial, cluster: &Cluster, before: &[u32]) -> Kept {
    let there = children(cluster);
    let observed = format!("the processes {there:?}");
    trial.expect(there.iter().eq(before), format!("the processes {before:?} as before"), observed)
}
