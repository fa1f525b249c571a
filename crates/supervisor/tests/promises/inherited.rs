//! What a program inherits, and must not trust.

use std::{
    env, io,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{Command, Stdio},
};

use events::Exit;
use harness::{
    Cluster, Kept, Signal, Trial, patience,
    who::{children, meet, meet_all, whole},
};
use nix::sys::signal::{SigSet, SigmaskHow, Signal::SIGTERM};

use crate::{PROMPT, outside::exit_code};

/// `env` can ignore a signal for what it executes, and a parent can block one.
pub(crate) fn ignored_and_blocked_signals_are_reset(trial: &Trial) -> Kept {
    let mut command = Command::new("env");
    command.arg("--ignore-signal=CHLD").arg(own_program(trial)?).env("PORT", "0");
    trial.recorder.observe("started with SIGCHLD ignored and SIGTERM blocked");
    let blocked = SigSet::from(SIGTERM).thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let cluster = Cluster::start(&trial.recorder, command);
    let restored = blocked.and_then(|before| before.thread_set_mask());
    trial.expect(restored.is_ok(), "a signal mask that can be set", format!("{restored:?}"))?;
    let cluster = cluster?;
    meet_all(trial, &cluster, "/", 2)?;
    ends_well(trial, &cluster)
}

pub(crate) fn a_worker_id_from_the_shell_makes_no_worker(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("WORKER_ID", "1"), ("PRIMARY_PID", "1")])?;
    meet_all(trial, &cluster, "/", 2)?;
    ends_well(trial, &cluster)
}

/// It finds its variables and a channel, but its parent isn't the primary of the variables.
pub(crate) fn a_worker_without_its_primary_ends(trial: &Trial) -> Kept {
    let pair = UnixStream::pair();
    let (ours, theirs) = pair.map_err(|error| trial.broken("two sockets", error.to_string()))?;
    drop(ours);
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" 4<&0"]).arg(own_program(trial)?).process_group(0);
    command.env("PORT", "0").env("WORKER_ID", "1").env("PRIMARY_PID", "1");
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
    let started = processes::spawn(&mut command);
    let mut child = started.map_err(|error| trial.broken("a program", error.to_string()))?;
    let code = exit_code(&mut child);
    trial.expect(code == Some(1), "exit code 1, and no cluster", format!("{code:?}"))
}

/// systemd sends SIGTERM to every process. The workers are between `exec` and their handlers.
pub(crate) fn sigterm_to_the_group_at_the_start_loses_nothing(trial: &Trial) -> Kept {
    for round in 1..=5 {
        let cluster = trial.start(&[("WORKERS", "4")])?;
        cluster.signal_group(Signal::SIGTERM);
        let exit = cluster.wait_exit(PROMPT)?;
        let observed = format!("{exit}, in round {round}");
        trial.expect(exit == Exit::Code(0), "exit code 0: nothing was lost", observed)?;
    }
    Ok(())
}

/// A closed terminal sends it to every process in the foreground.
pub(crate) fn sighup_to_the_group_loses_nothing(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    meet_all(trial, &cluster, "/", 2)?;
    let held = cluster.get("/slow")?.in_flight()?;
    cluster.signal_group(Signal::SIGHUP);
    whole(trial, held)?;
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(0), "exit code 0", exit.to_string())
}

/// The primary is stopped meanwhile, so that it finds the death when it shuts down already.
pub(crate) fn a_worker_that_was_never_ready_loses_nothing(trial: &Trial) -> Kept {
    for _ in 0..4 {
        let faults = ("FAULTS", "1.0.0/2:never-ready");
        let cluster = trial.start(&[faults, ("READY_TIMEOUT_MS", "120000")])?;
        let (ready, _) = meet(trial, &cluster, "/")?;
        let other = || children(&cluster).into_iter().find(|pid| *pid != ready.pid);
        let starting = processes::until(patience(PROMPT), other);
        cluster.signal(Signal::SIGSTOP);
        cluster.signal(Signal::SIGTERM);
        cluster.signal_process(starting.unwrap_or_default(), Signal::SIGKILL)?;
        cluster.signal(Signal::SIGCONT);
        let exit = cluster.wait_exit(PROMPT)?;
        trial.expect(exit == Exit::Code(0), "exit code 0: nothing was lost", exit.to_string())?;
    }
    Ok(())
}

fn ends_well(trial: &Trial, cluster: &Cluster) -> Kept {
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(0), "exit code 0", exit.to_string())
}

pub(crate) fn own_program(trial: &Trial) -> Kept<std::path::PathBuf> {
    let program: io::Result<_> = env::current_exe();
    program.map_err(|error| trial.broken("a program of our own", error.to_string()))
}
