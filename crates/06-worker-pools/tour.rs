//! The tour of chapter 06: tasks, the workers that do them, and what is left when these are killed.
//!
//! `cargo xtask run 06-worker-pools` plays it against the example, `cargo xtask run exercise-5` against a
//! learner's program. What only the example has is skipped there, and so is what needs a Redis where
//! none is installed.

#[path = "tour/clients.rs"]
mod clients;
#[path = "tour/deaths.rs"]
mod deaths;
#[path = "tour/evidence.rs"]
mod evidence;
#[path = "tour/limits.rs"]
mod limits;
#[path = "tour/machines.rs"]
mod machines;
#[path = "tour/work.rs"]
mod work;

use std::process::ExitCode;

use harness::{Kept, Stage};

fn main() -> ExitCode {
    harness::tour(
        "06-worker-pools",
        play,
        &[
            (r#"curl -d '{"type":"hash","n":1000}' {url}/task"#, "a task: 202, and its number"),
            ("curl {url}/task/1", "what became of it"),
            ("curl {url}/stats", "how many tasks there are, and who runs what"),
            (r#"curl -d '{"type":"spin","n":1}' {url}/task"#, "a task without an end"),
            ("curl -X DELETE {url}/task/2", "it is called off"),
            (r#"curl -d '{"type":"crash","n":1}' {url}/task"#, "a task that kills its worker"),
            ("kill -KILL WORKER_PID", "another worker starts its task again"),
        ],
    )
}

fn play(stage: &mut Stage) -> Kept {
    stage.tell_events(false);
    work::who_works_on_what(stage)?;
    deaths::a_worker_is_killed(stage)?;
    deaths::a_task_kills_its_workers(stage)?;
    limits::a_task_without_an_end(stage)?;
    limits::more_tasks_than_places(stage)?;
    deaths::everything_is_killed(stage)?;
    machines::two_share_a_queue(stage)?;
    work::the_end(stage)
}
