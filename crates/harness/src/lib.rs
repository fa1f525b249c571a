//! The black-box kit: starts a program, signals it, loads it, observes it, waits, cleans up.
//!
//! Guarantees:
//! 1. It knows processes and sockets, never topics: whatever keeps PROTOCOL.md can be judged.
//! 2. A promise is judged by what was observed. What the program reports may be waited for, and is
//!    shown, but proves nothing.
//! 3. Every wait has a deadline and names what it waited for. `CHECK_PATIENCE=3` makes each of
//!    them three times as long on a slow machine.
//! 4. Everything that was started is gone afterwards, whatever it did to stay, and also when the
//!    judge itself is interrupted or loses the process that started it.
//!
//! | file | idea |
//! |---|---|
//! | [`mod@contract`] | the `main` of a contract test: list the promises, judge one, or run them all |
//! | [`judge`] | one promise in a process of its own, which is its own guard |
//! | [`trial`] | what a promise gets to work with |
//! | [`subject`] | which program is under test |
//! | [`cluster`] | that program, running |
//! | [`recorder`] | one clock for what was reported and what was observed |
//! | [`broken`] | a promise that was not kept, and why |
//! | [`wire`] | HTTP/1.1 by hand, to tell refused from reset from cut off |
//! | [`exchange`] | one request whose every step is recorded |
//! | [`who`] | which processes answer |
//! | [`client`] | an ordinary HTTP client, for questions |
//! | [`receiver`] | a webhook that the program POSTs to: it answers, hangs, or refuses |
//! | [`origin`] | a slow server behind the program: it answers when the check says so |
//! | [`inbound`] | one request that the program sends to a server of the check |
//! | `redis_server` | a Redis of our own, to stop, kill and start again |
//! | `name_server` | a name server that says nothing |
//! | [`byte_lock`] | a lock on one byte of a file, such as another process would hold |
//! | `full_disk` | a disk that is full, and has room again |
//! | [`descriptors`] | which files a process has open |
//! | [`busy`] | a machine without an idle core |
//! | [`newcomer`] | what a cluster that drains does with a new client |
//! | [`load`], [`ledger`] | steady traffic, and the exact account of what became of it |
//! | [`mod@tour`], [`stage`], `canvas` | a demonstration in steps, with a measured end |
//! | [`mod@measure`] | the `main` of a bench |
//! | [`mod@patience`] | how long is too long |

pub mod broken;
pub mod busy;
pub mod byte_lock;
mod canvas;
pub mod client;
pub mod cluster;
pub mod contract;
pub mod descriptors;
pub mod distance;
pub mod exchange;
mod full_disk;
pub mod inbound;
pub mod judge;
pub mod ledger;
pub mod load;
pub mod measure;
mod name_server;
pub mod newcomer;
pub mod origin;
pub mod patience;
pub mod receiver;
pub mod recorder;
mod redis_server;
pub mod stage;
mod starvation;
pub mod subject;
pub mod tour;
pub mod trial;
pub mod who;
pub mod wire;

pub use broken::{Broken, Kept};
pub use cluster::Cluster;
pub use contract::{Promise, contract};
pub use measure::measure;
pub use name_server::without_names;
pub use nix::sys::signal::Signal;
pub use patience::patience;
pub use redis_server::RedisServer;
pub use stage::Stage;
pub use tour::tour;
pub use trial::Trial;
