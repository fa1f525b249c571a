//! A Redis of our own, for tests, the tour and the bench: on a free port, in a folder of its own.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{Signal, patience};

/// How long it may take until it answers.
const LIMIT: Duration = Duration::from_secs(30);

/// A server that ends when this is dropped.
pub struct RedisServer {
    child: Child,
    port: u16,
    folder: PathBuf,
    settings: Vec<String>,
}

impl RedisServer {
    /// Whether there is a `redis-server` here. Without one, the reason to skip what needs it.
    #[must_use]
    pub fn missing() -> Option<&'static str> {
        let version = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        let is_there = version.is_ok_and(|status| status.success());
        (!is_there).then_some("skipped, because `redis-server` is not installed")
    }

    /// Starts a server that keeps its files in `folder`, with `settings` such as `--appendonly yes`.
    ///
    /// # Errors
    /// When it does not start, or does not answer.
    pub fn start(folder: impl Into<PathBuf>, settings: &str) -> io::Result<Self> {
        let folder = folder.into();
        let settings: Vec<_> = settings.split_whitespace().map(str::to_owned).collect();
        // Between our look and its start the port may go to another process: then it ends at once.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let child = spawn(port, &folder, &settings)?;
            let mut server =
                RedisServer { child, port, folder: folder.clone(), settings: settings.clone() };
            if server.answers() {
                return Ok(server);
            }
        }
        Err(io::Error::other("redis-server does not start"))
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// As `STORE` and `QUEUE` name it, with this prefix for all keys.
    #[must_use]
    pub fn url(&self, prefix: &str) -> String {
        format!("{}?prefix={prefix}", self.address())
    }

    /// Sends it a signal: SIGSTOP freezes it, SIGCONT lets it go on.
    pub fn signal(&self, signal: Signal) {
        let _ = processes::sweep::send(self.child.id(), signal);
    }

    /// Ends it at once. What it has not written yet is lost.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again after [`Self::kill`], on the same port and with the same files.
    ///
    /// # Errors
    /// When it does not start, or does not answer.
    pub fn start_again(&mut self) -> io::Result<()> {
        self.child = spawn(self.port, &self.folder, &self.settings)?;
        if self.answers() { Ok(()) } else { Err(io::Error::other("it does not start again")) }
    }

    /// Asks it one thing, as a client would type it, and returns all that it says within a moment.
    ///
    /// # Errors
    /// When it does not start, or does not answer.
    pub fn ask(&self, command: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(patience(Duration::from_secs(1))))?;
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
        let mut said = String::new();
        stream.read_to_string(&mut said)?;
        Ok(said)
    }

    /// Waits until it answers; false when it has ended instead.
    fn answers(&mut self) -> bool {
        let answers = processes::until(patience(LIMIT), || {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return Some(false);
            }
            // While it loads its file it says so instead.
            let said = self.ask("PING").unwrap_or_default();
            said.starts_with("+PONG").then_some(true)
        });
        answers == Some(true)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(port: u16, folder: &PathBuf, settings: &[String]) -> io::Result<Child> {
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
        .arg(folder)
        .args(["--loglevel", "warning"])
        .args(settings)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    processes::spawn(&mut command)
}
