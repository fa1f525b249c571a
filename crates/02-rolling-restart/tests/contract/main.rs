//! The promises of exercise 2, easiest first.
//!
//! Run by `cargo test` they judge the reference solution. `cargo xtask check exercise-2` has them
//! judge the learner's program, and `--program` any other that keeps PROTOCOL.md.

mod aftermath;
mod back;
mod boundaries;
mod census;
mod deaths;
mod deaths_on_the_way_back;
mod deploys;
mod extras;
mod hangups;
mod limits;
mod middle;
mod missed;
mod pace;
mod reliance;
mod rolls;
mod scene;
mod shutdown;
mod streaks;

use std::process::ExitCode;

use harness::{Promise, promise};

const GUIDE: &str = "guides/03-rolling-restarts.md";

const PROMISES: &[Promise] = &[
    promise!(
        rolls::four_workers_serve_version_1_0_0,
        "Four workers serve version 1.0.0.",
        "#the-guarantees"
    ),
    promise!(
        rolls::sigusr2_replaces_every_worker,
        "SIGUSR2 replaces every worker, and every answer then says 1.1.0; again, and it is 1.2.0.",
        "#the-sequence"
    ),
    promise!(
        rolls::no_request_is_lost_in_five_rolls,
        "No request is lost during five rolls in a row, slow ones in flight included.",
        "#why-nothing-is-lost"
    ),
    promise!(
        limits::one_slot_at_a_time_and_ready_before_drain,
        "One slot at a time, and a new worker is ready before the old one drains.",
        "#surge-arithmetic"
    ),
    promise!(
        deploys::a_slow_version_delays_the_roll_and_nothing_else,
        "A version that is slow to start delays the roll and nothing else.",
        "#readiness-is-not-liveness"
    ),
    promise!(
        rolls::asked_again_during_a_roll_it_rolls_once_more,
        "SIGUSR2 during a roll asks for one more roll after it, however often it is sent.",
        "#one-roll-at-a-time"
    ),
    promise!(
        deploys::a_version_that_does_not_come_up_is_given_up,
        "A version that is never ready, or dies at its start, is given up, and nothing is lost.",
        "#failed-deploys"
    ),
    promise!(
        back::the_way_back_is_a_roll_to_the_last_good_version,
        "The way back from a failed roll keeps the limits, and leads to the last good version.",
        "#failed-deploys"
    ),
    promise!(
        middle::a_worker_killed_in_the_middle_of_a_roll_is_replaced,
        "A worker killed in the middle of a roll, old or new, leaves four ready workers at the end.",
        "#deaths-in-the-middle"
    ),
    promise!(
        deaths::an_old_worker_that_does_not_drain_is_killed,
        "An old worker that does not drain in time is killed, and the roll goes on.",
        "guides/02-worker-lifecycle.md#escalation"
    ),
    promise!(
        shutdown::sigterm_in_the_middle_of_a_roll_drains_both_versions,
        "SIGTERM during a roll drains both versions, exits 0 (1 after a cut), and leaves no process.",
        "#shutdown-in-the-middle"
    ),
    promise!(
        deaths::a_worker_that_keeps_dying_is_restarted_with_growing_delays,
        "A worker that dies over and over is restarted with growing delays, while the others serve.",
        "guides/02-worker-lifecycle.md#crash-loops-and-backoff"
    ),
    promise!(
        limits::with_a_surge_of_two_two_slots_are_rolled_at_a_time,
        "With MAX_SURGE=2, two slots are rolled at a time.",
        "#surge-arithmetic"
    )
    .extra(),
    promise!(
        extras::a_roll_that_takes_too_long_is_given_up,
        "A roll that takes longer than ROLL_TIMEOUT_MS is given up.",
        "#failed-deploys"
    )
    .extra(),
    promise!(
        extras::get_roll_says_how_the_last_roll_went,
        "GET /roll says how the last roll went, and how long each worker took.",
        "#how-the-operator-learns-of-it"
    )
    .extra(),
    promise!(
        extras::sighup_rolls_back_to_the_version_before,
        "SIGHUP rolls back to the version before.",
        "#the-way-back"
    )
    .extra(),
    promise!(
        extras::a_version_that_dies_right_after_it_was_ready_is_given_up,
        "A version whose workers die within MIN_READY_MS of being ready is given up, too.",
        "#readiness-is-not-liveness"
    )
    .extra(),
    promise!(
        reliance::a_roll_relies_only_on_workers_that_are_available,
        "A roll relies only on workers that have been ready for MIN_READY_MS.",
        "#readiness-is-not-liveness"
    )
    .extra(),
];

fn main() -> ExitCode {
    harness::contract(env!("CARGO_BIN_EXE_solution-2"), GUIDE, PROMISES)
}
