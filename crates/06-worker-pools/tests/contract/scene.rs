//! What several promises need to set their scene: the pool, as a client sees it.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use harness::{
    Broken, Cluster, Kept, Signal, Trial, patience,
    who::children,
    wire::{Answer, Connection, Failure, request},
};
use serde_json::Value;

/// How long something may take that has nothing to wait for.
pub(crate) const PROMPT: Duration = Duration::from_secs(10);

/// A pool that runs, and a client of it.
pub(crate) struct Pool<'a> {
    pub(crate) trial: &'a Trial,
    pub(crate) cluster: Cluster,
    connection: RefCell<Option<Connection>>,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) json: Value,
    pub(crate) retry_after: Option<String>,
    /// It says `Connection: close`.
    pub(crate) closes: bool,
    what: String,
}

impl<'a> Pool<'a> {
    /// Starts a pool, and waits for all its workers: from then on each has a pid.
    pub(crate) fn start(trial: &'a Trial, settings: &[(&str, &str)]) -> Kept<Self> {
        let workers = settings.iter().find(|(name, _)| *name == "WORKERS");
        let workers = workers.and_then(|(_, number)| number.parse().ok()).unwrap_or(4);
        Pool::of(trial, trial.start(settings)?, workers)
    }

    /// The same of a program that runs already.
    pub(crate) fn of(trial: &'a Trial, cluster: Cluster, workers: usize) -> Kept<Self> {
        let pool = Pool { trial, cluster, connection: RefCell::default() };
        pool.has_workers(workers)?;
        pool.has_ready(workers)?;
        Ok(pool)
    }

    /// Waits until the primary has exactly this many children.
    pub(crate) fn has_workers(&self, number: usize) -> Kept<BTreeSet<u32>> {
        let mut there = BTreeSet::new();
        let all = processes::until(patience(PROMPT), || {
            there = children(&self.cluster);
            (there.len() == number || !self.cluster.is_running()).then_some(())
        });
        let is_so = all.is_some() && there.len() == number;
        let observed = format!("{} workers", there.len());
        self.trial.expect(is_so, format!("{number} workers"), observed)?;
        Ok(there)
    }

    /// Waits until this many workers can be handed a task.
    pub(crate) fn has_ready(&self, number: usize) -> Kept {
        self.until("each worker is ready, as /stats says", || {
            let stats = self.ask_quietly("GET", "/stats", "")?;
            Ok(stats.json["workers"].as_array().is_some_and(|ready| ready.len() == number))
        })
    }

    /// Sends a request on the connection that is open, or on a new one, and waits for the answer.
    pub(crate) fn ask_quietly(&self, method: &str, path: &str, body: &str) -> Kept<Reply> {
        let what = format!("{method} {path}{}{body}", if body.is_empty() { "" } else { " " });
        self.send(what.chars().take(70).collect(), &request(method, path, body))
    }

    /// Sends these bytes of a request.
    pub(crate) fn send(&self, what: String, bytes: &str) -> Kept<Reply> {
        let open = self.connection.borrow_mut().take();
        let used = open.and_then(|mut open| (!open.is_closed()).then_some(open));
        let mut connection = match used {
            Some(connection) => connection,
            None => self.cluster.connect()?,
        };
        // A server may answer and close before it has read all of a request: the answer counts.
        let _ = connection.send(bytes.as_bytes());
        let answer = connection.answer().map_err(|failure| self.failed(&what, &failure))?;
        if !answer.closes {
            *self.connection.borrow_mut() = Some(connection);
        }
        Ok(Reply::new(what, answer))
    }

    /// The same, recorded.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Kept<Reply> {
        let reply = self.ask_quietly(method, path, body)?;
        self.trial.recorder.observe(reply.to_string());
        Ok(reply)
    }

    fn failed(&self, what: &str, failure: &Failure) -> Broken {
        self.trial.broken("an answer", format!("{what}: {failure}"))
    }

    pub(crate) fn kill(&self, pid: u32) -> Kept {
        self.cluster.signal_process(pid, Signal::SIGKILL)
    }

    /// Freezes the process `pid`, and waits until it is.
    pub(crate) fn freeze(&self, pid: u32) -> Kept {
        if pid == self.cluster.pid {
            self.cluster.signal(Signal::SIGSTOP);
        } else {
            self.cluster.signal_process(pid, Signal::SIGSTOP)?;
        }
        let is_stopped = || processes::Stat::of(pid).filter(|stat| stat.state == 'T');
        let stopped = processes::until(patience(PROMPT), is_stopped).is_some();
        self.trial.expect(stopped, "a process that SIGSTOP stops", format!("pid {pid} runs on"))
    }

    /// Kills the primary. Its workers must end with it.
    pub(crate) fn kill_primary(self) -> Kept {
        self.cluster.signal(Signal::SIGKILL);
        self.cluster.wait_gone(Duration::from_secs(5))
    }

    /// Waits until this is so.
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> Kept<bool>) -> Kept {
        let mut outcome = Ok(false);
        processes::until(patience(PROMPT), || {
            outcome = is_so();
            (!matches!(outcome, Ok(false))).then_some(())
        });
        self.trial.expect(outcome?, what, format!("not within {} s", patience(PROMPT).as_secs()))
    }

    /// Lets this much time pass.
    pub(crate) fn pass(&self, time: Duration) {
        let until = Instant::now() + patience(time);
        processes::until(patience(time) + PROMPT, || (Instant::now() >= until).then_some(()));
        self.trial.recorder.observe(format!("{} ms have passed", patience(time).as_millis()));
    }
}

impl Reply {
    pub(crate) fn new(what: String, answer: Answer) -> Self {
        let json = serde_json::from_str(&answer.body).unwrap_or_default();
        let Answer { status, retry_after, closes, .. } = answer;
        Reply { status, json, retry_after, closes, what }
    }

    /// The answer must have this status, and be a JSON object.
    pub(crate) fn is(self, trial: &Trial, status: u16) -> Kept<Self> {
        let is_so = self.status == status && self.json.is_object();
        trial.expect(
            is_so,
            format!("{}: {status}, with a JSON object", self.what),
            self.to_string(),
        )?;
        Ok(self)
    }

    pub(crate) fn number(&self, trial: &Trial, name: &str) -> Kept<u64> {
        let number = self.json[name].as_u64();
        number.ok_or_else(|| trial.broken(format!("a number {name:?}"), self.to_string()))
    }

    pub(crate) fn id(&self, trial: &Trial) -> Kept<u64> {
        self.number(trial, "id")
    }

    pub(crate) fn status_name(&self) -> &str {
        self.json["status"].as_str().unwrap_or_default()
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.status)?;
        let Some(fields) = self.json.as_object() else { return Ok(()) };
        let shown = fields.iter().filter(|(name, value)| {
            !["id", "type", "n", "workers"].contains(&name.as_str()) && !value.is_null()
        });
        shown.into_iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// A time in milliseconds, scaled by the patience of this check.
pub(crate) fn millis(time: Duration) -> String {
    patience(time).as_millis().to_string()
}

/// The next pool of this trial begins with nothing.
pub(crate) fn fresh(trial: &Trial) {
    for file in ["journal", "tasks.spool"] {
        // It need not be there.
        let _ = fs::remove_file(trial.path(file));
    }
    let _ = fs::remove_dir_all(trial.path("holds"));
}
