//! What a call costs, and what a peer costs that does not answer:
//! `cargo bench -q -p advanced-ipc --bench ipc`.
//!
//! Each round trip is a ratio to the same round trip of two processes that block on a Unix socket, in
//! the same run on the same cores: rounds of all systems take turns. Two processes that the kernel has
//! put on different cores wake each other more slowly, and it may move them between two rounds. On one
//! core, behind `taskset -c 0`, the ratios spread less.

#[path = "../examples/04-advanced-ipc/calls.rs"]
#[expect(unused_imports, reason = "its tests run with the example")]
mod calls;
#[path = "ipc/driver.rs"]
mod driver;
#[path = "ipc/ours.rs"]
mod ours;
#[path = "ipc/raw.rs"]
mod raw;
#[path = "../examples/04-advanced-ipc/table.rs"]
#[expect(dead_code, reason = "its tests run with the example")]
mod table;

use std::{
    env, fs,
    path::Path,
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use driver::{Driver, ROLE, own_process};
use harness::Signal;
use ours::Waiting::{Asleep, Spinning};
use processes::Scratch;
use serde_json::Value;

const ROUNDS: usize = 15;
/// Size in bytes, calls of a round, calls open at a time.
const TRIPS: [(&str, usize, u32, usize); 3] =
    [("64 B", 64, 2000, 1), ("1 KiB", 1024, 2000, 1), ("64 B, 64 open", 64, 2000, 64)];
const PACED: Duration = Duration::from_secs(4);
const MESSAGES: usize = 20_000;
const FROZEN: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_mins(1);

fn main() -> ExitCode {
    let outcome = match env::var(ROLE).as_deref() {
        Ok("raw") => raw::driver().map_err(|error| error.to_string()),
        Ok("raw-peer") => raw::peer().map_err(|error| error.to_string()),
        Ok("ours") => ours::driver(Asleep).map_err(|error| error.to_string()),
        Ok("ours-peer") => ours::peer(Asleep).map_err(|error| error.to_string()),
        Ok("ours-spinning") => ours::driver(Spinning).map_err(|error| error.to_string()),
        Ok("ours-spinning-peer") => ours::peer(Spinning).map_err(|error| error.to_string()),
        _ => report(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A system, and its process.
type System = (&'static str, Driver);

fn report() -> Result<(), String> {
    processes::adopt_orphans().map_err(|error| error.to_string())?;
    let folder = Scratch::new(&env::temp_dir()).map_err(|error| error.to_string())?;
    let measured = systems(folder.path()).and_then(|mut systems| {
        round_trips(&mut systems)?;
        println!("\na call each millisecond, for {} s", PACED.as_secs());
        for system in &mut systems {
            paced(system)?;
        }
        println!(
            "\na peer that is frozen for {} s, and {MESSAGES} messages for it",
            FROZEN.as_secs()
        );
        for system in systems.iter_mut().skip(1) {
            frozen(system)?;
        }
        println!("\na peer that is killed with 20 calls open");
        systems.iter_mut().skip(1).try_for_each(killed)
    });
    let left = processes::end_descendants(LIMIT);
    if left.is_empty() { measured } else { Err(format!("still there: {left:?}")) }
}

/// Those that this machine has; the first one is what the others are compared with.
fn systems(folder: &Path) -> Result<Vec<System>, String> {
    let own = |role| own_process(role).map_err(|error| error.to_string());
    let mut systems = vec![
        ("raw ping-pong", Driver::start(&mut own("raw")?)?),
        ("ours", Driver::start(&mut own("ours")?)?),
        ("ours, spinning", Driver::start(&mut own("ours-spinning")?)?),
    ];
    let others = [
        ("Node process.send", "node", "send.js", include_str!("ipc/send.js")),
        ("Python Pipe", "python3", "pipe.py", include_str!("ipc/pipe.py")),
    ];
    for (name, program, file, script) in others {
        let is_there = Command::new(program).arg("--version").stdout(Stdio::null()).status();
        if !is_there.is_ok_and(|status| status.success()) {
            println!("{name}: skipped, because `{program}` is not installed");
            continue;
        }
        let path = folder.join(file);
        fs::write(&path, script).map_err(|error| error.to_string())?;
        systems.push((name, Driver::start(Command::new(program).arg(path))?));
    }
    Ok(systems)
}

fn round_trips(systems: &mut [System]) -> Result<(), String> {
    println!("{ROUNDS} rounds of each; median, and the range of the ratios");
    println!("  {:<18}  {:<14}  {:>8}  of the raw round trip", "", "", "µs/call");
    for (title, size, count, window) in TRIPS {
        let mut times = vec![Vec::new(); systems.len()];
        // The first round warms up.
        for round in 0..=ROUNDS {
            for (index, (_, driver)) in systems.iter_mut().enumerate() {
                let nanos = driver.trip(size, count, window)?;
                if round > 0 {
                    times[index].push(nanos);
                }
            }
        }
        for ((name, _), own) in systems.iter().zip(&times) {
            let ratios = own.iter().zip(&times[0]).map(|(own, raw)| own / raw).collect();
            let ratios = sorted(ratios);
            let (micros, ratio) = (median(&sorted(own.clone())) / 1e3, median(&ratios));
            let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
            println!(
                "  {name:<18}  {title:<14}  {micros:8.1}  {ratio:.2} ({least:.2} to {most:.2})"
            );
        }
    }
    Ok(())
}

fn sorted(mut numbers: Vec<f64>) -> Vec<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// What a system that is hardly used costs: one that spins does so after each call.
#[expect(clippy::disallowed_methods, reason = "the pauses are what is measured")]
fn paced((name, driver): &mut System) -> Result<(), String> {
    let (began, before) = (Instant::now(), driver.cpu());
    while began.elapsed() < PACED {
        driver.trip(64, 1, 1)?;
        thread::sleep(Duration::from_millis(1));
    }
    let share = driver.cpu().saturating_sub(before).as_secs_f64() / began.elapsed().as_secs_f64();
    println!("  {name:<18}  {:4.1} % of a core, both processes together", share * 100.0);
    Ok(())
}

fn frozen((name, driver): &mut System) -> Result<(), String> {
    let peer = driver.peers[0];
    signal(peer, Signal::SIGSTOP)?;
    let is_stopped = || processes::Stat::of(peer).filter(|stat| stat.state == 'T');
    processes::until(LIMIT, is_stopped).ok_or("the peer does not stop")?;
    let before = driver.resident_kib();
    driver.tell(&format!("frozen {MESSAGES} {}", FROZEN.as_millis()))?;
    let in_time = driver.line(FROZEN + FROZEN / 2);
    let gained = driver.resident_kib().saturating_sub(before);
    signal(peer, Signal::SIGCONT)?;
    let is_in_time = in_time.is_some();
    let said = in_time.or_else(|| driver.line(LIMIT)).ok_or("it hangs forever")?;
    let said: Value = serde_json::from_str(&said).map_err(|error| error.to_string())?;
    println!("  {name}");
    println!("    its sender gained {gained} KiB; {} messages were refused", said["refused"]);
    match said["error_ms"].as_f64() {
        Some(after) => println!("    the first error came after {after:.0} ms"),
        None if is_in_time => println!("    no error"),
        None => println!("    no error: it hung until the peer ran again"),
    }
    let gap = said["gap_ms"].as_f64().unwrap_or_default();
    println!("    {} calls to the other peer, {gap:.1} ms apart at most", said["others"]);
    Ok(())
}

fn killed((name, driver): &mut System) -> Result<(), String> {
    driver.tell("killed")?;
    driver.line(LIMIT).filter(|line| line == "open").ok_or("its calls are not open")?;
    signal(driver.peers[0], Signal::SIGKILL)?;
    let killed = Instant::now();
    match driver.line(LIMIT / 6) {
        Some(said) => {
            let after = killed.elapsed().as_secs_f64() * 1e3;
            println!("  {name:<18}  calls that failed: {said}, after {after:.1} ms");
        }
        None => println!("  {name:<18}  no call failed within {} s", LIMIT.as_secs() / 6),
    }
    Ok(())
}

fn signal(pid: u32, signal: Signal) -> Result<(), String> {
    processes::sweep::send(pid, signal).map_err(|error| error.to_string())
}
