//! What a client and an operator see of the program, one answer at a time.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    net::SocketAddr,
};

use harness::{
    Cluster, Kept, Trial, patience,
    who::{self, children},
    wire::{Answer, Connection, Failure, request_with_cookie},
};
use serde_json::Value;

use crate::scene::PROMPT;

pub(crate) const WORKERS: usize = 4;
/// The version that runs before the first deploy.
pub(crate) const OLD: &str = "1.0.0";
/// The version of the first deploy.
pub(crate) const NEW: &str = "1.1.0";

/// A program that runs, and a connection to each of its first workers.
pub(crate) struct Site<'a> {
    pub(crate) trial: &'a Trial,
    pub(crate) cluster: Cluster,
    /// The workers that were there at first.
    pub(crate) first: BTreeSet<u32>,
    lines: RefCell<Vec<Option<Connection>>>,
}

/// What one request got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) worker: u64,
    pub(crate) pid: u32,
    pub(crate) version: String,
}

/// What an operator got.
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) json: Value,
    what: String,
}

impl<'a> Site<'a> {
    /// Starts the program with `settings`, and meets each of its four workers. Slowness is no verdict by
    /// itself here, and drains are short; a promise that is about these says so itself.
    pub(crate) fn start(trial: &'a Trial, settings: &[(&str, &str)]) -> Kept<Self> {
        Self::of(trial, trial.start(&with_the_usual(settings))?)
    }

    /// The same on a disk that can be full later.
    pub(crate) fn start_on_a_small_disk(trial: &'a Trial, settings: &[(&str, &str)]) -> Kept<Self> {
        Self::of(trial, trial.start_on_a_small_disk(&with_the_usual(settings))?)
    }

    fn of(trial: &'a Trial, cluster: Cluster) -> Kept<Self> {
        let met = who::meet_all(trial, &cluster, "/", WORKERS)?;
        let first = met.keys().copied().collect();
        let lines = met.into_values().map(|(_, connection)| Some(connection)).collect();
        let site = Site { trial, cluster, first, lines: RefCell::new(lines) };
        site.has_children(WORKERS)?;
        Ok(site)
    }

    /// A request on the n-th connection, which leads to one worker for as long as that lives.
    pub(crate) fn ask_on(&self, line: usize, client: Option<&str>) -> Kept<Got> {
        self.ask_for("/", line, client)
    }

    pub(crate) fn ask_for(&self, path: &str, line: usize, client: Option<&str>) -> Kept<Got> {
        let mut lines = self.lines.borrow_mut();
        let line = &mut lines[line % WORKERS];
        let open = line.take().and_then(|mut open| (!open.is_closed()).then_some(open));
        let mut connection = match open {
            Some(open) => open,
            None => self.cluster.connect()?,
        };
        let answer = ask_with(&mut connection, path, client)
            .map_err(|failure| self.trial.broken("a whole answer", failure.to_string()))?;
        if !answer.closes {
            *line = Some(connection);
        }
        Got::of(self.trial, &answer)
    }

    /// A request on a connection of its own.
    pub(crate) fn ask_anew(&self, client: Option<&str>) -> Kept<Got> {
        let mut connection = self.cluster.connect()?;
        let answer = ask_with(&mut connection, "/", client)
            .map_err(|failure| self.trial.broken("a whole answer", failure.to_string()))?;
        Got::of(self.trial, &answer)
    }

    /// `number` requests without a name on the n-th connection.
    pub(crate) fn ask_many(&self, line: usize, number: usize) -> Kept<Vec<Got>> {
        (0..number).map(|_| self.ask_on(line, None)).collect()
    }

    /// One request on each connection.
    pub(crate) fn ask_all(&self, client: Option<&str>) -> Kept<Vec<Got>> {
        (0..WORKERS).map(|line| self.ask_on(line, client)).collect()
    }

    /// One request on each connection, all at the same time.
    pub(crate) fn ask_all_at_once(&self) -> Kept<Vec<Got>> {
        let mut lines = self.lines.borrow_mut();
        for line in lines.iter_mut() {
            let open = line.take().and_then(|mut open| (!open.is_closed()).then_some(open));
            let mut connection = open.map_or_else(|| self.cluster.connect(), Ok)?;
            let _ = connection.send(request_with_cookie("GET", "/", None, "").as_bytes());
            *line = Some(connection);
        }
        let mut got = Vec::new();
        for line in lines.iter_mut() {
            let Some(mut connection) = line.take() else { continue };
            let answer = connection.answer();
            let answer = answer
                .map_err(|failure| self.trial.broken("a whole answer", failure.to_string()))?;
            got.push(Got::of(self.trial, &answer)?);
            if !answer.closes {
                *line = Some(connection);
            }
        }
        Ok(got)
    }

    /// Many requests at once, each on a connection of its own.
    pub(crate) fn volley(&self, number: usize) -> Kept<Vec<Got>> {
        let mut open: Vec<_> = (0..number).map(|_| self.cluster.connect()).collect::<Kept<_>>()?;
        for connection in &mut open {
            let _ = connection.send(request_with_cookie("GET", "/", None, "").as_bytes());
        }
        open.into_iter()
            .map(|mut connection| {
                let answer = connection.answer();
                let answer = answer
                    .map_err(|failure| self.trial.broken("a whole answer", failure.to_string()))?;
                Got::of(self.trial, &answer)
            })
            .collect()
    }

    /// What an operator asks.
    pub(crate) fn operate(&self, method: &str, path: &str) -> Kept<Said> {
        let admin = self.cluster.admin;
        let admin = admin.ok_or_else(|| self.trial.broken("an address for operators", "none"))?;
        Said::ask(admin, method, path).map_err(|failure| {
            self.trial.broken("an answer", format!("{method} {path}: {failure}"))
        })
    }

    /// The same, recorded, with this status.
    pub(crate) fn operates(&self, method: &str, path: &str, status: u16) -> Kept<Said> {
        let said = self.operate(method, path)?;
        self.trial.recorder.observe(said.to_string());
        let is_so = said.status == status && said.json.is_object();
        let expected = format!("{method} {path}: {status}, with a JSON object");
        self.trial.expect(is_so, expected, said.to_string())?;
        Ok(said)
    }

    /// Waits until the program has exactly this many children.
    pub(crate) fn has_children(&self, number: usize) -> Kept<BTreeSet<u32>> {
        let mut there = BTreeSet::new();
        processes::until(patience(PROMPT), || {
            there = children(&self.cluster);
            (there.len() == number || !self.cluster.is_running()).then_some(())
        });
        let observed = format!("{} of them", there.len());
        self.trial.expect(there.len() == number, format!("{number} worker processes"), observed)?;
        Ok(there)
    }

    /// The log, each line of which must be an entry.
    pub(crate) fn log(&self) -> Kept<Vec<Value>> {
        let text = fs::read_to_string(self.trial.path("deploys.log")).unwrap_or_default();
        // A line that is being written has no end yet.
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        whole
            .lines()
            .map(|line| {
                let entry: Option<Value> = serde_json::from_str(line).ok();
                entry
                    .filter(|entry| entry["deploy"].is_u64() && entry["did"].is_string())
                    .ok_or_else(|| {
                        self.trial.broken("a log of entries", format!("a line {line:?}"))
                    })
            })
            .collect()
    }

    /// What the log says that happened to this deploy, in order.
    pub(crate) fn did(&self, deploy: u64) -> Kept<Vec<String>> {
        let of_it = |entry: &Value| entry["deploy"] == deploy;
        let did = |entry: &Value| entry["did"].as_str().unwrap_or_default().to_owned();
        Ok(self.log()?.iter().filter(|entry| of_it(entry)).map(did).collect())
    }
}

/// `settings`, and what a check does not set itself.
fn with_the_usual<'s>(settings: &[(&'s str, &'s str)]) -> Vec<(&'s str, &'s str)> {
    let usual = [
        ("SLOWER_BY_MS", "60000"),
        ("ACK_TIMEOUT_MS", "60000"),
        ("ANSWER_TIMEOUT_MS", "60000"),
        ("LAME_DUCK_MS", "50"),
        ("MIN_READY_MS", "0"),
        ("RESTART_DELAY_MS", "0"),
    ];
    let is_set = |name: &str| settings.iter().any(|(set, _)| *set == name);
    let usual = usual.iter().filter(|(name, _)| !is_set(name));
    settings.iter().chain(usual).copied().collect()
}

/// One request on an open connection.
pub(crate) fn ask_with(
    connection: &mut Connection,
    path: &str,
    client: Option<&str>,
) -> Result<Answer, Failure> {
    let cookie = client.map(|client| format!("client={client}"));
    // A server may answer and close before it has read all of a request: the answer counts.
    let _ = connection.send(request_with_cookie("GET", path, cookie.as_deref(), "").as_bytes());
    connection.answer()
}

impl Said {
    /// Asks on a connection of its own.
    pub(crate) fn ask(admin: SocketAddr, method: &str, path: &str) -> Result<Self, Failure> {
        let mut connection = Connection::open(admin, patience(PROMPT))?;
        let _ = connection.send(request_with_cookie(method, path, None, "").as_bytes());
        let answer = connection.answer()?;
        let json = serde_json::from_str(&answer.body).unwrap_or_default();
        Ok(Said { status: answer.status, json, what: format!("{method} {path}") })
    }
}

impl Got {
    /// The answer names the process that made it, also with status 500.
    pub(crate) fn of(trial: &Trial, answer: &Answer) -> Kept<Self> {
        let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let fields = json["worker"].as_u64().zip(json["pid"].as_u64());
        let named = fields.zip(json["version"].as_str());
        let Some(((worker, pid), version)) = named else {
            let body = answer.body.trim();
            let observed = format!("{} {}", answer.status, body);
            return Err(trial.broken("a JSON object with worker, pid and version", observed));
        };
        let (pid, version) = (u32::try_from(pid).unwrap_or_default(), version.to_owned());
        Ok(Got { status: answer.status, worker, pid, version })
    }

    pub(crate) fn is_new(&self) -> bool {
        self.version != OLD
    }
}

/// How many of these answers are of each version.
pub(crate) fn versions(answers: &[Got]) -> BTreeMap<String, usize> {
    answers.iter().fold(BTreeMap::new(), |mut versions, got| {
        *versions.entry(got.version.clone()).or_default() += 1;
        versions
    })
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.status)?;
        let Some(fields) = self.json.as_object() else { return Ok(()) };
        let mut shown = fields.iter().filter(|(_, value)| !value.is_null());
        shown.try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}
