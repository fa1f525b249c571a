//! The tour of chapter 01: a cluster under load is told to stop, and loses nothing.
//!
//! `cargo xtask run 01-graceful-shutdown` plays it against the example, `cargo xtask run
//! exercise-1` against a learner's program.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use events::{Exit, numbers::count};
use harness::{
    Kept, Signal, Stage,
    load::{Clients, Connections, Load},
};

/// Traffic as services see it: pools, clients that connect for each request, and slow answers.
const TRAFFIC: &[Clients] = &[
    Clients {
        number: 8,
        connections: Connections::KeptAlive,
        path: "/fast",
        pause: Duration::from_millis(10),
    },
    Clients {
        number: 4,
        connections: Connections::OnePerRequest,
        path: "/fast",
        pause: Duration::from_millis(10),
    },
    Clients {
        number: 4,
        connections: Connections::KeptAlive,
        path: "/slow?ms=300",
        pause: Duration::from_millis(10),
    },
];

const PROMPT: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    harness::tour(
        "01-graceful-shutdown",
        play,
        &[
            ("curl -i '{url}/slow?ms=8000' &", "then quickly"),
            ("kill -TERM {pid}", "the cluster drains; the same again forces it"),
            ("curl -i {url}/fast", "during the drain: refused"),
        ],
    )
}

fn play(stage: &mut Stage) -> Kept {
    drain_under_load(stage)?;
    meet_the_deadline(stage)?;
    insist(stage)?;
    pull_the_plug(stage)
}

fn drain_under_load(stage: &mut Stage) -> Kept {
    stage.step("Told to stop under load, the cluster finishes what it holds");
    let cluster = stage.start(&[])?;
    let load = Load::start(cluster.address, TRAFFIC);
    stage.say("16 clients: 8 keep a connection, 4 connect each time, 4 ask for 300 ms.");
    stage.run_load(&load, 3000);
    load.next_phase_drains();
    cluster.signal(Signal::SIGTERM);
    let asked = Instant::now();
    let exit = cluster.wait_exit(PROMPT)?;
    let took = asked.elapsed();
    let phases = load.finish();
    for (ledger, when) in phases.iter().zip(["before", "after "]) {
        stage.finding(ledger.lost() == 0 && ledger.balances(), format!("{when} SIGTERM  {ledger}"));
        stage.account(ledger);
    }
    let retried: u64 = phases.iter().map(|ledger| ledger.retried).sum();
    stage.finding(retried == 0, format!("{retried} sent again after an idle connection closed"));
    stage.finding(exit == Exit::Code(0), format!("{exit} after {:.2} s", took.as_secs_f64()));
    gone(stage, &cluster);
    Ok(())
}

fn meet_the_deadline(stage: &mut Stage) -> Kept {
    stage.step("A request that never ends is cut off at the deadline");
    let cluster = stage.start(&[("DRAIN_TIMEOUT_MS", "1000")])?;
    let held = cluster.get("/slow?ms=60000")?.in_flight()?;
    let asked = Instant::now();
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(PROMPT)?;
    let took = asked.elapsed().as_secs_f64();
    stage.finding(held.outcome()?.is_err(), "the request was cut off");
    stage.finding(exit == Exit::Code(1), format!("{exit} after {took:.2} s of a timeout of 1 s"));
    gone(stage, &cluster);
    Ok(())
}

fn insist(stage: &mut Stage) -> Kept {
    stage.step("A second signal does not wait for the deadline");
    let cluster = stage.start(&[("DRAIN_TIMEOUT_MS", "60000")])?;
    let held = cluster.get("/slow?ms=60000")?.in_flight()?;
    cluster.signal(Signal::SIGTERM);
    let is_refused = || cluster.try_connect().is_err().then_some(());
    let drains = processes::until(PROMPT, is_refused).is_some() && cluster.is_running();
    stage.finding(drains, "the cluster drains: a new connection is refused");
    let asked = Instant::now();
    cluster.signal(Signal::SIGINT);
    let exit = cluster.wait_exit(PROMPT)?;
    let took = asked.elapsed().as_millis();
    stage.finding(held.outcome()?.is_err(), "the request was cut off");
    let is_forced = drains && exit != Exit::Code(0);
    stage.finding(is_forced, format!("{exit}, {took} ms after the second signal"));
    gone(stage, &cluster);
    Ok(())
}

/// For contrast: what a shutdown without a drain loses.
fn pull_the_plug(stage: &mut Stage) -> Kept {
    stage.step("For comparison: kill -9 to the primary, under the same load");
    let cluster = stage.start(&[])?;
    let load = Load::start(cluster.address, TRAFFIC);
    stage.run_load(&load, 1000);
    cluster.signal(Signal::SIGKILL);
    cluster.wait_exit(PROMPT)?;
    gone(stage, &cluster);
    let lost: u64 = load.finish().iter().map(harness::ledger::Ledger::lost).sum();
    let lost = count(usize::try_from(lost).unwrap_or(usize::MAX), "request");
    stage.say(&format!("{lost} lost: the work in flight. Not part of the account."));
    Ok(())
}

fn gone(stage: &mut Stage, cluster: &harness::Cluster) {
    let gone = cluster.wait_gone(Duration::from_secs(5));
    stage.finding(gone.is_ok(), "no process is left behind");
}
