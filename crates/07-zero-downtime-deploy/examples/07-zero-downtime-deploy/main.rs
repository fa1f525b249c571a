//! Zero-downtime deploys: a canary that judges itself, and a primary that replaces itself.
//!
//! ```text
//! cargo xtask run 07-zero-downtime-deploy            # the tour, then a cluster of your own to deploy to
//! cargo xtask run 07-zero-downtime-deploy --serve    # only the cluster
//! curl -X POST 'localhost:8001/deploy?version=1.1.0&by=me'
//! curl localhost:8001/deploy                         # how that goes
//! kill -USR1 PID                                     # the primary becomes the program that is there now
//! ```
//! `FAULTS=1.1.0:errors:10` breaks a deploy.
//!
//! Guarantees:
//! 1. A candidate answers exactly its share of the requests, and a client keeps its version.
//! 2. A candidate that is worse is sent back by itself. Silence, an error, and a fault of both versions decide
//!    nothing.
//! 3. No request is lost on the way forward, on the way back, at the end, or while the primary is replaced.
//! 4. What became of each deploy is in a log that outlives `kill -9`.
//! 5. A replaced primary is the same process with the same workers. It has proved itself before; a program that
//!    can't is refused, and changes nothing.
//! 6. No signal and no death gets lost between two programs of a primary.
//!
//! | file | idea |
//! |---|---|
//! | `choose` | which version answers a request |
//! | `score` | does the candidate have more than its share of the errors? |
//! | `looks` | is it slower than the version beside it? |
//! | `course` | one deploy, from the first share to the last slot, or back: a pure state machine |
//! | `canary` | the deploys of a primary, and their log |
//! | `primary` | the event loop |
//! | `replacement` | where a replacement of the primary is |
//! | `rehearsal` | the next program proves itself, as a child |
//! | `audition` | the same, in the next program |
//! | `standstill` | quiet, mask, deaths, will, exec; and the way back |
//! | `will` | what is left to the next program, and how it gets there |
//! | `exec` | this process executes another program |
//! | `succession` | a primary begins: with nothing, or with a will |
//!
//! `choose` never imports `canary`, `primary`.
//! `score` never imports `course`, `canary`, `primary`.
//! `looks` never imports `course`, `canary`, `primary`.
//! `course` never imports `canary`, `primary`.
//! `will` never imports `rehearsal`, `exec`, `standstill`.

mod audition;
mod canary;
mod choose;
mod course;
mod exec;
mod looks;
mod primary;
mod rehearsal;
mod replacement;
mod score;
mod standstill;
mod succession;
mod will;

use std::process::ExitCode;

fn main() -> ExitCode {
    cluster_basics::run(succession::primary, async |place| {
        zero_downtime_deploy::work(place, choose::choose).await
    })
}
