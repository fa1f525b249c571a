//! The tour of chapter 05: four workers that share what they know, while they are killed, frozen, and
//! asked all at once.
//!
//! `cargo xtask run 05-shared-state` plays it against the example, `cargo xtask run exercise-6` against a
//! learner's program. What only the example has is skipped there, and so is what needs a Redis where
//! none is installed.

#[path = "tour/clients.rs"]
mod clients;
#[path = "tour/counters.rs"]
mod counters;
#[path = "tour/counting.rs"]
mod counting;
#[path = "tour/history.rs"]
mod history;
#[path = "tour/jobs.rs"]
mod jobs;
#[path = "tour/losses.rs"]
mod losses;
#[path = "tour/outages.rs"]
mod outages;
#[path = "tour/pages.rs"]
mod pages;
#[path = "tour/sessions.rs"]
mod sessions;

use std::process::ExitCode;

use harness::{Kept, RedisServer, Stage};

fn main() -> ExitCode {
    harness::tour(
        "05-shared-state",
        play,
        &[
            ("curl -X POST '{url}/counter?key=k'", "any worker counts in the same counter"),
            ("curl -c jar -d user=anna {url}/login", "a session; then curl -b jar {url}/me"),
            ("curl -b jar -X POST '{url}/cart?item=a'", "its cart"),
            ("curl -X PUT -d new {url}/config/k", "a change, and the workers that know it"),
            ("curl {url}/page/k", "its page, from the cache of a worker"),
            ("curl -X POST {url}/jobs/report", "a job, with the token of its lease"),
            ("kill -STOP WORKER_PID", "a worker that hears of no change"),
            ("kill -USR2 {pid}", "a successor for each worker"),
        ],
    )
}

/// Where a program keeps its state, and what this machine has.
pub(crate) struct Homes {
    /// Whether the program knows `STORE`. A learner's program has one home, the file.
    pub(crate) are_there: bool,
    /// Why there is no Redis here, if there is none.
    pub(crate) no_redis: Option<&'static str>,
}

fn play(stage: &mut Stage) -> Kept {
    stage.tell_events(false);
    // A program that knows the setting refuses what makes no sense.
    let are_there = stage.trial().refuses("STORE", "nonsense").is_ok();
    let homes = Homes { are_there, no_redis: RedisServer::missing() };
    counters::one_for_each_process(stage, &homes)?;
    counters::one_for_all(stage, &homes)?;
    counters::three_workers_are_killed(stage)?;
    losses::everything_is_killed(stage, &homes)?;
    sessions::outlives_its_worker(stage)?;
    pages::are_asked_for_once(stage, &homes)?;
    history::of_one_page(stage, &homes)?;
    pages::are_never_old(stage)?;
    jobs::a_holder_is_frozen(stage)?;
    outages::of_connections(stage, &homes)?;
    outages::of_redis(stage, &homes)?;
    counters::the_end(stage)
}

impl Homes {
    /// Whether a step that needs Redis can be played; says why not.
    pub(crate) fn has_redis(&self, stage: &Stage) -> bool {
        let why = if self.are_there { self.no_redis } else { Some(ONE_HOME) };
        if let Some(why) = why {
            stage.say(why);
        }
        why.is_none()
    }
}

pub(crate) const ONE_HOME: &str = "skipped: this program has one home for its state, the file";
