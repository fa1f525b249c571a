//! The promises of exercise 3, easiest first.
//!
//! Run by `cargo test` they judge the reference solution. `cargo xtask check exercise-3` has them
//! judge the learner's program, and `--program` any other that keeps PROTOCOL.md.

mod alerts;
mod deaths;
mod excess;
mod prometheus;
mod reports;
mod scene;
mod silence;

use std::process::ExitCode;

use harness::{Promise, promise};

const GUIDE: &str = "guides/04-health-monitoring.md";

const PROMISES: &[Promise] = &[
    promise!(
        reports::health_lists_every_worker_with_true_figures,
        "GET /health lists every worker, with the true figures of its process.",
        "#what-to-measure"
    ),
    promise!(
        silence::a_frozen_worker_is_replaced,
        "A frozen worker is replaced within the timeout and two heartbeats, and its process is gone.",
        "#a-graduated-response"
    ),
    promise!(
        silence::a_worker_whose_loop_is_blocked_is_replaced,
        "A worker whose serving loop is blocked is replaced, though its other threads run on.",
        "#a-heartbeat-proves-only-what-sends-it"
    ),
    promise!(
        excess::a_worker_over_its_memory_limit_is_drained_and_replaced,
        "A worker over its memory limit is drained and replaced, and no request is lost to that.",
        "#a-graduated-response"
    ),
    promise!(
        excess::a_worker_over_its_error_rate_is_replaced,
        "A worker over its error rate is replaced; one under it, or with too few requests, is not.",
        "#rates-need-samples"
    ),
    promise!(
        silence::a_healthy_cluster_is_left_alone,
        "A healthy cluster is left alone, also when every core is busy.",
        "#false-alarms"
    ),
    promise!(
        silence::a_worker_that_is_frozen_for_a_while_is_left_alone,
        "A worker that is frozen for less than the timeout is left alone, and says how late it was.",
        "#heartbeat-arithmetic"
    ),
    promise!(
        deaths::a_worker_that_dies_at_each_start_is_given_up,
        "A worker that dies at each start is retried with growing delays, then given up.",
        "#storms"
    ),
    promise!(
        alerts::each_change_is_one_alert,
        "Each change is one alert, and no webhook stops anything.",
        "#one-alert-for-each-change"
    ),
    promise!(
        reports::counters_never_go_down,
        "GET /metrics is valid Prometheus text, and its counters never go down.",
        "#counters-never-go-down"
    ),
    promise!(
        reports::health_answers_while_a_worker_is_sick,
        "GET /health answers while workers are sick, and says 503 without a majority.",
        "#shallow-and-deep"
    ),
    promise!(
        deaths::shutdown_works_while_a_worker_is_frozen,
        "Shutdown works while a worker is frozen.",
        "guides/02-worker-lifecycle.md#escalation"
    ),
    promise!(
        deaths::sick_workers_go_one_at_a_time,
        "However sick they look, workers go one at a time while there is no majority.",
        "#never-all-at-once"
    )
    .extra(),
    promise!(
        alerts::a_warning_comes_before_the_limit,
        "A warning comes before the memory limit.",
        "#a-graduated-response"
    )
    .extra(),
    promise!(
        excess::a_worker_that_burns_the_cpu_is_replaced,
        "A worker over CPU_LIMIT is replaced.",
        "#what-to-measure"
    )
    .extra(),
    promise!(
        deaths::a_slot_that_was_given_up_is_tried_again,
        "A slot that was given up is tried once more each RETRY_AFTER_MS.",
        "#storms"
    )
    .extra(),
    promise!(
        alerts::a_report_comes_from_time_to_time,
        "A report comes every REPORT_MS.",
        "#what-to-measure"
    )
    .extra(),
];

fn main() -> ExitCode {
    harness::contract(env!("CARGO_BIN_EXE_solution-3"), GUIDE, PROMISES)
}
