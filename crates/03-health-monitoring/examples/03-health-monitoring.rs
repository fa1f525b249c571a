//! A cluster that notices sick workers, replaces them, and leaves busy ones alone.
//!
//! ```text
//! cargo xtask run 03-health-monitoring            # the tour, then a cluster of your own to harm
//! cargo xtask run 03-health-monitoring --serve    # only the cluster
//! curl http://127.0.0.1:8001/health               # how it is, worker by worker
//! curl 'http://127.0.0.1:8000/leak?mb=200'        # one worker has too much memory now
//! kill -STOP WORKER_PID                           # one hears nothing any more
//! ```
//! The primary is [`health_monitoring::primary`], a worker's heartbeat [`health_monitoring::beat`].

use std::process::ExitCode;

use health_monitoring::{beat, given, primary};

fn main() -> ExitCode {
    given::run(primary, beat)
}
