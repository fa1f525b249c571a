//! Zero-downtime deploys: what exercise 7 gets. Workers of two versions, a way from one to the other, a count
//! of what was answered, a roll, a log.
//!
//! Nothing in here decides which version answers a request, whether a version is bad, or what a deploy does
//! next. That is what the chapter is about.
//!
//! What the exercise needs (more is allowed):
//!
//! ```text
//! Config     steps, step_answers, worse, doubt, look_answers, slower_by, slow_looks, keep
//! Place      config, log, recovered: what a primary's deploys are made of
//! Split      deploy, share: what a stable worker was told; fnv1a(text): a number for a text
//! Answer     by_candidate, is_bad, took, client: what one request got
//! Look       add(&answer), is_full(answers), candidate, stable: the answers of one look
//! Release    version, by, reads, writes: what an operator wants to deploy; fits(&running)
//! Refusal    UnderWay (409), NotNewer (422), Schema (422), Log(error) (503); `?` turns an error of the log into it
//! Goal       version, candidate, share: what the primary must bring about
//! Reached    share, alone, rolled: what of the goal is so by now
//! Phase      Starting, Canary, Keeping(until), Promoting, RollingBack
//! Deploy     new(number, release, share): number, release, phase, step, share, seen, reason
//! Seen       score, look, slow_looks;     Score   answers, by_candidate, errors, value
//! DeployLog  write(did, &deploy): a line, or an error; note(did, &deploy): a line, or a warning
//! Did        Accepted, Step, SentBack, Promoted
//! Worker     version, state; State: Starting { .. }, Ready { .. }, Draining { .. }, Killed, Exited
//! ```
//!
//! | file | idea |
//! |---|---|
//! | [`run`](mod@run) | everything before there is a decision to make |
//! | [`config`] | the settings of PROTOCOL.md |
//! | [`deploys`] | the trait that the exercise implements, and what it is told and asked |
//! | [`split`] | which version answers: what a stable worker was told |
//! | [`answer`] | what one request got; a look |
//! | [`deploy_log`] | who deployed what, and what became of it |
//! | [`talk`] | what primary and workers say to each other |
//! | [`primary`] | brings about what the exercise decides |
//! | `telling` | the split, and the workers that have not acknowledged it |
//! | `roll` | the slots 1 to `WORKERS`, one at a time, to another version |
//! | [`admin`] | the operators' address |
//! | `stable` | a worker that accepts, chooses, answers or passes on |
//! | `candidate` | a worker with a private socket |
//! | `forwarder` | passes one request on |
//! | `counted` | an answer on its way to the client, which is counted at its end |
//! | `reporter` | counted answers, on their way to the primary |
//! | `streams` | an answer without an end, and how it moves to another worker |
//! | `routes` | the routes of PROTOCOL.md, and their faults |

pub mod admin;
pub mod answer;
mod candidate;
pub mod config;
mod counted;
pub mod deploy_log;
pub mod deploys;

mod forwarder;
pub mod primary;
mod reporter;
mod roll;
mod routes;
pub mod run;
pub mod split;
mod stable;
mod streams;
pub mod talk;
mod telling;

#[doc(inline)]
pub use events::{Pid, Slot, warn};
#[doc(inline)]
pub use supervisor::{State, Version, Worker};

pub use self::{
    answer::{Answer, Look},
    config::Config,
    deploy_log::{DeployLog, Did, Recovered},
    deploys::{
        Deploy, Deploys, Goal, Phase, Place, Reached, Refusal, Release, Score, Seen, Status,
    },
    run::{run, work},
    split::{Split, fnv1a},
};
