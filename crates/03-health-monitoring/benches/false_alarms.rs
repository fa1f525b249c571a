//! How late heartbeats come on a busy machine, and whether a worker is replaced for that:
//! `cargo bench -q -p health-monitoring --bench false-alarms`.
//!
//! Two busy loops for each core; `SECONDS` or `MINUTES` says for how long. Beside the solution, whose
//! workers must all be there at the end, runs a primary that only notes when it hears which worker.

use std::{
    collections::{BTreeSet, HashMap},
    env,
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use cluster_basics::worker::is_worker;
use events::{Event, HealthEvent, Pid};
use harness::{Kept, Trial, busy::Busy, who};
use health_monitoring::{Admin, Config, HeartbeatSender, Intents, Notice, Workers, at, every, run};

const SETTINGS: [(&str, &str); 3] =
    [("HEARTBEAT_MS", "100"), ("HEARTBEAT_TIMEOUT_MS", "1000"), ("REPORT_MS", "40000000")];
const STEPS: [u64; 14] = [100, 101, 102, 105, 110, 120, 140, 170, 200, 250, 300, 400, 500, 1000];
const WORKERS: u32 = 3;

fn main() -> ExitCode {
    // We are three programs: the report, a primary that listens, and its workers.
    if is_worker() || env::var_os("PORT").is_some() {
        return run(listen, heartbeat);
    }
    harness::measure(env!("CARGO_BIN_EXE_solution-3"), measure)
}

fn duration() -> Duration {
    let number = |name| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("MINUTES").map(|minutes| minutes * 60).or_else(|| number("SECONDS"));
    Duration::from_secs(seconds.unwrap_or(20))
}

fn measure(trial: &Trial) -> Kept {
    let cluster = trial.start(&SETTINGS)?;
    let met = who::meet_all(trial, &cluster, "/", WORKERS as usize)?;
    let mut seen: BTreeSet<u32> = met.into_keys().collect();
    let all = seen.len();
    let mut listener = listener()?;
    let busy = Busy::every_core();
    processes::until(duration(), || {
        seen.extend(who::children(&cluster));
        (!cluster.is_running()).then_some(())
    });
    drop(busy);
    let replaced = seen.len() - all;
    println!("every core busy for {} s: {replaced} of {all} replaced", duration().as_secs());
    for entry in trial.recorder.entries() {
        if let Some(Event::Health(HealthEvent::Alert(_))) = entry.event {
            println!("  {:.1} s: {}", entry.at, entry.text);
        }
    }
    // It prints what it has heard.
    let _ = listener.wait();
    trial.expect(replaced == 0, "no false alarm", format!("{replaced} workers were replaced"))
}

fn listener() -> Kept<Child> {
    let program = env::current_exe().expect("we were started from a file");
    let mut command = Command::new(program);
    command.env("PORT", "0").env("ADMIN_PORT", "0").envs(SETTINGS).stdout(Stdio::null());
    command.spawn().map_err(|error| harness::Broken::new("a second primary", error.to_string()))
}

/// Sends heartbeats, as the example does.
async fn heartbeat(sender: HeartbeatSender) {
    let mut ticks = every(sender.interval());
    loop {
        let due = ticks.tick().await;
        sender.send(due.elapsed()).await;
    }
}

/// Hears heartbeats, and nothing else. Events go to stdout, so the figures go to stderr.
async fn listen(_: Config, mut workers: Workers, _: Admin, _: Intents) -> ExitCode {
    for slot in workers.slots() {
        workers.start(slot);
    }
    let end = Instant::now() + duration();
    let mut heard: HashMap<Pid, Instant> = HashMap::new();
    let mut gaps = Vec::new();
    loop {
        tokio::select! {
            notice = workers.next() => if let Notice::Report(worker, _) = notice {
                let now = Instant::now();
                gaps.extend(heard.insert(worker.pid, now).map(|before| now - before));
            },
            () = at(Some(end)) => break,
        }
    }
    plot(&gaps);
    // The workers end with us.
    ExitCode::SUCCESS
}

/// A row for each length: the share of gaps that are longer, on a logarithmic scale.
fn plot(gaps: &[Duration]) {
    const DECADE: f64 = 9.0;
    const DECADES: f64 = 4.5;
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    eprintln!("{} gaps between heartbeats, of which are longer than", gaps.len());
    for millis in STEPS {
        let longer = gaps.iter().filter(|gap| **gap > Duration::from_millis(millis)).count();
        let share = number(longer) / number(gaps.len().max(1));
        let length = ((share.log10() + DECADES) * DECADE).max(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 41")]
        let bar = "#".repeat(length.round() as usize);
        eprintln!(
            "{}",
            format!("{millis:>6} ms {longer:>7} {:>8.3} %  {bar}", share * 100.0).trim_end()
        );
    }
    let longest = gaps.iter().max().copied().unwrap_or_default();
    eprintln!("the longest: {} ms", longest.as_millis());
}
