//! The picture of a worker's life, drawn from [`State::step`] itself.
//!
//! Each row asks the table one question and draws the answer, so the picture can't be wrong.
//! `cargo run -p rolling-restart --example worker-lifecycle` prints it.

use std::time::{Duration, Instant};

use crate::lifecycle::{Action, Input, State};

const COLUMNS: [&str; 5] = ["Starting", "Ready", "Draining", "Killed", "Exited"];
const LABEL: usize = 26;
const GAP: usize = 11;

/// The picture, line by line: a column for each state, a row for each transition.
#[must_use]
pub fn picture() -> Vec<String> {
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

fn questions(now: Instant, too_late: Instant) -> [(&'static str, Input, Instant); 6] {
    [
        ("says that it is ready", Input::SaidReady, now),
        ("is told to drain", Input::Drain(Duration::ZERO), now),
        ("time passes", Input::Tick, now),
        ("its time is up", Input::Tick, too_late),
        ("is to end now", Input::Kill(""), now),
        ("its process ends", Input::Reaped, now),
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
fn row(label: &str, action: Option<Action>, from: usize, to: usize) -> String {
    let label = match action {
        Some(Action::Kill(_)) => format!("{label}: SIGKILL"),
        Some(Action::Drain) | None => label.to_owned(),
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
