//! The promises of exercise 4, easiest first.
//!
//! Under `cargo test` they judge the reference solution, under `cargo xtask check exercise-4` the
//! learner's program, and with `--program` any other program that keeps PROTOCOL.md.

mod answers;
mod asker;
mod broadcast;
mod call_times;
mod deaths;
mod frames;
mod frozen;
mod inbox;
mod late;
mod places;
mod priority;
mod redelivery;
mod scene;
mod sending;
mod serving;
mod shutdown;
mod starting;
mod topics;

use std::process::ExitCode;

use harness::{Promise, promise};

const GUIDE: &str = "guides/05-advanced-ipc.md";

const PROMISES: &[Promise] = &[
    promise!(
        serving::each_worker_answers_for_itself,
        "Each worker answers for itself, and a slot that does not exist is 404.",
        "#the-guarantees"
    ),
    promise!(
        answers::answers_reach_their_own_callers,
        "Answers reach their own callers, in whatever order they come.",
        "#calls-and-their-ids"
    ),
    promise!(
        serving::stats_add_up_what_all_workers_served,
        "/stats adds up what all workers really served.",
        "#gathering"
    ),
    promise!(
        frozen::a_frozen_worker_costs_its_callers_a_504_and_others_nothing,
        "A frozen worker costs its callers a 504 at their deadline, and others nothing.",
        "#one-deadline"
    ),
    promise!(
        sending::messages_arrive_once_and_in_order,
        "/send delivers once and in order; to an empty slot it is 502.",
        "#messages-and-acknowledgements"
    ),
    promise!(
        late::a_late_reply_is_given_to_no_caller,
        "A late reply and a second reply change nothing, and are given to no caller.",
        "#calls-and-their-ids"
    ),
    promise!(
        deaths::calls_open_on_a_worker_that_dies_fail_at_once,
        "Calls open on a worker that dies fail at once with 502, and only those.",
        "#the-order-of-a-death"
    ),
    promise!(
        places::a_call_gives_its_place_back,
        "A call gives its place back, however it ends.",
        "#a-bounded-table"
    ),
    promise!(
        broadcast::a_broadcast_says_who_has_it_and_who_is_missing,
        "A broadcast reaches each worker once, and names who has it and who is missing.",
        "#gathering"
    ),
    promise!(
        frames::bad_frames_end_that_worker_and_nothing_else,
        "Bad frames end their sender, and nothing else.",
        "#errors-told-apart"
    ),
    promise!(
        frozen::a_worker_that_does_not_read_makes_senders_wait_outside,
        "Exactly QUEUE_LIMIT messages wait for a worker that does not read; the next is 503.",
        "#messages-and-acknowledgements"
    ),
    promise!(
        shutdown::shutdown_answers_every_open_call,
        "Shutdown answers every open call.",
        "#the-end"
    ),
    promise!(
        priority::a_message_with_high_priority_passes_those_that_wait,
        "A message with priority=high passes the messages that wait.",
        "#priorities"
    )
    .extra(),
    promise!(
        topics::what_is_published_reaches_the_subscribers,
        "What is published about a topic reaches its subscribers, and no other worker.",
        "#topics"
    )
    .extra(),
    promise!(
        redelivery::the_next_worker_gets_what_was_not_acknowledged,
        "With REDELIVER=1 the next worker gets what the last one had not acknowledged.",
        "#redelivery"
    )
    .extra(),
    promise!(
        call_times::stats_have_percentiles_of_all_calls,
        "/stats has p50 and p99 of all calls, whichever workers made them.",
        "#percentiles"
    )
    .extra(),
];

fn main() -> ExitCode {
    harness::contract(env!("CARGO_BIN_EXE_solution-4"), GUIDE, PROMISES)
}
