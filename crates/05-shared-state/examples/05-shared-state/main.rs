//! State that is right in every worker: one `Store`, three homes for it, and what an application makes of
//! it.
//!
//! ```text
//! cargo xtask run 05-shared-state                      # the tour, then a cluster of your own to harm
//! cargo xtask run 05-shared-state --serve              # only the cluster
//! STORE=primary  STORE=sqlite:PATH  STORE=redis://127.0.0.1:6379     # where the state lies
//! curl -X POST 'http://127.0.0.1:8000/counter?key=k'   # any worker counts in the same counter
//! curl -X PUT -d new http://127.0.0.1:8000/config/k    # which workers have acknowledged the change
//! curl http://127.0.0.1:8000/page/k                    # no worker returns the old value
//! kill -STOP WORKER_PID                                # nor does a worker that was frozen meanwhile
//! ```
//! Three more settings show what goes wrong without a guarantee: `FLIGHT=request` (worker, cluster) says which
//! requests share a load, `POOL=10` is a number of connections for each worker, without a budget, and with
//! `TELL=none` the other workers hear of no change.
//!
//! Guarantees:
//! 1. Each operation of a store is atomic, and ends by a deadline. An operation whose outcome is not known
//!    is never done again.
//! 2. What was acknowledged outlives each worker; in a file, and in a Redis that keeps a log, every process.
//! 3. A session is the same in every worker, and ends when it is over: it is never written back whole.
//! 4. When a change is answered, no worker uses the old page, nor does a worker that was frozen: it uses a
//!    page only while the primary's word is young. A load that began before does not bring the page back.
//!    Another cluster on the same Redis hears of the change soon, and acknowledges nothing.
//! 5. One load of a page for all requests that wait for it, and for no other page. No request that hangs
//!    up takes it along, and a failure is not kept.
//! 6. One holder of a lock at a time, or the token tells: each is greater than all before, and the store
//!    takes a result only with the newest.
//! 7. All processes together have no more connections than the budget says, in a roll, too.
//! 8. News that may have been missed are news of everything: after a reconnect the cache is empty.
//!
//! | file | idea |
//! |---|---|
//! | `store` | what an application may ask of shared state, wherever it lies |
//! | `home` | where it lies |
//! | `memory` | the home `primary`: what the primary keeps, pure |
//! | `in_primary` | the same, asked over calls |
//! | `in_sqlite` | the home `sqlite`: one file, one writer at a time |
//! | `in_sqlite_tables` | what it adds to the file |
//! | `in_sqlite_news` | its news: a table, and a look at it |
//! | `in_redis` | the home `redis`: a server that many machines share |
//! | `in_redis_failures` | the deadline around each call, and whether it was done |
//! | `scripts` | what Redis does in one step |
//! | `in_redis_news` | its news: told once, to a subscriber that is there |
//! | `conformance`, `conforming` | what each home must do, and whether it does |
//! | `redis_outages` | Redis stopped, killed, and back, under load |
//! | `sessions` | compare and set, never write back |
//! | `cache` | pages, and the loads under way for them |
//! | `flight` | one load of a page for all workers |
//! | `open` | a worker's share of the connections |
//! | `keeper` | what the primary has of the state |
//! | `telling` | which workers hear of a change |
//! | `state` | the routes' questions, answered |
//!
//! `store` never imports `in_primary`, `in_sqlite`, `in_redis`.
//! `sessions` never imports `in_primary`, `in_sqlite`, `in_redis`.
//! `cache` never imports `store`, `state`.
//! `memory` never imports `in_primary`, `keeper`.

mod cache;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod conforming;
mod flight;
mod home;
mod in_primary;
mod in_redis;
mod in_redis_failures;
mod in_redis_news;
mod in_sqlite;
mod in_sqlite_news;
mod in_sqlite_tables;
mod keeper;
mod memory;
mod open;
#[cfg(test)]
mod redis_outages;
mod scripts;
mod sessions;
mod state;
mod store;
mod telling;

use std::process::ExitCode;

fn main() -> ExitCode {
    shared_state::run(keeper::Kept::new, state::State::new)
}
