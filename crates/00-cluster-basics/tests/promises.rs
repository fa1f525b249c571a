//! What the basics promise, on real processes of the example, which this test binary contains.

#[path = "../examples/00-hello-cluster.rs"]
mod hello_cluster;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    process::ExitCode,
    time::Duration,
};

use cluster_basics::worker::is_worker;
use harness::{Cluster, Kept, Promise, Signal, Trial, patience, promise, wire::Connection};

const PROMISES: &[Promise] = &[
    promise!(
        long_lived_connections_are_spread_evenly,
        "Of 64 long-lived connections that come one by one, no worker gets over 60 %.",
        "#who-gets-the-next-connection"
    ),
    promise!(
        a_killed_worker_is_replaced,
        "A worker that dies by SIGKILL is replaced, and no client is refused meanwhile.",
        "#births-and-deaths"
    ),
    promise!(
        workers_do_not_outlive_a_killed_primary,
        "Workers do not outlive a primary that dies by SIGKILL.",
        "#births-and-deaths"
    ),
    promise!(
        a_worker_inherits_nothing_from_its_siblings,
        "A worker inherits no descriptor of its siblings.",
        "#births-and-deaths"
    ),
];

fn main() -> ExitCode {
    // A trial starts us with PORT, and we start ourselves as workers.
    if is_worker() || env::var_os("PORT").is_some() {
        return hello_cluster::main();
    }
    let Ok(me) = env::current_exe() else { return ExitCode::from(4) };
    harness::contract(&me.to_string_lossy(), "guides/00-cluster-basics.md", PROMISES)
}

fn long_lived_connections_are_spread_evenly(trial: &Trial) -> Kept {
    const CONNECTIONS: usize = 64;
    let cluster = trial.start(&[("WORKERS", "2")])?;
    wait_until_all_answer(trial, &cluster, 2)?;
    let mut kept = Vec::new();
    let mut share = BTreeMap::<u32, usize>::new();
    for _ in 0..CONNECTIONS {
        let (pid, connection) = meet(trial, &cluster)?;
        *share.entry(pid).or_default() += 1;
        kept.push(connection);
    }
    let busiest = share.values().max().copied().unwrap_or(CONNECTIONS);
    let observed = format!("the busiest worker got {busiest} of {CONNECTIONS}: {share:?}");
    trial.expect(busiest * 100 <= CONNECTIONS * 60, "at most 60 % for the busiest", observed)
}

fn a_killed_worker_is_replaced(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("WORKERS", "2")])?;
    let victim = *wait_until_all_answer(trial, &cluster, 2)?.first().expect("two answered");
    cluster.signal_process(victim, Signal::SIGKILL)?;
    let limit = patience(Duration::from_secs(10));
    let replaced = processes::until(limit, || {
        let workers = cluster.processes().into_iter().map(|process| process.pid);
        let workers: BTreeSet<u32> = workers.filter(|pid| *pid != cluster.pid).collect();
        (workers.len() == 2 && !workers.contains(&victim)).then_some(())
    });
    trial.expect(replaced.is_some(), "two workers again", "the slot stays empty")?;
    let now = wait_until_all_answer(trial, &cluster, 2)?;
    trial.expect(!now.contains(&victim), "answers from live workers only", format!("{now:?}"))
}

fn workers_do_not_outlive_a_killed_primary(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("WORKERS", "4")])?;
    wait_until_all_answer(trial, &cluster, 4)?;
    cluster.signal(Signal::SIGKILL);
    cluster.wait_gone(Duration::from_secs(5))
}

/// The last worker was started when three siblings' channels were open already.
fn a_worker_inherits_nothing_from_its_siblings(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("WORKERS", "4")])?;
    let workers = wait_until_all_answer(trial, &cluster, 4)?;
    let listener_only = |one: u32, other: u32| {
        let shared = sockets_of(one)?.intersection(&sockets_of(other)?).count();
        Some((shared == 1, format!("pids {one} and {other} share {shared} sockets")))
    };
    for one in &workers {
        for other in workers.range(one + 1..) {
            let Some((is_so, observed)) = listener_only(*one, *other) else {
                trial.recorder.observe("there is no /proc here: not looked at");
                return Ok(());
            };
            trial.expect(is_so, "two workers share the listener and nothing else", observed)?;
        }
    }
    Ok(())
}

/// The sockets that `pid` holds, by inode; `None` where there is no `/proc`.
fn sockets_of(pid: u32) -> Option<BTreeSet<String>> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let targets = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let names = targets.map(|target| target.to_string_lossy().into_owned());
    Some(names.filter(|name| name.starts_with("socket:")).collect())
}

/// Connects until `number` processes have answered, and returns them.
fn wait_until_all_answer(trial: &Trial, cluster: &Cluster, number: usize) -> Kept<BTreeSet<u32>> {
    let mut met = BTreeSet::new();
    for _ in 0..200 {
        met.insert(meet(trial, cluster)?.0);
        if met.len() == number {
            return Ok(met);
        }
    }
    Err(trial.broken(format!("answers from {number} processes"), format!("only from {met:?}")))
}

/// A kept-alive connection, and the process at its other end.
fn meet(trial: &Trial, cluster: &Cluster) -> Kept<(u32, Connection)> {
    let mut connection = cluster.connect()?;
    let answer = connection.get("/").map_err(|failure| trial.broken("200", failure.to_string()))?;
    let body: Result<serde_json::Value, _> = serde_json::from_str(&answer.body);
    let pid = body.ok().and_then(|body| u32::try_from(body["pid"].as_u64()?).ok());
    match pid {
        Some(pid) => Ok((pid, connection)),
        None => Err(trial.broken("JSON with a pid", answer.body)),
    }
}
