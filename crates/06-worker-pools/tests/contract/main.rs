//! The promises of exercise 5, easiest first.
//!
//! Under `cargo test` they judge the reference solution, under `cargo xtask check exercise-5` the
//! learner's program, and with `--program` any other program that keeps PROTOCOL.md.

mod deadlines;
mod deaths;
mod endings;
mod extras;
mod journal;
mod keys;
mod nonsense;
mod order;
mod queue;
mod remembered;
mod scene;
mod sums;
mod survival;
mod tasks;

use std::process::ExitCode;

use harness::{Promise, promise};

const GUIDE: &str = "guides/07-worker-pools.md";

const PROMISES: &[Promise] = &[
    promise!(
        nonsense::nonsense_is_refused_and_hurts_no_other_client,
        "Nonsense is refused, and hurts no other client.",
        "#the-guarantees"
    ),
    promise!(
        nonsense::each_type_gives_the_right_result,
        "Each type gives the right result; a task is queued, then processing, then completed.",
        "#the-life-of-a-task"
    ),
    promise!(
        order::no_worker_is_idle_while_a_task_waits,
        "Four tasks run at once, and no worker is idle while a task waits.",
        "#credit"
    ),
    promise!(
        order::tasks_start_in_the_order_in_which_they_came,
        "Tasks start in the order in which they came.",
        "#order"
    ),
    promise!(
        queue::a_full_queue_answers_429,
        "A full queue answers 429, and every task that was accepted is done.",
        "#a-queue-has-an-end"
    ),
    promise!(
        deaths::a_killed_workers_task_is_done_by_another,
        "A killed worker's task is done by another, and nothing else is touched.",
        "#a-worker-dies"
    ),
    promise!(
        deaths::a_poison_task_fails_and_its_neighbours_do_not_pay,
        "A task that kills its workers fails after 3 starts, and its neighbours don't pay.",
        "#poison"
    ),
    promise!(
        deadlines::a_task_over_its_deadline_fails,
        "A task over its deadline fails, and its worker is recycled.",
        "#deadlines"
    ),
    promise!(
        sums::stats_add_up_at_every_sample,
        "/stats adds up at every sample, and agrees with the clients.",
        "#one-map"
    ),
    promise!(
        endings::sigterm_finishes_what_runs,
        "SIGTERM finishes what runs, starts nothing, and keeps the rest.",
        "#the-end-of-a-pool"
    ),
    promise!(
        survival::kill_9_of_the_primary_loses_nothing,
        "kill -9 of the primary loses nothing that was accepted.",
        "#the-spool"
    ),
    promise!(
        remembered::results_are_bounded,
        "Results are bounded: those that ended first are forgotten first.",
        "#results"
    ),
    promise!(
        extras::a_high_priority_passes_others_but_not_forever,
        "A high priority passes others, and no task waits forever.",
        "#priorities"
    )
    .extra(),
    promise!(
        extras::a_task_can_be_called_off,
        "A task can be called off: one that waits never starts, one that runs is ended.",
        "#calling-off"
    )
    .extra(),
    promise!(
        keys::the_same_key_is_the_same_task,
        "The same key is the same task, also after a restart.",
        "#the-same-key"
    )
    .extra(),
];

fn main() -> ExitCode {
    harness::contract(env!("CARGO_BIN_EXE_solution-5"), GUIDE, PROMISES)
}
