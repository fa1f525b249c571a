//! What heartbeats cost: `cargo bench -q -p health-monitoring --bench overhead`.
//!
//! Throughput with heartbeats and without, in short rounds that alternate, because a machine is
//! faster in one minute than in the next. Then the CPU time of one heartbeat, measured where nothing
//! else happens. `ROUNDS` sets how many rounds.

use std::{
    env, fs,
    process::ExitCode,
    time::{Duration, Instant},
};

use harness::{
    Cluster, Kept, Trial,
    load::{Clients, Connections, Load},
    who,
};

const ROUNDS: usize = 10;
/// Longer than the default interval, so that there is a heartbeat in each.
const ROUND: Duration = Duration::from_millis(3500);
const LIMIT: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(10);

/// What is compared with the first of them, which has no heartbeat within a day.
const KINDS: [(&str, &str, &str); 3] = [
    ("none", "40000000", "80000000"),
    ("every 3 s", "3000", "10000"),
    ("every 100 ms", "100", "1000"),
];

const TRAFFIC: &[Clients] =
    &[Clients { number: 8, connections: Connections::KeptAlive, path: "/", pause: Duration::ZERO }];

fn main() -> ExitCode {
    harness::measure(env!("CARGO_BIN_EXE_solution-3"), |trial| {
        throughput(trial)?;
        one_heartbeat(trial)
    })
}

fn throughput(trial: &Trial) -> Kept {
    let rounds = env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let mut rates: [Vec<f64>; KINDS.len()] = Default::default();
    let mut costs = rates.clone();
    let mut plain = Vec::new();
    for _ in 0..rounds {
        // There and back, so that the first kind has no advantage.
        let mut sums = [(0.0, 0.0); KINDS.len()];
        for kind in (0..KINDS.len()).chain((0..KINDS.len()).rev()) {
            let (rate, cost) = one_round(trial, kind)?;
            sums[kind] = (sums[kind].0 + rate, sums[kind].1 + cost);
        }
        plain.push(sums[0].0 / 2.0);
        for (kind, (rate, cost)) in sums.into_iter().enumerate() {
            rates[kind].push((rate / sums[0].0 - 1.0) * 100.0);
            costs[kind].push((cost / sums[0].1 - 1.0) * 100.0);
        }
    }
    let (_, median, _) = quartiles(&mut plain);
    println!("without heartbeats: {median:.0} requests a second; with them, in {rounds} rounds");
    for (kind, (name, ..)) in KINDS.iter().enumerate().skip(1) {
        for (what, ratios) in [("throughput", &mut rates), ("CPU a request", &mut costs)] {
            let (low, median, high) = quartiles(&mut ratios[kind]);
            println!(
                "  {name:<13} {what:<14} {median:+.1} %, half of them {low:+.1} to {high:+.1} %"
            );
        }
    }
    Ok(())
}

/// Requests a second, and CPU seconds a request.
///
/// A cluster of its own each time: an idle one beside it would send heartbeats, too, and hide the
/// difference.
fn one_round(trial: &Trial, kind: usize) -> Kept<(f64, f64)> {
    let (_, interval, timeout) = KINDS[kind];
    let cluster = start(trial, interval, timeout)?;
    who::meet_all(trial, &cluster, "/", 3)?;
    let load = Load::start(cluster.address, TRAFFIC);
    trial.expect(load.wait_for(1000, LIMIT), "clients that are served", "they are not")?;
    let (began, before, cpu) = (Instant::now(), load.finished(), cpu_of(&cluster));
    pass(ROUND, &cluster);
    let (took, answered) = (began.elapsed(), number(load.finished() - before));
    let cpu = cpu_of(&cluster).saturating_sub(cpu);
    trial.expect(load.failed() == 0, "each request is answered", "some are not")?;
    Ok((answered / took.as_secs_f64(), cpu.as_secs_f64() / answered))
}

/// The CPU time of a cluster that only sends heartbeats, minus the CPU time of an idle cluster.
fn one_heartbeat(trial: &Trial) -> Kept {
    const INTERVAL_MS: f64 = 5.0;
    let idle = cpu_of_idling(trial, "40000000", "80000000")?;
    let beating = cpu_of_idling(trial, "5", "5000")?;
    let heartbeats = 3.0 * IDLE.as_secs_f64() * 1e3 / INTERVAL_MS;
    let micros = beating.saturating_sub(idle).as_secs_f64() * 1e6 / heartbeats;
    println!("one heartbeat: {micros:.0} µs of CPU time, hearing it and a check included");
    let share = |interval: f64| micros * 3.0 / interval / 1e6 * 100.0;
    println!("  three workers every 3 s: {:.3} % of a core", share(3.0));
    println!("  three workers every 100 ms: {:.2} % of a core", share(0.1));
    Ok(())
}

fn cpu_of_idling(trial: &Trial, interval: &str, timeout: &str) -> Kept<Duration> {
    let cluster = start(trial, interval, timeout)?;
    who::meet_all(trial, &cluster, "/", 3)?;
    let before = cpu_of(&cluster);
    pass(IDLE, &cluster);
    Ok(cpu_of(&cluster).saturating_sub(before))
}

fn start(trial: &Trial, interval: &str, timeout: &str) -> Kept<Cluster> {
    trial.start(&[
        ("HEARTBEAT_MS", interval),
        ("HEARTBEAT_TIMEOUT_MS", timeout),
        ("REPORT_MS", "40000000"),
    ])
}

fn pass(time: Duration, cluster: &Cluster) {
    processes::until(time, || (!cluster.is_running()).then_some(()));
}

/// What all threads of the primary and its workers have used: the first of the figures that the
/// kernel's scheduler keeps of each, in nanoseconds.
fn cpu_of(cluster: &Cluster) -> Duration {
    let nanos = |pid: u32| -> u64 {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let figures =
            threads.filter_map(|one| fs::read_to_string(one.path().join("schedstat")).ok());
        figures.filter_map(|text| text.split(' ').next()?.parse::<u64>().ok()).sum()
    };
    let all = who::children(cluster).into_iter().chain([cluster.pid]);
    Duration::from_nanos(all.map(nanos).sum())
}

fn quartiles(values: &mut [f64]) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |quarter: usize| values[(values.len() - 1) * quarter / 4];
    (at(1), at(2), at(3))
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}
