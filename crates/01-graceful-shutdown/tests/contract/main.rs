//! The promises of exercise 1, easiest first.
//!
//! Under `cargo test` they judge the reference solution, under `cargo xtask check exercise-1` the
//! learner's program, and with `--program` any other program that keeps PROTOCOL.md.

mod connections;
mod crashes;
mod downloads;
mod exit;
mod extras;
mod in_flight;
mod journal;
mod scene;
mod serving;

use std::process::ExitCode;

use harness::{Promise, promise};

const GUIDE: &str = "guides/01-graceful-shutdown-patterns.md";

const PROMISES: &[Promise] = &[
    promise!(serving::both_workers_answer, "Both workers answer.", "#the-guarantees"),
    promise!(
        in_flight::a_request_in_flight_at_sigterm_is_answered_whole,
        "A request in flight at SIGTERM is answered whole.",
        "#the-sequence"
    ),
    promise!(
        in_flight::a_request_in_flight_at_ctrl_c_is_answered_whole,
        "A request in flight at SIGINT is answered whole, also when every process gets the signal.",
        "#signals-and-who-receives-them"
    ),
    promise!(
        exit::a_drained_cluster_exits_0_and_leaves_no_process,
        "A drained cluster exits 0, without waiting out the timeout, and leaves no process.",
        "#the-exit-code"
    ),
    promise!(
        connections::a_new_connection_while_draining_is_refused,
        "While draining, a new connection is refused or told 503, never left hanging.",
        "#stop-accepting"
    ),
    promise!(
        connections::a_kept_alive_connection_is_told_to_close,
        "Answers while draining say Connection: close, and an idle connection does not hold the exit.",
        "#connection-draining"
    ),
    promise!(
        exit::a_request_that_outlives_the_timeout_is_cut,
        "A request that outlives the drain timeout is cut, and the exit code is 1.",
        "#deadlines-and-escalation"
    ),
    promise!(
        journal::each_acknowledged_line_is_on_disk_exactly_once,
        "Each acknowledged journal line is on disk after the exit, exactly once.",
        "#cleanup-in-reverse-order"
    ),
    promise!(
        exit::a_second_signal_ends_it_at_once,
        "A second signal ends the cluster at once.",
        "#deadlines-and-escalation"
    ),
    promise!(
        crashes::a_crashed_worker_is_replaced_until_the_drain_begins,
        "A crashed worker is replaced while the cluster runs, and not while it drains.",
        "#when-a-worker-dies"
    ),
    promise!(
        crashes::workers_do_not_outlive_a_killed_primary,
        "Workers do not outlive a primary that dies by SIGKILL.",
        "#when-the-primary-dies"
    ),
    promise!(
        connections::a_slow_client_does_not_hold_the_exit,
        "A client that sends byte by byte, or never reads, does not hold the exit.",
        "#deadlines-and-escalation"
    ),
    promise!(
        extras::sigint_and_sigterm_have_their_own_timeouts,
        "SIGINT and SIGTERM each have a timeout of their own.",
        "#signals-and-who-receives-them"
    )
    .extra(),
    promise!(
        extras::a_stopped_worker_does_not_hold_the_exit,
        "A stopped worker does not hold the exit: the primary kills it after the deadline.",
        "#deadlines-and-escalation"
    )
    .extra(),
    promise!(
        extras::health_says_503_while_draining,
        "/health says 503 while draining.",
        "#load-balancers-systemd-kubernetes"
    )
    .extra(),
    promise!(
        extras::the_shutdown_reports_what_it_drained_and_cut,
        "The primary reports what was drained, what was cut, and how long the shutdown took.",
        "#the-exit-code"
    )
    .extra(),
];

fn main() -> ExitCode {
    harness::contract(env!("CARGO_BIN_EXE_solution-1"), GUIDE, PROMISES)
}
