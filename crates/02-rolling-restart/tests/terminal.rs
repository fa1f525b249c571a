//! A cluster whose terminal is closed finishes what it holds and ends. SIGHUP alone asks for a roll back.

use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    time::Duration,
};

use harness::{
    patience,
    wire::{Connection, request},
};
use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    pty::openpty,
};
use processes::until;
use serde_json::Value;

const PROMPT: Duration = Duration::from_secs(30);

#[test]
fn a_closed_terminal_ends_the_cluster_and_loses_nothing() {
    let terminal = openpty(None, None).expect("a terminal");
    // A process that inherits this end keeps the terminal open.
    fcntl(&terminal.master, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("a descriptor");
    let mut primary = start(terminal.slave);
    let address = listening(&mut primary.0).expect("an event `listening` with an address");
    let mut connection = Connection::open(address, patience(PROMPT)).expect("a connection");
    let answer = connection.get("/").expect("an answer");
    assert_eq!(answer.status, 200);
    connection.send(request("GET", "/slow?ms=1000", "").as_bytes()).expect("a connection");
    let head = connection.read_head().expect("the head of the answer");
    drop(terminal.master);
    let answer = connection.read_body(&head).expect("a whole answer");
    assert_eq!(answer.status, 200);
    let ended = until(patience(PROMPT), || primary.0.try_wait().expect("a child"));
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
}

/// The process that we started. Its workers end with it.
struct Primary(Child);

impl Drop for Primary {
    fn drop(&mut self) {
        // An error: it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The solution as the first process of a session in the terminal whose one end is `slave`.
fn start(slave: OwnedFd) -> Primary {
    let mut command = Command::new("setsid");
    command.arg("--ctty").arg(env!("CARGO_BIN_EXE_solution-2"));
    command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
    command.env("PORT", "0").env("ADMIN_PORT", "0");
    command.stdin(slave).stdout(Stdio::piped()).stderr(Stdio::null());
    Primary(command.spawn().expect("setsid"))
}

/// Where it says that it listens.
fn listening(primary: &mut Child) -> Option<SocketAddr> {
    let lines = BufReader::new(primary.stdout.take()?).lines();
    let mut events =
        lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
    let event: Value = events.find(|event: &Value| event["event"] == "listening")?;
    event["address"].as_str()?.parse().ok()
}
