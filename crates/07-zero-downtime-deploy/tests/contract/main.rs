//! The promises of exercise 7, easiest first.
//!
//! Under `cargo test` they judge the reference solution, under `cargo xtask check exercise-7` the
//! learner's program, and with `--program` any other program that keeps PROTOCOL.md.

mod both;
mod colours;
mod crashes;
mod endings;
mod errors;
mod forward;
mod latency;
mod log;
mod next;
mod one;
mod refused;
mod replaced;
mod scene;
mod schemas;
mod share;
mod site;
mod sticky;
mod streams;
mod taken_back;
mod too_little;

use std::process::ExitCode;

use harness::{Promise, promise};

const GUIDE: &str = "guides/08-zero-downtime-deploys.md";

const PROMISES: &[Promise] = &[
    promise!(
        share::four_workers_serve,
        "Four workers serve 1.0.0, and GET /deploy says steady.",
        "#the-guarantees"
    ),
    promise!(
        share::a_deploy_gets_the_share_that_was_asked_for,
        "A deploy starts the new version beside the old one, and gives it the share that was asked for.",
        "#the-share"
    ),
    promise!(
        sticky::a_client_keeps_its_version,
        "A client that says who it is keeps its version, from every worker, and once in stays in.",
        "#sticky-clients"
    ),
    promise!(
        forward::a_good_version_goes_through_all_steps,
        "A good version goes through all steps to all workers, one at a time.",
        "#forward"
    ),
    promise!(
        errors::a_version_with_errors_is_sent_back,
        "A version with 10 % errors is sent back by itself, and answers nothing afterwards.",
        "#the-score"
    ),
    promise!(
        latency::a_slow_version_is_sent_back,
        "A slow version is sent back by itself, and one that fails fast isn't called fast.",
        "#latency"
    ),
    promise!(
        both::no_version_is_blamed_for_a_fault_of_both,
        "A version that is no worse than the old one isn't blamed for a fault of both.",
        "#a-control"
    ),
    promise!(
        too_little::too_little_decides_nothing,
        "Too little decides nothing: neither silence nor three errors.",
        "#too-little"
    ),
    promise!(
        crashes::a_crash_of_the_new_version_is_a_verdict,
        "A crash of the new version is a verdict; a crash of the old one is not.",
        "#crashes"
    ),
    promise!(
        one::a_second_deploy_is_refused,
        "A second deploy is refused and changes nothing; after the first has ended, the next is accepted.",
        "#one-deploy-at-a-time"
    ),
    promise!(
        log::the_log_tells_each_step_and_verdict,
        "The log tells each step and verdict in whole lines, also when kill -9 ends the program.",
        "#the-log"
    ),
    promise!(
        endings::no_request_is_lost,
        "No request is lost on the way forward, on the way back, and when SIGTERM comes.",
        "#nothing-is-lost"
    ),
    promise!(
        taken_back::back_is_done_when_it_answers,
        "POST /back is done when it answers.",
        "#back-at-once"
    )
    .extra(),
    promise!(
        colours::all_requests_change_their_version_at_once,
        "With STEPS=100 all requests change their version at once, and back while the old one is kept.",
        "#blue-green"
    )
    .extra(),
    promise!(
        schemas::a_release_that_cant_read_is_refused,
        "A release that can't read what the other one writes is refused.",
        "#schemas"
    )
    .extra(),
    promise!(
        replaced::the_primary_is_replaced_in_place,
        "SIGUSR1: the primary becomes another program, with the same workers, and nothing is lost.",
        "#the-primary-itself"
    )
    .extra(),
    promise!(
        refused::a_program_that_is_not_fit_is_refused,
        "A program that isn't fit to be the primary is refused, and the next one is not.",
        "#the-rehearsal"
    )
    .extra(),
    promise!(
        streams::a_stream_moves_and_misses_nothing,
        "A stream is told before its worker goes, and goes on at the next one without a gap.",
        "#connections-that-stay"
    )
    .extra(),
];

fn main() -> ExitCode {
    harness::contract(env!("CARGO_BIN_EXE_solution-7"), GUIDE, PROMISES)
}
