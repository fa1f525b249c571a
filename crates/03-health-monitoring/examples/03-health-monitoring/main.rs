//! A cluster that notices sick workers, replaces them, and leaves busy ones alone.
//!
//! ```text
//! cargo xtask run 03-health-monitoring            # the tour, then a cluster of your own to harm
//! cargo xtask run 03-health-monitoring --serve    # only the cluster
//! curl http://127.0.0.1:8001/health               # how it is, worker by worker
//! curl 'http://127.0.0.1:8000/leak?mb=200'        # one worker has too much memory now
//! kill -STOP WORKER_PID                           # one hears nothing any more
//! ```
//! Guarantees:
//! 1. A worker that is silent for longer than the timeout is killed and replaced: a frozen worker
//!    hears no gentler word.
//! 2. A heartbeat comes from the loop that serves, so a worker that is stuck falls silent.
//! 3. A worker that leaks, or answers too many requests with an error, is replaced before it is
//!    drained, and no request is lost to that.
//! 4. A healthy worker is left alone, however busy the machine is: the time that the primary was
//!    starved itself doesn't count as silence.
//! 5. While fewer than a majority can be relied on, workers are taken out one at a time.
//! 6. A slot whose workers die again and again is tried less and less often, and then given up.
//! 7. Each change is one alert, and no receiver of alerts can hold anything up.
//! 8. Operators are answered by the primary, whatever state the workers are in.
//!
//! | file | idea |
//! |---|---|
//! | `heartbeat` | the worker's heartbeat, from the loop that serves |
//! | `silence` | how long a worker has been silent, less the starvation allowance |
//! | `judge` | healthy, warned, drain, or kill |
//! | `replacement` | the replacement plan: what may be done now, never to all workers at once |
//! | `active_alerts` | one alert for each change |
//! | `delivery` | alerts that hold nothing up |
//! | `primary` | the driver: hear, check, judge, act |
//!
//! `judge` never imports `replacement`, `primary`.
//! `replacement` never imports `active_alerts`, `primary`.

mod active_alerts;
mod delivery;
mod heartbeat;
mod judge;
mod primary;
mod replacement;
mod silence;

use std::process::ExitCode;

fn main() -> ExitCode {
    health_monitoring::run(primary::primary, heartbeat::heartbeat)
}
