//! A home under measurement, with what its operator has configured.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use harness::{RedisServer, Signal};

use crate::{
    cluster::{HOME, WORKERS, own_process},
    figures::Round,
    worker::{QUEUE, TASK},
};

/// A home.
pub(crate) struct System {
    pub(crate) name: &'static str,
    kind: Kind,
}

enum Kind {
    Primary,
    Sqlite { is_fair: bool },
    Redis { settings: &'static str },
}

/// The first one is what the others are compared with.
pub(crate) const SYSTEMS: [System; 6] = [
    System { name: "primary", kind: Kind::Primary },
    System { name: "sqlite, as it comes", kind: Kind::Sqlite { is_fair: false } },
    System { name: "sqlite, behind a queue", kind: Kind::Sqlite { is_fair: true } },
    System { name: "redis, as it comes", kind: Kind::Redis { settings: "" } },
    System { name: "redis, everysec", kind: Kind::Redis { settings: "--appendonly yes" } },
    System {
        name: "redis, always",
        kind: Kind::Redis { settings: "--appendonly yes --appendfsync always" },
    },
];

/// Increments before everything is killed.
const ENOUGH: usize = 1000;
const WORKER_COUNT: &str = "4";
/// How long four processes may take until they are ready to count.
const START: Duration = Duration::from_millis(700);

type Measured<T> = Result<T, String>;

impl System {
    /// Whether this machine has what it needs.
    pub(crate) fn is_there(&self) -> bool {
        !matches!(self.kind, Kind::Redis { .. }) || RedisServer::missing().is_none()
    }

    /// Its name, as part of a file's.
    pub(crate) fn file(&self) -> String {
        self.name.replace([' ', ','], "-")
    }

    /// Four processes count for `time`.
    pub(crate) fn count(&self, path: &Path, time: Duration, limit: Duration) -> Measured<Round> {
        let (home, _server) = self.open(path)?;
        let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + START;
        let task = format!("count {} {}", time.as_millis(), start.as_millis());
        let mut cluster = self.start(&home, path, &task, WORKER_COUNT)?;
        let lines = cluster.lines(limit)?;
        let of_each = |line: &String| line.split_whitespace().flat_map(str::parse).collect();
        let each: Vec<Vec<u64>> = lines.iter().map(of_each).collect();
        // What each has counted must be there: else a figure is worth nothing.
        let counted: usize = each.iter().map(Vec::len).sum();
        let there = self.read_again(&home, path, limit, matches!(self.kind, Kind::Primary))?;
        match there {
            Some(there) if there != counted => Err(format!("{}: {there} of {counted}", self.name)),
            _ => Ok(Round::new(&each, time)),
        }
    }

    /// Kills everything while they count; how many increments were acknowledged, and how many are there
    /// when all is started again.
    pub(crate) fn kill(&self, path: &Path, limit: Duration) -> Measured<(usize, usize)> {
        let (home, mut server) = self.open(path)?;
        let mut cluster = self.start(&home, path, "acknowledge", WORKER_COUNT)?;
        let mut acknowledged = cluster.read(ENOUGH)?;
        cluster.kill();
        if let Some(server) = &mut server {
            server.kill();
        }
        acknowledged += cluster.rest()?;
        if let Some(server) = &mut server {
            server.start_again().map_err(|error| error.to_string())?;
        }
        let there = self.read_again(&home, path, limit, false)?;
        Ok((acknowledged, there.unwrap_or_default()))
    }

    /// What the counter is for a new process; `None` where it went with the old one.
    fn read_again(
        &self,
        home: &str,
        path: &Path,
        limit: Duration,
        is_gone: bool,
    ) -> Measured<Option<usize>> {
        if is_gone {
            return Ok(None);
        }
        let lines = self.start(home, path, "read", "1")?.lines(limit)?;
        Ok(lines.first().and_then(|line| line.trim().parse().ok()))
    }

    /// The home as `STORE` names it, and its server.
    fn open(&self, path: &Path) -> Measured<(String, Option<RedisServer>)> {
        fs::create_dir_all(path).map_err(|error| error.to_string())?;
        match self.kind {
            Kind::Primary => Ok(("primary".to_owned(), None)),
            Kind::Sqlite { .. } => {
                Ok((format!("sqlite:{}", path.join("state.db").display()), None))
            }
            Kind::Redis { settings } => {
                let server = RedisServer::start(path, settings);
                let server = server.map_err(|error| error.to_string())?;
                Ok((server.url("bench"), Some(server)))
            }
        }
    }

    fn start(&self, home: &str, path: &Path, task: &str, workers: &str) -> Measured<Cluster> {
        let mut command = own_process("cluster").map_err(|error| error.to_string())?;
        command.env(HOME, home).env(WORKERS, workers).env(TASK, task);
        if matches!(self.kind, Kind::Sqlite { is_fair: true }) {
            let queue = path.join("queue");
            File::create(&queue).map_err(|error| error.to_string())?;
            command.env(QUEUE, queue);
        }
        Cluster::start(&mut command).map_err(|error| error.to_string())
    }
}

/// A primary and its processes, which are one process group.
struct Cluster {
    child: Child,
    said: ChildStdout,
}

impl Cluster {
    fn start(command: &mut Command) -> io::Result<Self> {
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = processes::spawn(command)?;
        let said = child.stdout.take().ok_or_else(|| io::Error::other("it has no stdout"))?;
        Ok(Cluster { child, said })
    }

    /// All lines that its processes say before they end.
    fn lines(&mut self, limit: Duration) -> Measured<Vec<String>> {
        let (sender, lines) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                let all: io::Result<Vec<_>> = BufReader::new(&mut self.said).lines().collect();
                let _ = sender.send(all);
            });
            let all = lines.recv_timeout(limit);
            if all.is_err() {
                let _ = processes::sweep::send_to_group(self.child.id(), Signal::SIGKILL);
            }
            all.map_err(|_| "it does not end".to_owned())?.map_err(|error| error.to_string())
        })
    }

    /// Waits for `count` bytes.
    fn read(&mut self, count: usize) -> Measured<usize> {
        let mut bytes = vec![0; count];
        self.said.read_exact(&mut bytes).map_err(|error| error.to_string())?;
        Ok(count)
    }

    /// How many more bytes there were when it ended.
    fn rest(&mut self) -> Measured<usize> {
        self.said.read_to_end(&mut Vec::new()).map_err(|error| error.to_string())
    }

    /// Ends all of its processes at once.
    fn kill(&mut self) {
        let _ = processes::sweep::send_to_group(self.child.id(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}
