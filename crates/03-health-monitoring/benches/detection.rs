//! How long a frozen worker stays: `cargo bench -q -p health-monitoring --bench detection`.
//!
//! The bench stops one worker after the other. It measures when the process is gone from the process
//! table, and when its successor says that it is ready.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use events::{Event, WorkerEvent};
use harness::{
    Cluster, Kept, Signal, Trial,
    who::{self, Who},
};

const FREEZES: u32 = 40;
const LIMIT: Duration = Duration::from_secs(10);

const SETTINGS: [(&str, &str); 5] = [
    ("HEARTBEAT_MS", "50"),
    ("HEARTBEAT_TIMEOUT_MS", "250"),
    // Otherwise these deaths would count as a crash loop.
    ("RESTART_DELAY_MS", "0"),
    ("RESTART_DELAY_MAX_MS", "0"),
    ("MAX_RESTARTS", "1000"),
];

fn main() -> ExitCode {
    harness::measure(env!("CARGO_BIN_EXE_solution-3"), measure)
}

fn measure(trial: &Trial) -> Kept {
    let cluster = trial.start(&SETTINGS)?;
    let (mut ends, mut successors) = (Vec::new(), Vec::new());
    for round in 0..FREEZES {
        // At a different moment between two heartbeats each time.
        let phase = Duration::from_millis(u64::from(round) * 7 % 50);
        processes::until(phase, || (!cluster.is_running()).then_some(()));
        let (end, ready) = freeze(trial, &cluster, &one(trial, &cluster, round % 3 + 1)?)?;
        ends.push(end);
        successors.push(ready);
    }
    println!("{FREEZES} workers frozen, HEARTBEAT_MS=50 HEARTBEAT_TIMEOUT_MS=250");
    println!("{}", line("from SIGSTOP to the end of the process", ends));
    println!("{}", line("from SIGSTOP to a successor that is ready", successors));
    Ok(())
}

/// The worker in `slot`.
fn one(trial: &Trial, cluster: &Cluster, slot: u32) -> Kept<Who> {
    let met = who::meet_all(trial, cluster, "/", 3)?;
    let found = met.into_values().map(|(who, _)| who).find(|who| who.worker == slot);
    found.ok_or_else(|| trial.broken("workers 1 to 3", format!("no process is worker {slot}")))
}

fn freeze(trial: &Trial, cluster: &Cluster, frozen: &Who) -> Kept<(Duration, Duration)> {
    let earlier = trial.recorder.entries().len();
    let began = Instant::now();
    cluster.signal_process(frozen.pid, Signal::SIGSTOP)?;
    let is_gone = || (!processes::is_alive(frozen.pid)).then(|| began.elapsed());
    let end = processes::until(LIMIT, is_gone)
        .ok_or_else(|| trial.broken("its end", "it is still there"))?;
    let successor = trial.recorder.wait(LIMIT, |entries| {
        entries[earlier..].iter().find_map(|entry| match &entry.event {
            Some(Event::Worker(WorkerEvent::Ready(id))) if id.slot.0 == frozen.worker => Some(()),
            _ => None,
        })
    });
    let ready = began.elapsed();
    successor.ok_or_else(|| trial.broken("a successor", "there is none"))?;
    Ok((end, ready))
}

fn line(what: &str, mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    let (best, median, most, worst) = (at(0), at(50), at(90), at(100));
    format!("  {what:<42} {best:.0} to {worst:.0} ms, median {median:.0}, 90 % in {most:.0}")
}
