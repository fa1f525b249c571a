//! The promises of exercise 6, easiest first.
//!
//! Under `cargo test` they judge the reference solution, under `cargo xtask check exercise-6` the
//! learner's program, and with `--program` any other program that keeps PROTOCOL.md.

mod backup;
mod changes;
mod connections;
mod counting;
mod early_loads;
mod expiry;
mod fencing;
mod flight;
mod jobs;
mod loads;
mod locked;
mod scene;
mod serving;
mod session_end;
mod sessions;
mod thawed;

use std::process::ExitCode;

use harness::{Promise, promise};

const GUIDE: &str = "guides/06-state-management.md";

const PROMISES: &[Promise] = &[
    promise!(
        serving::four_workers_serve_and_say_who_they_are,
        "Four workers serve, and say who they are.",
        "#the-guarantees"
    ),
    promise!(
        counting::every_acknowledged_increment_counts_once,
        "Every acknowledged increment counts exactly once, under load on all workers.",
        "#one-statement"
    ),
    promise!(
        counting::increments_survive_every_process,
        "It counts also when workers are killed, and when everything is killed and started again.",
        "#acknowledged-means-committed"
    ),
    promise!(
        sessions::a_session_is_honoured_by_every_worker,
        "A session is honoured by every worker, also by one born later, and after a restart.",
        "#sessions"
    ),
    promise!(
        sessions::a_session_ends_when_it_must,
        "A session ends at logout, without use, and at its maximal age.",
        "#the-end-of-a-session"
    ),
    promise!(
        sessions::a_login_gives_a_new_id_and_both_requests_count,
        "Login gives a new id, and two requests at once in one session both count.",
        "#rows-instead-of-a-whole"
    ),
    promise!(
        changes::a_change_that_is_answered_is_known_everywhere,
        "When PUT has answered, no worker returns the old value, not even a thawed one.",
        "#the-primarys-word"
    ),
    promise!(
        early_loads::an_early_load_does_not_bring_the_old_value_back,
        "A load that began before a change does not bring the old value back.",
        "#loads-that-come-too-late"
    ),
    promise!(
        loads::an_expired_page_is_asked_for_once,
        "An expired page is asked for once a worker; if the origin fails, the old page is served.",
        "#one-load-for-all"
    ),
    promise!(
        jobs::one_run_at_a_time,
        "Four workers asked at once run a job once; if its holder dies, it runs after the lease.",
        "#a-lease"
    ),
    promise!(
        fencing::a_frozen_holder_changes_nothing,
        "A holder that was frozen past its lease changes nothing, and releases nothing.",
        "#a-fencing-token"
    ),
    promise!(
        locked::a_locked_database_costs_writes_503_and_others_nothing,
        "A locked database costs a write 503 and others nothing; a file that isn't ours is refused.",
        "#a-locked-database"
    ),
    promise!(
        connections::no_more_connections_than_the_budget,
        "Never more than DB_CONNECTIONS are open, not even in a roll.",
        "#one-budget"
    )
    .extra(),
    promise!(
        flight::a_page_is_asked_for_once_in_the_cluster,
        "With FLIGHT=cluster an expired page is asked for once in the whole cluster.",
        "#one-load-for-all"
    )
    .extra(),
    promise!(
        backup::a_backup_has_what_was_acknowledged,
        "A backup under load has all that was acknowledged, and costs nothing of it.",
        "#a-backup"
    )
    .extra(),
];

fn main() -> ExitCode {
    harness::contract(env!("CARGO_BIN_EXE_solution-6"), GUIDE, PROMISES)
}
