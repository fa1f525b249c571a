//! What several promises need to set their scene.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use harness::{
    Broken, Cluster, Kept, Signal, Trial,
    origin::Origin,
    patience,
    who::{Who, children},
    wire::{Answer, Connection, Failure, Head, request_with_cookie},
};
use serde_json::Value;

/// How many workers a cluster has here.
pub(crate) const WORKERS: u32 = 4;
/// How long something may take that has nothing to wait for.
pub(crate) const PROMPT: Duration = Duration::from_secs(30);
/// After this many rounds of connections a worker is waited for, rather than looked for.
const ROUNDS_AT_ONCE: usize = 60;

/// A kept-alive connection to a worker that is known.
pub(crate) struct Door {
    pub(crate) worker: u32,
    pub(crate) pid: u32,
    /// Whether what it sends and gets is left out of the timeline: there may be hundreds.
    pub(crate) is_quiet: bool,
    connection: Connection,
    /// What it was sent last, and when.
    sent: (String, Instant),
}

/// The doors to each worker, by slot.
pub(crate) struct Doors(BTreeMap<u32, Vec<Door>>);

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) json: Value,
    /// The value of the cookie `sid`, as a client would send it.
    pub(crate) cookie: Option<String>,
    pub(crate) retry_after: Option<String>,
    /// After how long.
    pub(crate) after: Duration,
    what: String,
}

impl Doors {
    /// Opens `each` doors to each worker, so that a check can choose which worker it asks.
    pub(crate) fn open(trial: &Trial, cluster: &Cluster, each: usize) -> Kept<Self> {
        let mut doors = BTreeMap::<u32, Vec<Door>>::new();
        let mut round = 0;
        let is_enough = |doors: &BTreeMap<u32, Vec<Door>>| {
            (1..=WORKERS).all(|slot| doors.get(&slot).is_some_and(|all| all.len() >= each))
        };
        processes::until(patience(PROMPT), || {
            round += 1;
            // A worker that does not come must not use up the ports of this machine.
            if round > ROUNDS_AT_ONCE && round % 16 != 0 {
                return (!cluster.is_running()).then_some(());
            }
            for door in greet(cluster, 12) {
                doors.entry(door.worker).or_default().push(door);
            }
            (is_enough(&doors) || !cluster.is_running()).then_some(())
        });
        let number: usize = doors.values().map(Vec::len).sum();
        let observed = format!("{number} connections, and not {each} to each of {WORKERS} workers");
        trial.expect(is_enough(&doors), "answers from each worker", observed)?;
        let connections = if each == 1 { "connection" } else { "connections" };
        let observed = format!("the check has {each} {connections} or more to each worker");
        trial.recorder.observe(observed);
        Ok(Doors(doors))
    }

    /// One of the doors to worker `slot`.
    pub(crate) fn take(&mut self, trial: &Trial, slot: u32) -> Kept<Door> {
        let door = self.0.get_mut(&slot).and_then(Vec::pop);
        door.ok_or_else(|| trial.broken("one more connection", format!("none to worker {slot}")))
    }

    /// `number` of the doors to worker `slot`.
    pub(crate) fn take_some(&mut self, trial: &Trial, slot: u32, number: usize) -> Kept<Vec<Door>> {
        (0..number).map(|_| self.take(trial, slot)).collect()
    }

    /// A door to each worker, in order.
    pub(crate) fn one_each(&mut self, trial: &Trial) -> Kept<Vec<Door>> {
        (1..=WORKERS).map(|slot| self.take(trial, slot)).collect()
    }
}

/// A handful of new connections, all at once: then the kernel deals them out in turn.
pub(crate) fn greet(cluster: &Cluster, number: usize) -> Vec<Door> {
    let open = |_| Connection::open(cluster.address, patience(PROMPT)).ok();
    let new: Vec<Connection> = (0..number).filter_map(open).collect();
    let known = |mut connection: Connection| {
        let who: Who = serde_json::from_str(&connection.get("/").ok()?.body).ok()?;
        let sent = (String::new(), Instant::now());
        Some(Door { worker: who.worker, pid: who.pid, is_quiet: false, connection, sent })
    };
    new.into_iter().filter_map(known).collect()
}

/// Waits until a process that isn't `known` answers as worker `slot`.
pub(crate) fn successor(trial: &Trial, cluster: &Cluster, slot: u32, known: u32) -> Kept<Door> {
    let found = processes::until(patience(PROMPT), || {
        greet(cluster, 6).into_iter().find(|door| door.worker == slot && door.pid != known)
    });
    let expected = format!("a new process answers as worker {slot}");
    let door = found.ok_or_else(|| trial.broken(expected, "none"))?;
    trial.recorder.observe(format!("worker {slot} is pid {} now", door.pid));
    Ok(door)
}

impl Door {
    /// Sends a request, and does not wait for its answer.
    pub(crate) fn send(&mut self, trial: &Trial, request: &str) -> Kept {
        self.send_as(trial, request, None, "")
    }

    /// The same with a cookie, and a body. `request` is a method and a path.
    pub(crate) fn send_as(
        &mut self,
        trial: &Trial,
        request: &str,
        cookie: Option<&str>,
        body: &str,
    ) -> Kept {
        let what = format!("worker {}: {request}", self.worker);
        self.note(trial, format!("{what} sent"));
        self.sent = (what, Instant::now());
        let (method, path) = request.split_once(' ').unwrap_or(("GET", request));
        let bytes = request_with_cookie(method, path, cookie, body);
        self.connection.send(bytes.as_bytes()).map_err(|failure| self.broken(trial, &failure))
    }

    /// Sends the first line of a request.
    pub(crate) fn send_first_line(&mut self, trial: &Trial, request: &str) -> Kept {
        self.send_part(trial, request, "its first line", &format!("{request} HTTP/1.1\r\n"))
    }

    /// Sends all that follows that line.
    pub(crate) fn send_the_rest(&mut self, trial: &Trial, request: &str) -> Kept {
        self.send_part(trial, request, "the rest", "Host: 127.0.0.1\r\n\r\n")
    }

    fn send_part(&mut self, trial: &Trial, request: &str, part: &str, bytes: &str) -> Kept {
        let what = format!("worker {}: {request}", self.worker);
        self.note(trial, format!("{what}: {part} sent"));
        self.sent = (what, Instant::now());
        self.connection.send(bytes.as_bytes()).map_err(|failure| self.broken(trial, &failure))
    }

    /// Waits until the answer begins: what comes before its head has been done.
    pub(crate) fn head(&mut self, trial: &Trial) -> Kept<Head> {
        let head = self.connection.read_head().map_err(|failure| self.broken(trial, &failure))?;
        trial.recorder.observe(format!("{}: the answer begins", self.sent.0));
        Ok(head)
    }

    /// Waits for the rest of an answer.
    pub(crate) fn rest(&mut self, trial: &Trial, head: &Head) -> Kept<Reply> {
        let answer = self.connection.read_body(head);
        self.reply(trial, answer)
    }

    /// Waits for the whole answer.
    pub(crate) fn answer(&mut self, trial: &Trial) -> Kept<Reply> {
        let answer = self.connection.answer();
        self.reply(trial, answer)
    }

    /// Whether a byte of an answer, or the end of the connection, has arrived.
    pub(crate) fn has_news(&mut self) -> bool {
        self.connection.is_closed()
    }

    /// Sends a request, and waits for its answer.
    pub(crate) fn ask(&mut self, trial: &Trial, request: &str) -> Kept<Reply> {
        self.send(trial, request)?;
        self.answer(trial)
    }

    /// The same with a cookie, and a body.
    pub(crate) fn ask_as(
        &mut self,
        trial: &Trial,
        request: &str,
        cookie: Option<&str>,
        body: &str,
    ) -> Kept<Reply> {
        self.send_as(trial, request, cookie, body)?;
        self.answer(trial)
    }

    fn reply(&self, trial: &Trial, answer: Result<Answer, Failure>) -> Kept<Reply> {
        let answer = answer.map_err(|failure| self.broken(trial, &failure))?;
        let (what, after) = (self.sent.0.clone(), self.sent.1.elapsed());
        let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let cookie = answer.set_cookie.as_deref().and_then(|cookie| cookie.split(';').next());
        let reply = Reply {
            status: answer.status,
            cookie: cookie.map(str::to_owned),
            retry_after: answer.retry_after,
            json,
            after,
            what,
        };
        self.note(trial, reply.to_string());
        Ok(reply)
    }

    fn note(&self, trial: &Trial, text: String) {
        if !self.is_quiet {
            trial.recorder.observe(text);
        }
    }

    fn broken(&self, trial: &Trial, failure: &Failure) -> Broken {
        trial.broken("an answer", format!("{}: {failure}", self.sent.0))
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.status)?;
        let Some(fields) = self.json.as_object() else { return Ok(()) };
        let shown = fields.iter().filter(|(name, _)| !["worker", "pid"].contains(&name.as_str()));
        shown.into_iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

impl Reply {
    /// The answer must have this status.
    pub(crate) fn is(self, trial: &Trial, status: u16) -> Kept<Self> {
        let expected = format!("{}: {status}", self.what);
        trial.expect(self.status == status, expected, self.to_string())?;
        Ok(self)
    }

    /// A number of its body.
    pub(crate) fn number(&self, trial: &Trial, name: &str) -> Kept<i64> {
        let number = self.json[name].as_i64();
        number.ok_or_else(|| trial.broken(format!("a number {name:?}"), self.to_string()))
    }

    /// A field of its body must have this value.
    pub(crate) fn has(self, trial: &Trial, name: &str, value: impl Into<Value>) -> Kept<Self> {
        let value = value.into();
        let expected = format!("{}: 200 with {name}={value}", self.what);
        let is_so = self.status == 200 && self.json[name] == value;
        trial.expect(is_so, expected, self.to_string())?;
        Ok(self)
    }
}

/// An origin, and the setting that names it.
pub(crate) fn origin(trial: &Trial) -> Kept<(Origin, String)> {
    let origin = Origin::start(&trial.recorder)
        .map_err(|error| trial.broken("a server of the check", error.to_string()))?;
    let url = origin.url();
    Ok((origin, url))
}

/// "once", "twice", "3 times". For none it is "0 times".
pub(crate) fn times(number: usize) -> String {
    match number {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

/// A time in milliseconds, scaled by the patience of this check.
pub(crate) fn millis(time: Duration) -> String {
    patience(time).as_millis().to_string()
}

/// The file that the workers of this trial share.
pub(crate) fn database(trial: &Trial) -> PathBuf {
    trial.path("state.db")
}

/// Kills every process of the program: none has time for a last word.
pub(crate) fn kill_all(cluster: &Cluster) -> Kept {
    for pid in children(cluster) {
        let _ = cluster.signal_process(pid, Signal::SIGKILL);
    }
    cluster.signal(Signal::SIGKILL);
    cluster.wait_gone(PROMPT)
}
