//! The tour of chapter 00: two workers behind one port, and what happens when a process dies.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use harness::{
    Cluster, Kept, Signal, Stage,
    client::ask,
    load::{Clients, Connections, Load},
    wire::Connection,
};

const TRAFFIC: &[Clients] = &[Clients {
    number: 8,
    connections: Connections::OnePerRequest,
    path: "/",
    pause: Duration::from_millis(5),
}];

fn main() -> ExitCode {
    harness::tour(
        "00-hello-cluster",
        play,
        &[
            ("curl {url}/", "again and again: who answers?"),
            ("kill -9 WORKER_PID", "then curl again"),
            ("kill -9 {pid}", "the primary: what do the workers do?"),
        ],
    )
}

fn play(stage: &mut Stage) -> Kept {
    stage.step("One port, two processes");
    let cluster = stage.start(&[])?;
    for _ in 0..4 {
        if let Ok((status, body)) = ask(cluster.address, "/") {
            stage.say(&format!("GET / -> {status} {body}"));
        }
    }
    let share = spread(&cluster, 64);
    let busiest = share.values().max().copied().unwrap_or(64);
    let shares: Vec<_> = share.values().map(ToString::to_string).collect();
    let shares = shares.join(" and ");
    stage.finding(busiest <= 38, format!("64 connections one by one: {shares} to the workers"));

    stage.step("A worker that dies is replaced, and the port never closes");
    let load = Load::start(cluster.address, TRAFFIC);
    stage.run_load(&load, 500);
    let victim = share.keys().next().copied().unwrap_or_default();
    cluster.signal_process(victim, Signal::SIGKILL)?;
    stage.run_load(&load, 500);
    let ledgers = load.finish();
    for ledger in &ledgers {
        stage.account(ledger);
        stage.finding(ledger.refused == 0 && ledger.balances(), ledger.to_string());
    }
    stage.say("What the dead worker held is lost. The other worker served the rest.");

    stage.step("Workers do not outlive their primary");
    cluster.signal(Signal::SIGKILL);
    let gone = cluster.wait_gone(Duration::from_secs(5));
    stage.finding(gone.is_ok(), "no process is left behind");
    Ok(())
}

/// How many of `number` long-lived connections each process got.
fn spread(cluster: &Cluster, number: usize) -> BTreeMap<u32, usize> {
    let mut share = BTreeMap::new();
    let mut kept: Vec<Connection> = Vec::new();
    for _ in 0..number {
        let Ok(mut connection) = cluster.try_connect() else { continue };
        let Ok(answer) = connection.get("/") else { continue };
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let pid = body["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        *share.entry(pid.unwrap_or_default()).or_default() += 1;
        kept.push(connection);
    }
    share
}
