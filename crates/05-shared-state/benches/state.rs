//! What each home costs, and what it loses: `cargo bench -q -p shared-state --bench state`.
//!
//! Four processes count in one counter, each with its next increment after the answer to the last one.
//! Rounds of all homes take turns, on the same cores. What counts is the ratio to the home `primary` in
//! the same round, and how the waiting is shared: the longest wait, and the slowest process.

#[path = "state/cluster.rs"]
mod cluster;
#[path = "state/figures.rs"]
mod figures;
#[path = "../examples/05-shared-state/home.rs"]
#[expect(dead_code, reason = "the bench is told its home by its own process")]
mod home;
#[path = "../examples/05-shared-state/in_primary.rs"]
mod in_primary;
#[path = "../examples/05-shared-state/in_redis.rs"]
mod in_redis;
#[path = "../examples/05-shared-state/in_redis_failures.rs"]
mod in_redis_failures;
#[path = "../examples/05-shared-state/in_redis_news.rs"]
mod in_redis_news;
#[path = "../examples/05-shared-state/in_sqlite.rs"]
mod in_sqlite;
#[path = "../examples/05-shared-state/in_sqlite_news.rs"]
mod in_sqlite_news;
#[path = "../examples/05-shared-state/in_sqlite_tables.rs"]
mod in_sqlite_tables;
#[path = "../examples/05-shared-state/memory.rs"]
#[expect(dead_code, reason = "its tests run with the example")]
mod memory;
#[path = "../examples/05-shared-state/scripts.rs"]
mod scripts;
#[path = "../examples/05-shared-state/store.rs"]
#[expect(dead_code, reason = "the bench counts, and the application does more")]
mod store;
#[path = "state/system.rs"]
mod system;
#[path = "state/worker.rs"]
mod worker;

use std::{env, process::ExitCode, time::Duration};

use processes::Scratch;

use self::{
    figures::{Figures, Round, print_losses, print_rounds},
    system::{SYSTEMS, System},
};

const ROUNDS: usize = 3;
/// How long the four processes count in one round.
const COUNTING: Duration = Duration::from_secs(3);
/// How often everything is killed.
const KILLS: usize = 10;
const LIMIT: Duration = Duration::from_mins(1);

fn main() -> ExitCode {
    let outcome = match env::var(cluster::ROLE).as_deref() {
        Ok("cluster") => cluster::run().map_err(|error| error.to_string()),
        Ok("worker") => worker::run(),
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

fn report() -> Result<(), String> {
    processes::adopt_orphans().map_err(|error| error.to_string())?;
    let folder = Scratch::new(&env::temp_dir()).map_err(|error| error.to_string())?;
    println!("SQLite {}; Redis: {}", shared_state::rusqlite::version(), redis());
    let systems: Vec<_> = SYSTEMS.iter().filter(|system| system.is_there()).collect();
    let measured = counting(&systems, &folder).and_then(|()| losses(&systems, &folder));
    let left = processes::end_descendants(LIMIT);
    if left.is_empty() { measured } else { Err(format!("still there: {left:?}")) }
}

fn redis() -> String {
    harness::RedisServer::missing().map_or_else(|| "installed".to_owned(), str::to_owned)
}

fn counting(systems: &[&System], folder: &Scratch) -> Result<(), String> {
    let seconds = COUNTING.as_secs();
    println!("\nfour processes count for {seconds} s, {ROUNDS} rounds of each home");
    let mut rounds: Vec<Vec<Round>> = systems.iter().map(|_| Vec::new()).collect();
    for number in 0..ROUNDS {
        for (system, rounds) in systems.iter().zip(&mut rounds) {
            let path = folder.path().join(format!("{}-{number}", system.file()));
            rounds.push(system.count(&path, COUNTING, LIMIT)?);
        }
    }
    print_rounds(systems, &rounds);
    Ok(())
}

fn losses(systems: &[&System], folder: &Scratch) -> Result<(), String> {
    println!("\neverything is killed while they count, {KILLS} times");
    for system in systems {
        let mut all = Figures::default();
        for number in 0..KILLS {
            let path = folder.path().join(format!("{}-kill-{number}", system.file()));
            let (acknowledged, there) = system.kill(&path, LIMIT)?;
            all.add(acknowledged, there);
        }
        print_losses(system, &all);
    }
    Ok(())
}
