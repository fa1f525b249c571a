//! Shared state: what exercise 6 gets. Workers with routes, a database, news, and a primary that rolls.
//!
//! Nothing in here decides what is written when, how long a cached page may be used, or which worker may
//! run a job. That is what the chapter is about.
//!
//! What the exercise needs (more is allowed):
//!
//! ```text
//! Config      shared (workers, ..), session_idle, session_max, cache_ttl, lease, db_connections, ..
//! Database    open(&config, connections)
//!             write(|tx| ..).await: a transaction with the write lock, committed if you return `Ok`
//!             read(|tx| ..).await: waits for no writer
//!             backup(file).await: an extra
//! tx          query_row(sql, params, |row| row.get(0)), execute(sql, params): the number of rows
//!             .optional() makes `None` of "no row"; params![a, b] where types differ
//! News        tell_all(&key).await: the workers that acknowledged; has_word()
//! Origin      render(&key, &value).await, work(&name, token).await
//!             for_the_cluster(&db): an extra
//! SessionId   random(); Session: id, user, cart
//! Page        value, version          Change   version, acknowledged       JobDone   token, result
//! Failure     Busy, Origin, Held, Lost, Missing, Broken(text), ..; `?` turns errors of the database into it
//! now_ms(), as_ms(duration): moments and durations, as the database keeps them
//! prepare(&config): makes the database, or refuses the file that is there
//! ```
//!
//! The tables (`src/prepare.rs`):
//!
//! ```text
//! counters (key, value)              sessions (id, user, born, used)       carts (session, item)
//! config (key, value, version)       jobs (name, token, until, done, result)
//! ```
//!
//! | file | idea |
//! |---|---|
//! | [`run`](mod@run) | everything before there is a decision to make |
//! | [`config`] | the settings of PROTOCOL.md |
//! | [`prepare`](mod@prepare) | the database file, before any worker opens it |
//! | [`database`] | a worker's connections, each on a thread of its own |
//! | [`failure`] | why a request has no good answer |
//! | [`session_id`] | what a client's cookie carries |
//! | [`clock`] | moments that processes can compare |
//! | [`origin`] | the client of the slow server behind |
//! | `once` | one load of a page for the whole cluster |
//! | [`news`] | a worker's side of news, and the primary's word |
//! | [`site`] | the trait that the exercise implements |
//! | [`talk`] | what workers and primary say to each other |
//! | [`primary`] | it fills slots, answers its workers, tells them news |
//! | `roll` | a successor for each worker |
//! | `service` | a worker of this chapter |
//! | `asked` | a request, taken apart |
//! | `routes` | the routes of PROTOCOL.md |

mod asked;
pub mod clock;
pub mod config;
pub mod database;
pub mod failure;
pub mod news;
mod once;
pub mod origin;
pub mod prepare;
pub mod primary;
mod roll;
mod routes;
pub mod run;
mod service;
pub mod session_id;
pub mod site;
pub mod talk;

#[doc(inline)]
pub use cluster_basics::StartError;
#[doc(inline)]
pub use events::{Pid, Slot};
pub use rusqlite;
#[doc(inline)]
pub use rusqlite::{OptionalExtension, Transaction, params};
#[doc(inline)]
pub use supervisor::Worker;

pub use self::{
    clock::{as_ms, now_ms},
    config::{Config, Flight},
    database::Database,
    failure::Failure,
    news::News,
    origin::Origin,
    prepare::{Prepared, prepare},
    primary::Keeper,
    run::{Place, run},
    session_id::SessionId,
    site::{Change, JobDone, Page, Session, SharedState},
};
