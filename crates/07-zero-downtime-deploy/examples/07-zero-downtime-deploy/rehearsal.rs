//! The rehearsal: the next program says whether it could take this primary's place, before it does.
//!
//! It runs as a child, on the real will and a copy of each listening socket, while this primary serves on. It
//! says "ok", or why not, in one line on the socket that is its stdin. Whatever else it does is a refusal, and
//! an exit code of 0 does not say enough: `/bin/true` has that as well.

use std::{
    fs::File,
    io::{self, ErrorKind, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use cluster_basics::inherited::{BEQUEST, Bequest};
use nix::{
    sys::{
        signal::{Signal::SIGKILL, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid},
    },
    unistd::{Pid, dup2_stdin},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};

use crate::will::Legacy;

/// The one answer that is none of a refusal.
const OK: &str = "ok";

/// The longest answer that is read.
const LONGEST: u64 = 500;

/// How long a program may take to end that has closed its stdin.
const LINGER: Duration = Duration::from_secs(1);

/// Starts the rehearsal of `program`. What it returns waits for the end of it, `within` this time, and says why
/// the program isn't fit. Nothing of it is left then.
pub(crate) fn begin(
    program: &Path,
    legacy: &Legacy,
    within: Duration,
) -> impl Future<Output = Result<(), String>> + use<> {
    let started = Actor::start(program, legacy);
    async move {
        let mut actor = started.map_err(|error| error.to_string())?;
        let heard = timeout(within, actor.hear()).await;
        // One that has said something, or has closed its stdin, is about to end by itself.
        let linger = if heard.is_ok() { LINGER } else { Duration::ZERO };
        let ended = actor.end(linger).await;
        match heard {
            Ok(Ok(answer)) if answer.trim_end() == OK => Ok(()),
            Ok(Ok(answer)) if answer.is_empty() => Err(format!("it said nothing ({ended})")),
            Ok(Ok(answer)) => Err(answer.trim_end().to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("it gave no answer within {} ms", within.as_millis())),
        }
    }
}

/// A program that rehearses.
struct Actor {
    pid: Pid,
    socket: UnixStream,
    deaths: Signal,
    is_reaped: bool,
}

impl Actor {
    fn start(program: &Path, legacy: &Legacy) -> io::Result<Self> {
        let deaths = signal(SignalKind::child())?;
        let (socket, theirs) = UnixStream::pair()?;
        socket.set_nonblocking(true)?;
        // Everything is there when it begins.
        legacy.send(&socket)?;
        let mut command = Command::new(program);
        command
            .args(std::env::args_os().skip(1))
            .env(BEQUEST, Bequest::Rehearse.value())
            .stdin(OwnedFd::from(theirs))
            // A reader of our events must not take its events for ours.
            .stdout(Stdio::null())
            // What it starts ends with it.
            .process_group(0);
        let pid = Pid::from_raw(i32::try_from(command.spawn()?.id()).map_err(io::Error::other)?);
        Ok(Actor { pid, socket, deaths, is_reaped: false })
    }

    /// Its answer, to the end of the line. Empty when it has closed the socket without one.
    async fn hear(&self) -> io::Result<String> {
        let socket = tokio::net::UnixStream::from_std(self.socket.try_clone()?)?;
        let mut answer = Vec::new();
        let read = BufReader::new(socket).take(LONGEST).read_until(b'\n', &mut answer).await;
        match read {
            // It has ended, and left the will unread.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            read => drop(read?),
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Ends it and all that it has started, reaps it, and says how it ended.
    async fn end(&mut self, linger: Duration) -> String {
        let ended = timeout(linger, self.has_ended()).await;
        // The group is ours: its leader was not reaped yet.
        let _ = killpg(self.pid, SIGKILL);
        self.has_ended().await;
        let _ = waitpid(self.pid, None);
        self.is_reaped = true;
        ended.unwrap_or_else(|_| "it was ended".to_owned())
    }

    /// Waits until it has ended, and leaves it unreaped.
    async fn has_ended(&mut self) -> String {
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        loop {
            match waitid(Id::Pid(self.pid), look) {
                Ok(WaitStatus::Exited(_, code)) => return format!("exit code {code}"),
                Ok(WaitStatus::Signaled(_, signal, _)) => return format!("ended by {signal}"),
                Ok(_) => drop(self.deaths.recv().await),
                Err(error) => return error.to_string(),
            }
        }
    }
}

impl Drop for Actor {
    /// The primary ends in the middle of it.
    fn drop(&mut self) {
        if !self.is_reaped {
            let _ = killpg(self.pid, SIGKILL);
        }
    }
}

/// In the next program: the socket that waits on descriptor 0, which becomes `/dev/null`.
pub(crate) fn inherited() -> io::Result<UnixStream> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    null_stdin()?;
    Ok(socket)
}

/// Nothing that we start reads anything of ours.
pub(crate) fn null_stdin() -> io::Result<()> {
    Ok(dup2_stdin(File::open("/dev/null")?)?)
}

/// In the next program: says on `socket` how the rehearsal went.
pub(crate) fn say(socket: &UnixStream, fitness: Result<(), String>) -> ExitCode {
    let (line, code) = match fitness {
        Ok(()) => (OK.to_owned(), ExitCode::SUCCESS),
        Err(why) => (why.replace('\n', " "), ExitCode::FAILURE),
    };
    // A primary that is gone needs no answer.
    let _ = (&*socket).write_all(format!("{line}\n").as_bytes());
    code
}
