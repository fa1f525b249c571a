//! What a primary does not control: the reader of its stdout, its workers, the file of its program.

use std::{
    collections::BTreeMap,
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use harness::{
    Cluster, Kept, Signal, Trial, patience,
    who::{Who, children, greet, meet, meet_all, whole},
    wire::Connection,
};
use processes::until;
use rustix::process::{Resource, Rlimit};

use crate::{PROMPT, inherited::own_program};

/// More events than a pipe and the queue before it hold, and nothing reads them.
pub(crate) fn an_unread_stdout_holds_up_nothing(trial: &Trial) -> Kept {
    let port = free_port(trial)?;
    let mut command = Command::new(own_program(trial)?);
    command.env("PORT", port.to_string()).env("FLOOD", "50000").process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let started = processes::spawn(&mut command);
    let mut child = started.map_err(|error| trial.broken("a program", error.to_string()))?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let answers =
        until(patience(PROMPT), || Connection::open(address, patience(PROMPT)).ok()?.get("/").ok());
    trial.expect(answers.is_some(), "an answer to GET /", "no answer")?;
    let _ = processes::sweep::send(child.id(), Signal::SIGTERM);
    let code = exit_code(&mut child);
    trial.expect(code == Some(0), "exit code 0 after SIGTERM", format!("{code:?}"))
}

pub(crate) fn exit_code(child: &mut Child) -> Option<i32> {
    let status = until(patience(PROMPT), || child.try_wait().ok().flatten())?;
    status.code().or(status.signal())
}

/// The primary tells both workers something each 2 ms; the queue to the frozen one is full soon.
pub(crate) fn a_frozen_worker_holds_up_nothing(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("TELL_MS", "2")])?;
    let met = meet_all(trial, &cluster, "/", 2)?;
    let [frozen, killed] = pids(&met);
    drop(met);
    cluster.signal_process(frozen, Signal::SIGSTOP)?;
    // Longer than it takes to fill a socket and a queue.
    let second = Duration::from_secs(2);
    until(second, || (!cluster.is_running()).then_some(()));
    is_replaced(trial, &cluster, frozen, killed)
}

pub(crate) fn a_worker_that_talks_garbage_is_replaced(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let met = meet_all(trial, &cluster, "/", 2)?;
    let known = pids(&met);
    drop(met);
    let (talker, _) = meet(trial, &cluster, "/garbage")?;
    new_worker(trial, &cluster, &known)?;
    let is_gone = until(patience(PROMPT), || (!processes::is_alive(talker.pid)).then_some(()));
    let observed = format!("pid {} is still there", talker.pid);
    trial.expect(is_gone.is_some(), "the end of the worker that talks garbage", observed)
}

pub(crate) fn a_replaced_program_gets_new_workers(trial: &Trial) -> Kept {
    let (program, next) = (trial.path("program"), trial.path("next"));
    let copied = fs::copy(own_program(trial)?, &program);
    copied.map_err(|error| trial.broken("a copy of the program", error.to_string()))?;
    let mut command = Command::new(&program);
    command.env("PORT", "0");
    let cluster = Cluster::start(&trial.recorder, command)?;
    let met = meet_all(trial, &cluster, "/", 2)?;
    let [other, killed] = pids(&met);
    drop(met);
    // A deploy puts another file in its place.
    let replaced = fs::write(&next, "#!/bin/sh\n").and_then(|()| fs::rename(&next, &program));
    replaced.map_err(|error| trial.broken("a file that can be replaced", error.to_string()))?;
    is_replaced(trial, &cluster, other, killed)
}

/// A primary that has no descriptor left can't start a worker. Its other worker holds a request meanwhile.
pub(crate) fn a_start_that_fails_is_tried_again(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let mut met = meet_all(trial, &cluster, "/", 2)?;
    let [other, killed] = pids(&met);
    let (_, connection) = met.remove(&other).expect("both were met");
    let held = cluster.get_on(connection, "/slow").in_flight()?;
    // The three that every process has are in use, and further ones aren't to be had.
    let before = limit_descriptors(trial, &cluster, Some(3))?;
    cluster.signal_process(killed, Signal::SIGKILL)?;
    whole(trial, held)?;
    let workers = children(&cluster);
    let observed = format!("pids {workers:?}");
    trial.expect(
        !workers.iter().any(|pid| *pid != other && *pid != killed),
        "no new worker",
        observed,
    )?;
    limit_descriptors(trial, &cluster, before)?;
    new_worker(trial, &cluster, &[other, killed])
}

/// Sets how many descriptors the primary may have; returns how many it was before.
fn limit_descriptors(trial: &Trial, cluster: &Cluster, most: Option<u64>) -> Kept<Option<u64>> {
    let primary = rustix::process::Pid::from_raw(cluster.pid.cast_signed());
    let now = rustix::process::getrlimit(Resource::Nofile);
    let limit = Rlimit { current: most, maximum: now.maximum };
    match rustix::process::prlimit(primary, Resource::Nofile, limit) {
        Ok(before) => Ok(before.current),
        Err(error) => Err(trial.broken("a limit that can be set", error.to_string())),
    }
}

pub(crate) fn a_stopped_worker_ends_with_its_primary(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let met = meet_all(trial, &cluster, "/", 2)?;
    let [stopped, _] = pids(&met);
    cluster.signal_process(stopped, Signal::SIGSTOP)?;
    cluster.signal(Signal::SIGKILL);
    cluster.wait_gone(PROMPT)
}

/// Workers of a killed primary hold the port until they end; here a listener of ours does.
pub(crate) fn a_port_that_becomes_free_is_taken(trial: &Trial) -> Kept {
    let bound = TcpListener::bind(("127.0.0.1", 0));
    let holder = bound.map_err(|error| trial.broken("a port", error.to_string()))?;
    let address = holder.local_addr();
    let port = address.map_err(|error| trial.broken("a port", error.to_string()))?.port();
    thread::spawn(move || {
        thread::park_timeout(Duration::from_millis(700));
        drop(holder);
    });
    trial.start(&[("PORT", &port.to_string())]).map(|_| ())
}

/// Kills `killed` and waits until another worker answers beside `other`.
fn is_replaced(trial: &Trial, cluster: &Cluster, other: u32, killed: u32) -> Kept {
    cluster.signal_process(killed, Signal::SIGKILL)?;
    new_worker(trial, cluster, &[other, killed])
}

fn new_worker(trial: &Trial, cluster: &Cluster, known: &[u32]) -> Kept {
    let limit = patience(PROMPT);
    let is_new = |who: &Who| !known.contains(&who.pid);
    let new = until(limit, || {
        let answers = greet(cluster, "/");
        answers.into_iter().map(|(who, _)| who).find(is_new)
    });
    let observed = format!("none within {} s", limit.as_secs());
    trial.expect(new.is_some(), "an answer of a new worker", observed)
}

fn pids(met: &BTreeMap<u32, (Who, Connection)>) -> [u32; 2] {
    let mut pids = met.keys().copied();
    [pids.next().unwrap_or_default(), pids.next().unwrap_or_default()]
}

fn free_port(trial: &Trial) -> Kept<u16> {
    let bound = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|e| trial.broken("a free port", e.to_string()))
}
