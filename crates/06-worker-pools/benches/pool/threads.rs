//! Threads of one process behind one channel: what a pool costs that can't lose a worker.

use std::{
    env, fs, hint,
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{channel, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::systems::{MICROS, RESULT, TASKS};

/// A task of the bench, and how long it takes alone.
pub(crate) struct Measure {
    /// Rounds of SHA-256.
    pub(crate) rounds: u64,
    pub(crate) alone: f64,
}

/// How many rounds take the time that was asked for.
pub(crate) fn calibrate() -> Measure {
    let micros: u64 = number(MICROS);
    if micros == 0 {
        return Measure { rounds: 1, alone: 0.0 };
    }
    let time = |rounds: u64, times: u32| {
        let began = Instant::now();
        for _ in 0..times {
            hint::black_box(hash(rounds));
        }
        began.elapsed().as_secs_f64() / f64::from(times)
    };
    // The first of them finds the clock rate low, and the code cold.
    time(1000, 200);
    let round = time(1000, 200) / 1000.0;
    let wanted = Duration::from_micros(micros).as_secs_f64();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands")]
    let rounds = (wanted / round).round().max(1.0) as u64;
    let times = if micros < 500 { 4000 } else { 200 };
    Measure { rounds, alone: time(rounds, times) }
}

pub(crate) fn number(name: &str) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Writes what the run has shown.
pub(crate) fn say(alone: f64, elapsed: Duration) {
    let figures =
        json!({ "tasks": number(TASKS), "alone": alone, "seconds": elapsed.as_secs_f64() });
    if let Some(path) = env::var_os(RESULT) {
        let _ = fs::write(path, figures.to_string());
    }
}

fn hash(rounds: u64) -> [u8; 32] {
    (0..rounds).fold([0; 32], |bytes: [u8; 32], _| Sha256::digest(bytes).into())
}

pub(crate) fn run() -> ExitCode {
    let Measure { rounds, alone } = calibrate();
    let (give, take) = sync_channel::<u64>(64);
    let (done, results) = channel();
    let take = Arc::new(Mutex::new(take));
    for _ in 0..crate::workers() {
        let (take, done) = (take.clone(), done.clone());
        thread::spawn(move || {
            loop {
                let task = take.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(_) = task else { return };
                let _ = done.send(hash(rounds));
            }
        });
    }
    let began = Instant::now();
    let tasks = number(TASKS);
    let feeding = thread::spawn(move || (0..tasks).all(|task| give.send(task).is_ok()));
    let ended = results.iter().take(usize::try_from(tasks).unwrap_or(0)).count();
    say(alone, began.elapsed());
    let _ = feeding.join();
    if ended as u64 == tasks { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
