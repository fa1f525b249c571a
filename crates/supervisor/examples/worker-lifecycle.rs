//! Prints the picture of guide 02: a worker's life, drawn from `State::step` itself.
//!
//! Each row asks the table one question and draws the answer, so the picture can't be wrong.

use std::time::{Duration, Instant};

use supervisor::lifecycle::{State, WorkerAction, WorkerInput};

const COLUMNS: [&str; 5] = ["Starting", "Ready", "Draining", "Killed", "Exited"];
const LABEL: usize = 26;
const GAP: usize = 11;

fn main() {
    println!("{}", picture().join("\n"));
}

/// The picture, line by line: a column for each state, a row for each transition.
fn picture() -> Vec<String> {
    let now = Instant::now();
    let later = now + Duration::from_secs(2);
    let states = states(now, later);
    let mut lines = vec![heading()];
    for (from, state) in states.iter().enumerate() {
        for (label, input, at) in questions(now, later + Duration::from_secs(1)) {
            let (next, action) = state.step(input, at);
            let to = column(next);
            if to != from {
                lines.push(row(label, action, from, to));
            }
        }
    }
    lines
}

fn states(since: Instant, by: Instant) -> [State; 5] {
    [
        State::Starting { ready_by: by },
        State::Ready { since },
        State::Draining { gone_by: by },
        State::Killed,
        State::Exited,
    ]
}

fn questions(now: Instant, too_late: Instant) -> [(&'static str, WorkerInput, Instant); 6] {
    [
        ("says that it is ready", WorkerInput::SaidReady, now),
        ("is told to drain", WorkerInput::Drain(Duration::ZERO), now),
        ("time passes", WorkerInput::Tick, now),
        ("its time is up", WorkerInput::Tick, too_late),
        ("is to end now", WorkerInput::Kill(""), now),
        ("its process ends", WorkerInput::Reaped, now),
    ]
}

fn column(state: State) -> usize {
    match state {
        State::Starting { .. } => 0,
        State::Ready { .. } => 1,
        State::Draining { .. } => 2,
        State::Killed => 3,
        State::Exited => 4,
    }
}

fn heading() -> String {
    let names: Vec<String> = COLUMNS.iter().map(|name| format!("{name:^GAP$}")).collect();
    format!("{:LABEL$}{}", "", names.concat().trim_end())
}

/// `its time is up: SIGKILL        ├──────────▶│`
fn row(label: &str, action: Option<WorkerAction>, from: usize, to: usize) -> String {
    let label = match action {
        Some(WorkerAction::Kill(_)) => format!("{label}: SIGKILL"),
        Some(WorkerAction::Drain) | None => label.to_owned(),
    };
    let centre = |column: usize| column * GAP + GAP / 2;
    let end = centre(COLUMNS.len() - 1);
    let line: String = (0..=end)
        .map(|at| match at {
            _ if at == centre(from) => '├',
            _ if at == centre(to) => '│',
            _ if at + 1 == centre(to) => '▶',
            _ if centre(from) < at && at < centre(to) => '─',
            _ if (at + GAP).wrapping_sub(GAP / 2).is_multiple_of(GAP) => '│',
            _ => ' ',
        })
        .collect();
    format!("{label:LABEL$}{line}")
}
