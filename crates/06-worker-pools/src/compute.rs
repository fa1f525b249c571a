//! What a task does. It runs beside the worker's loop, which goes on hearing the primary.

use std::{hint, panic::resume_unwind, path::Path, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{
    task::{JoinError, spawn_blocking},
    time::sleep,
};

use crate::{Kind, Work};

/// How often a task of type `hold` looks for its file.
const LOOK: Duration = Duration::from_millis(5);

/// Runs `work` to its end. Nothing stops a thread that computes but the end of its process.
pub(crate) async fn compute(work: Work, hold_dir: impl AsRef<Path>) -> Value {
    let n = work.n;
    if work.kind == Kind::Hold {
        let file = hold_dir.as_ref().join(n.to_string());
        while !file.exists() {
            sleep(LOOK).await;
        }
        return json!(n);
    }
    let done = spawn_blocking(move || match work.kind {
        Kind::Fibonacci => json!(fibonacci(n)),
        Kind::Prime => json!(is_prime(n)),
        Kind::Hash => json!(hash(n)),
        Kind::Spin => loop {
            hint::spin_loop();
        },
        Kind::Crash => {
            let _ = kill(Pid::this(), Signal::SIGKILL);
            Value::Null
        }
        Kind::Hold => Value::Null,
    });
    crash_together(done.await)
}

/// A task that panics takes its worker along, like any other crash of it.
pub(crate) fn crash_together(done: Result<Value, JoinError>) -> Value {
    match done.map_err(JoinError::try_into_panic) {
        Ok(value) => value,
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(cancelled)) => resume_unwind(Box::new(cancelled.to_string())),
    }
}

/// Recursive on purpose: it has to cost something.
fn fibonacci(n: u64) -> u64 {
    if n < 2 { n } else { fibonacci(n - 1) + fibonacci(n - 2) }
}

fn is_prime(n: u64) -> bool {
    let divides = |divisor: u64| n.is_multiple_of(divisor);
    let odd = (3..).step_by(2);
    n == 2 || (n > 2 && !divides(2) && !odd.take_while(|d| d * d <= n).any(divides))
}

/// SHA-256 of 32 zero bytes, then of that, and so on; in hexadecimal.
fn hash(rounds: u64) -> String {
    let last = (0..rounds).fold([0; 32], |bytes: [u8; 32], _| Sha256::digest(bytes).into());
    let digits = last.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_gives_the_right_result() {
        assert_eq!([0, 1, 2, 10, 20].map(fibonacci), [0, 1, 1, 55, 6765]);
        let primes: Vec<u64> = (0..30).filter(|n| is_prime(*n)).collect();
        assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
        assert!(is_prime(999_983) && !is_prime(999_983 * 2) && !is_prime(997 * 997));
        let once = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
        assert_eq!(hash(1), once);
    }
}
