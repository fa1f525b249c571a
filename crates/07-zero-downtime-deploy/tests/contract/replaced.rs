//! SIGUSR1: the primary becomes another program, in place.

use std::{collections::BTreeSet, path::Path, time::Duration};

use events::Exit;
use harness::{
    Kept, Signal, Trial,
    load::{Clients, Connections, Load},
    who::{self, children},
};

use crate::{
    next::{Next, apart, variables},
    scene::{PROMPT, fresh},
    site::{NEW, OLD, WORKERS},
};

const CLIENTS: [Clients; 3] = [
    Clients::new(2, Connections::KeptAlive, "/", 2),
    Clients::new(2, Connections::OnePerRequest, "/", 3),
    Clients::new(2, Connections::OnePerRequest, "/slow?ms=50", 3),
];

pub(crate) fn the_primary_is_replaced_in_place(trial: &Trial) -> Kept {
    under_load(trial)?;
    asked_without_a_pause(trial)?;
    a_worker_dies_meanwhile(trial)?;
    sigterm_meanwhile(trial)
}

/// The same process, workers, sockets and number of descriptors, and no request lost; then all goes on.
fn under_load(trial: &Trial) -> Kept {
    let next = Next::start(trial, &[("STEPS", "50"), ("STEP_ANSWERS", "1000")])?;
    let load = Load::start(next.site.cluster.address, &CLIENTS);
    let copies = [next.copy("first")?, next.copy("second")?];
    let before = next.held();
    let first = variables(before.workers.first().copied().unwrap_or_default());
    for copy in copies.iter().cycle().take(4) {
        next.replace(copy)?;
        next.still_holds(&before, "after a replacement")?;
    }
    // A deploy by rename: the file that runs is gone, and another one has its name.
    let renamed = next.copy("second")?;
    next.ask();
    next.becomes(&renamed)?;
    next.adopts()?;
    next.still_holds(&before, "after the file was replaced")?;
    let phases = load.finish();
    let ledger = phases.first().cloned().unwrap_or_default();
    let is_so = ledger.balances() && ledger.lost() == 0 && ledger.refused == 0;
    trial.expect(is_so, "no request lost or refused", ledger.to_string())?;
    let victim = before.workers.first().copied().unwrap_or_default();
    let new = next.replaces_a_worker(victim, "by a replaced primary")?;
    // It has executed its program by then, and has variables of its own.
    who::meet_all(trial, &next.site.cluster, "/", WORKERS)?;
    let more: BTreeSet<_> = variables(new).difference(&first).cloned().collect();
    trial.expect(
        more.is_empty(),
        "a new worker has the variables of the first",
        format!("{more:?}"),
    )?;
    let deploy = next.site.deploy_to(NEW, 50)?;
    trial.expect(deploy == 1, "deploy 1, after the replacements", deploy.to_string())?;
    in_a_deploy(&next)?;
    next.site.stops()
}

/// A primary that deploys is not replaced: neither is disturbed.
fn in_a_deploy(next: &Next<'_>) -> Kept {
    let copy = next.copy("third")?;
    next.is_refused(&copy, "a good program in the middle of a deploy")?;
    let answers = next.site.ask_until_new(1)?;
    let old = answers.iter().any(|got| got.version == OLD);
    next.site.trial.expect(old, "both versions answer as before", "only one")
}

/// However often: each moment of a replacement meets a signal.
fn asked_without_a_pause(trial: &Trial) -> Kept {
    fresh(trial);
    let next = Next::start(trial, &[])?;
    let copies = [next.copy("first")?, next.copy("second")?];
    let before = next.held();
    for copy in copies.iter().cycle().take(4) {
        next.turn_to(copy)?;
        // The signals never stop while the primary becomes this program.
        processes::until(PROMPT, || {
            next.signal_quietly(Signal::SIGUSR1);
            (next.program() == *copy || !next.site.cluster.is_running()).then_some(())
        });
        next.becomes(copy)?;
    }
    next.signal_quietly(Signal::SIGUSR1);
    next.still_holds(&before, "after signals without a pause")?;
    next.site.stops()
}

/// Killed at the moment at which the primary hears no worker, or a little before or after.
fn a_worker_dies_meanwhile(trial: &Trial) -> Kept {
    fresh(trial);
    let next = Next::start(trial, &[])?;
    let copies = [next.copy("first")?, next.copy("second")?];
    for round in 0..6 {
        let copy = &copies[round % 2];
        next.turn_to(copy)?;
        let before = children(&next.site.cluster);
        let victim = before.iter().nth(round % 4).copied().unwrap_or_default();
        next.ask();
        moment(&next, copy, round);
        next.site.kill(victim)?;
        next.becomes(copy)?;
        next.fills(&before, victim, "in the middle of a replacement")?;
    }
    next.site.stops()
}

fn sigterm_meanwhile(trial: &Trial) -> Kept {
    for round in 0..4 {
        fresh(trial);
        let next = Next::start(trial, &[])?;
        let copy = next.copy("first")?;
        next.turn_to(&copy)?;
        next.ask();
        moment(&next, &copy, round);
        next.site.cluster.signal(Signal::SIGTERM);
        let exit = next.site.cluster.wait_exit(PROMPT)?;
        let observed = format!("{exit}, in round {round}");
        trial.expect(exit == Exit::Code(0), "SIGTERM meanwhile: exit code 0", observed)?;
        next.site.cluster.wait_gone(PROMPT)?;
    }
    Ok(())
}

/// Some moments lie right after the signal, and some around the one at which signals are blocked.
fn moment(next: &Next<'_>, copy: &Path, round: usize) {
    let millis = Duration::from_millis(u64::try_from(round).unwrap_or_default());
    if round.is_multiple_of(2) {
        let has_come = || next.is_blocked() || next.program() == copy;
        processes::until(PROMPT, || has_come().then_some(()));
        apart(millis / 2);
    } else {
        apart(millis);
    }
}
