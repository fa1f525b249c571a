//! A pool of workers behind a queue of tasks: what a client's receipt promises, and who does the work.
//!
//! ```text
//! cargo xtask run 06-worker-pools                      # the tour, then a cluster of your own to harm
//! cargo xtask run 06-worker-pools --serve              # only the cluster
//! QUEUE=spool:PATH  QUEUE=redis://127.0.0.1:6379       # where the queue lies
//! curl -d '{"type":"hash","n":1000}' http://127.0.0.1:8000/task     # a receipt: 202, and a number
//! curl http://127.0.0.1:8000/task/1                    # what became of it
//! curl http://127.0.0.1:8000/stats                     # how many tasks there are, and who runs what
//! kill -KILL WORKER_PID                                # another worker starts its task again
//! ```
//! Two more settings: `MIN_WORKERS` lets the pool shrink to as many when there is little to do. `LEASE_MS`
//! is how long a task in Redis belongs to a machine that is silent (10000).
//!
//! Guarantees:
//! 1. A task with a 202 is safe in its queue, and ends as completed or failed.
//! 2. It starts again only if its worker, or its machine, was lost before its end was safe.
//! 3. The queue has a limit, results have one, and so have attempts and each attempt's time.
//! 4. A worker has at most `CREDIT` tasks, and the death of a worker charges the task that it ran.
//! 5. No task waits forever: a task that waits grows more important.
//! 6. A machine that lost its lease changes nothing about the task, and ends its own run of it.
//!
//! | file | idea |
//! |---|---|
//! | `pool` | which task runs when, where, and how often |
//! | `size` | how many workers there should be |
//! | `home` | where tasks survive: what `QUEUE` says |
//! | `shared` | a pool that has a share of a queue in Redis |
//! | `answers` | what clients are answered from Redis |
//! | `redis_machine` | takes tasks, keeps their leases, writes down what became of them |
//! | `in_redis` | the queue in Redis, as one machine sees it |
//! | `redis_reader` | the blocking read, on a connection of its own |
//! | `redis_failures` | the deadline around each call, and whether it was done |
//! | `scripts` | what Redis does in one step |
//!
//! `pool` never imports `in_redis`, `redis_machine`, `shared`.
//! `in_redis` never imports `pool`, `redis_machine`, `shared`.

mod answers;
mod home;
mod in_redis;
#[cfg(test)]
mod in_redis_tests;
mod pool;
mod redis_failures;
mod redis_machine;
mod redis_reader;
mod scripts;
mod shared;
mod size;

use std::{process::ExitCode, time::Duration};

use cluster_basics::config::{self, ConfigError};
use worker_pools::{Config, Spool, run_with};

use self::{home::Queue, pool::Pool, shared::Shared, size::Size};

/// How long a task in Redis belongs to a machine that is silent.
const LEASE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    match Config::from_env().and_then(|config| Queue::from_env(&config)) {
        Ok(Queue::Spool(path)) => run_with(|config| {
            let (spool, recovered) = Spool::open(&path)?;
            let size = Size::from_env()?;
            Ok(Pool::new(config, spool, size, recovered))
        }),
        Ok(Queue::Redis { address, prefix }) => run_with(|config| {
            let size = Size::from_env()?;
            Shared::join(config, size, &address, &prefix, lease()?)
        }),
        Err(error) => run_with(|_| Err::<Pool<Spool>, _>(error.into())),
    }
}

fn lease() -> Result<Duration, ConfigError> {
    match config::millis("LEASE_MS", LEASE)? {
        Duration::ZERO => Err(ConfigError::new("LEASE_MS", "0".to_owned(), "1 or more")),
        lease => Ok(lease),
    }
}
