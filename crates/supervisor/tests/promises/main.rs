//! What holds for every cluster that stands on the supervisor, on real processes. The program under
//! test is this test binary itself: see `program`.

mod clients;
mod handover;
mod inherited;
mod outside;
mod program;

use std::{env, process::ExitCode, time::Duration};

use cluster_basics::worker::is_worker;
use harness::{Promise, promise};

/// How long something may take that nothing holds up, generously.
pub(crate) const PROMPT: Duration = Duration::from_secs(30);

const PROMISES: &[Promise] = &[
    promise!(
        outside::an_unread_stdout_holds_up_nothing,
        "A cluster whose stdout is not read serves, and stops on SIGTERM.",
        "#the-channel"
    ),
    promise!(
        outside::a_frozen_worker_holds_up_nothing,
        "While a worker is frozen, the primary replaces another one.",
        "#the-channel"
    ),
    promise!(
        outside::a_worker_that_talks_garbage_is_replaced,
        "A worker that sends what isn't a message is killed and replaced.",
        "#the-channel"
    ),
    promise!(
        outside::a_replaced_program_gets_new_workers,
        "After the program's file was replaced, a killed worker is replaced.",
        "#births-and-deaths"
    ),
    promise!(
        outside::a_start_that_fails_is_tried_again,
        "A worker that can't be started is started later, and the other one loses nothing.",
        "#births-and-deaths"
    ),
    promise!(
        outside::a_stopped_worker_ends_with_its_primary,
        "A stopped worker does not outlive a primary that dies by SIGKILL.",
        "#births-and-deaths"
    ),
    promise!(
        outside::a_port_that_becomes_free_is_taken,
        "A port that is in use for a moment more is taken as soon as it is free.",
        "#births-and-deaths"
    ),
    promise!(
        inherited::ignored_and_blocked_signals_are_reset,
        "SIGCHLD ignored and SIGTERM blocked by the parent change nothing.",
        "#births-and-deaths"
    ),
    promise!(
        inherited::a_worker_id_from_the_shell_makes_no_worker,
        "WORKER_ID in the environment does not make a primary a worker.",
        "#births-and-deaths"
    ),
    promise!(
        inherited::a_worker_without_its_primary_ends,
        "A worker whose primary has died ends, and does not become a primary.",
        "#births-and-deaths"
    ),
    promise!(
        inherited::sigterm_to_the_group_at_the_start_loses_nothing,
        "SIGTERM to the whole group while workers start: exit code 0.",
        "#births-and-deaths"
    ),
    promise!(
        inherited::sighup_to_the_group_loses_nothing,
        "SIGHUP to the whole group, as when a terminal is closed: the request is answered.",
        "#births-and-deaths"
    ),
    promise!(
        inherited::a_worker_that_was_never_ready_loses_nothing,
        "A worker that dies during the shutdown before it was ready loses nothing: exit code 0.",
        "#births-and-deaths"
    ),
    promise!(
        handover::workers_that_are_handed_over_all_the_time_notice_nothing,
        "Workers that are handed over every 5 ms serve, are replaced, and end with exit code 0.",
        "#the-channel"
    ),
    promise!(
        clients::a_client_that_half_closes_is_answered,
        "A client that closes its sending side after its request gets the answer.",
        "#the-channel"
    ),
    promise!(
        clients::an_idle_connection_is_not_a_cut,
        "An idle connection at the drain timeout isn't a cut: exit code 0.",
        "#the-channel"
    ),
    promise!(
        clients::half_a_head_does_not_hold_up_a_drain,
        "A client that has sent half a head does not hold up a drain.",
        "#the-channel"
    ),
    promise!(
        clients::an_answer_that_is_not_read_is_a_cut,
        "An answer that its client does not read is cut by the timeout: exit code 1.",
        "#the-channel"
    ),
    promise!(
        clients::clients_that_no_descriptor_is_left_for_are_answered_or_lost,
        "Clients in the queue of a worker without a free descriptor are served, or exit code 1.",
        "#the-channel"
    ),
];

fn main() -> ExitCode {
    // A trial starts us with PORT, and we start ourselves as workers.
    if is_worker() || env::var_os("PORT").is_some() {
        return program::main();
    }
    let Ok(me) = env::current_exe() else { return ExitCode::from(4) };
    harness::contract(&me.to_string_lossy(), "guides/00-cluster-basics.md", PROMISES)
}
