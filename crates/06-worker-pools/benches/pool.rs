//! What a task costs beside its work, and what becomes of tasks whose workers are killed:
//! `cargo bench -q -p worker-pools --bench pool`.
//!
//! A task hashes for as long as it should take. How long one takes is measured in each system by itself,
//! in one process and without a pool; the ideal is that time, divided by the workers. There is one worker
//! for each core, and the primary has to share a core with one of them.

#[path = "../examples/06-worker-pools/home.rs"]
#[expect(dead_code, unused_imports, reason = "the bench has a spool")]
mod home;
#[path = "pool/kills.rs"]
mod kills;
#[path = "pool/ours.rs"]
mod ours;
#[path = "../examples/06-worker-pools/pool.rs"]
#[expect(dead_code, reason = "the bench shares no queue")]
mod pool;
#[path = "../examples/06-worker-pools/size.rs"]
#[expect(unused_imports, reason = "its tests run with the example")]
mod size;
#[path = "pool/systems.rs"]
mod systems;
#[path = "pool/threads.rs"]
mod threads;

use std::{env, process::ExitCode, time::Duration};

use processes::Scratch;

use self::systems::{Figures, Run, SYSTEMS, System};

const ROUNDS: usize = 3;
/// How long a task takes, and how many there are in a round.
const TASKS: [(Duration, u32); 3] = [
    (Duration::ZERO, 20_000),
    (Duration::from_micros(50), 20_000),
    (Duration::from_millis(1), 2000),
];
const LIMIT: Duration = Duration::from_mins(1);

fn main() -> ExitCode {
    match env::var(systems::ROLE).as_deref() {
        Ok("ours") => return ours::run(),
        Ok("threads") => return threads::run(),
        _ => {}
    }
    match report() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn report() -> Result<(), String> {
    processes::adopt_orphans().map_err(|error| error.to_string())?;
    let folder = Scratch::new(&env::temp_dir()).map_err(|error| error.to_string())?;
    let systems: Vec<&System> = SYSTEMS.iter().filter(|system| system.is_there()).collect();
    // `cargo bench` adds `--bench`; a number is how many tasks are done while workers are killed.
    let asked = env::args().find_map(|argument| argument.parse().ok());
    let measured = match asked {
        Some(tasks) => kills::report(&systems[1..2], &folder, tasks),
        None => throughput(&systems, &folder)
            .and_then(|()| kills::report(&systems[1..], &folder, kills::TASKS)),
    };
    let left = processes::end_descendants(LIMIT);
    if left.is_empty() { measured } else { Err(format!("still there: {left:?}")) }
}

fn throughput(systems: &[&System], folder: &Scratch) -> Result<(), String> {
    println!("{} workers, {ROUNDS} rounds of each system; the median, and the range", workers());
    for (length, tasks) in TASKS {
        println!("\n{tasks} tasks of {} µs", length.as_micros());
        let mut rounds: Vec<Vec<Figures>> = systems.iter().map(|_| Vec::new()).collect();
        for number in 0..ROUNDS {
            for (system, rounds) in systems.iter().zip(&mut rounds) {
                let name = format!("{}-{number}", system.file());
                let run = Run { tasks, length, folder: folder.path().join(name), journal: None };
                rounds.push(system.measure(&run, LIMIT)?);
            }
        }
        for (system, rounds) in systems.iter().zip(&rounds) {
            print(system, rounds, length.is_zero());
        }
    }
    Ok(())
}

/// One line: of the ideal where a task takes time, and tasks a second.
fn print(system: &System, rounds: &[Figures], is_empty: bool) {
    let rates = sorted(rounds.iter().map(Figures::rate));
    let shares = sorted(rounds.iter().map(|round| round.share_of_ideal(workers())));
    let [low, rate, high] = spread(&rates);
    let name = system.name;
    if is_empty {
        println!("  {name:<24} {rate:>9.0}/s  ({low:.0} to {high:.0})");
        return;
    }
    let [low, share, high] = spread(&shares);
    println!("  {name:<24} {share:.2} of ideal ({low:.2} to {high:.2})  {rate:>7.0}/s");
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The least, the median, the greatest.
fn spread(sorted: &[f64]) -> [f64; 3] {
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    [at(0), at(sorted.len() / 2), at(sorted.len().saturating_sub(1))]
}

/// One worker for each core.
pub(crate) fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
