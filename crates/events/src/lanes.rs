//! A picture of lives over time: a lane for each worker process, grouped by slot.
//!
//! ```text
//!              0.0 s           0.5             1.0             1.5
//!  worker 1    ━━━━━━━━━━━━━━━━╌╌╌╌╌╌╌                               1.0.0
//!                             ·━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  1.1.0
//! ```
//! It is drawn from what the cluster reported, so it is testimony.

use std::collections::{BTreeMap, BTreeSet};

use colored::{Color, Colorize};

use crate::{Entry, Event, Exit, Pid, WorkerEvent};

/// Columns before and after the lanes.
const LABEL: u16 = 12;
const NOTE: u16 = 8;

/// What the signs of a picture mean, in one line.
pub const LEGEND: &str = "· starting   ━ ready   ╌ draining   ✗ killed, or died";

/// The frame of a picture: which time it shows, and how wide it is.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Where it begins, in seconds of the recording.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// How many columns it has, labels included.
    pub width: u16,
}

/// One process, from its start to its end.
#[derive(Clone, Debug, Default)]
struct Life {
    slot: u32,
    version: String,
    started: f64,
    ready: Option<f64>,
    draining: Option<f64>,
    ended: Option<f64>,
    is_violent: bool,
}

/// Draws who was alive in `frame`, by what `entries` report: an axis, then the lanes.
#[must_use]
pub fn lanes(entries: &[Entry], frame: Frame) -> Vec<String> {
    let mut shown: Vec<Life> = lives(entries)
        .into_values()
        .filter(|life| {
            life.started <= frame.to && life.ended.is_none_or(|ended| ended >= frame.from)
        })
        .collect();
    shown.sort_by(|a, b| a.slot.cmp(&b.slot).then(a.started.total_cmp(&b.started)));
    let versions: BTreeSet<&str> = shown.iter().map(|life| life.version.as_str()).collect();
    let mut rows = vec![axis(frame)];
    for (at, life) in shown.iter().enumerate() {
        let is_first = at == 0 || shown[at - 1].slot != life.slot;
        let label = if is_first { format!("worker {}", life.slot) } else { String::new() };
        let nth = versions.iter().position(|version| *version == life.version);
        rows.push(frame.row(&label, &lane(life, frame), &life.version, colour(nth)));
    }
    rows
}

/// Draws how large a share of what was seen at each moment is `true`, as a row of bars.
#[must_use]
pub fn share(label: &str, note: &str, seen: &[(f64, bool)], frame: Frame, nth: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let mut counts = vec![(0_usize, 0_usize); usize::from(frame.columns())];
    for (at, is_so) in seen.iter().filter(|(at, _)| (frame.from..frame.to).contains(at)) {
        let (yes, all) = &mut counts[usize::from(frame.column(*at))];
        *yes += usize::from(*is_so);
        *all += 1;
    }
    let bar = |(yes, all): (usize, usize)| match yes {
        0 => ' ',
        yes => BARS[(yes * BARS.len()).div_ceil(all) - 1],
    };
    let bars: String = counts.into_iter().map(bar).collect();
    frame.row(label, &bars, note, colour(Some(nth)))
}

fn lives(entries: &[Entry]) -> BTreeMap<Pid, Life> {
    let mut lives: BTreeMap<Pid, Life> = BTreeMap::new();
    for Entry { at, event, .. } in entries {
        let Some(Event::Worker(event)) = event else { continue };
        match event {
            WorkerEvent::Started { id, version } => {
                let version = version.clone().unwrap_or_default();
                let life = Life { slot: id.slot.0, version, started: *at, ..Life::default() };
                lives.insert(id.pid, life);
            }
            WorkerEvent::Ready(id) => {
                lives.entry(id.pid).and_modify(|life| life.ready = Some(*at));
            }
            WorkerEvent::Draining { id, .. } => {
                lives.entry(id.pid).and_modify(|life| life.draining = Some(*at));
            }
            WorkerEvent::Exited { id, exit } => {
                lives.entry(id.pid).and_modify(|life| {
                    life.ended = Some(*at);
                    life.is_violent = *exit != Exit::Code(0);
                });
            }
            WorkerEvent::Drained { .. }
            | WorkerEvent::CleanedUp { .. }
            | WorkerEvent::Killed { .. }
            | WorkerEvent::Replaced { .. }
            | WorkerEvent::RestartDelayed { .. } => {}
        }
    }
    lives
}

fn lane(life: &Life, frame: Frame) -> String {
    let ended = life.ended.map(|ended| frame.column(ended));
    (0..frame.columns())
        .map(|column| {
            let now = frame.time_of(column + 1);
            let is_past = |at: Option<f64>| at.is_some_and(|at| at <= now);
            match ended {
                _ if life.started > now => ' ',
                Some(end) if column == end && life.is_violent => '✗',
                // The column in which it ended shows it still, or a short drain would not be seen.
                Some(end) if column > end => ' ',
                _ if is_past(life.draining) => '╌',
                _ if is_past(life.ready) => '━',
                _ => '·',
            }
        })
        .collect()
}

/// `0.0 s      0.5       1.0`
fn axis(frame: Frame) -> String {
    let length = frame.to - frame.from;
    let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0];
    let room = f64::from(frame.columns()) / 8.0;
    let step = steps.into_iter().find(|step| length / step <= room).unwrap_or(length);
    let mut line = String::new();
    let mut mark = 0.0;
    while mark < length {
        let column = usize::from(frame.column(frame.from + mark));
        let text = if mark == 0.0 { "0.0 s".to_owned() } else { format!("{mark:.1}") };
        if column + text.len() <= usize::from(frame.columns()) {
            line = format!("{line:column$}{text}");
        }
        mark += step;
    }
    let before = usize::from(LABEL);
    format!("{:before$}{line}", "").trim_end().dimmed().to_string()
}

fn colour(nth: Option<usize>) -> Color {
    const COLOURS: [Color; 4] = [Color::Blue, Color::Green, Color::Magenta, Color::Cyan];
    nth.map_or(Color::White, |nth| COLOURS[nth % COLOURS.len()])
}

impl Frame {
    fn columns(self) -> u16 {
        self.width.saturating_sub(LABEL + NOTE).max(20)
    }

    /// The column in which `at` lies.
    fn column(self, at: f64) -> u16 {
        (0..self.columns()).rev().find(|column| self.time_of(*column) <= at).unwrap_or(0)
    }

    /// When the column `column` begins.
    fn time_of(self, column: u16) -> f64 {
        self.from + (self.to - self.from) * f64::from(column) / f64::from(self.columns())
    }

    fn row(self, label: &str, body: &str, note: &str, colour: Color) -> String {
        let (before, columns) = (usize::from(LABEL), usize::from(self.columns()));
        let body = format!("{body:columns$}").color(colour);
        format!("{label:before$}{body}  {}", note.color(colour)).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame { from: 1.0, to: 3.0, width: 60 };

    fn recording() -> Vec<Entry> {
        [
            (0.5, r#"{"event":"worker-started","worker":1,"pid":10,"version":"1.0.0"}"#),
            (0.6, r#"{"event":"worker-ready","worker":1,"pid":10}"#),
            (1.5, r#"{"event":"worker-started","worker":1,"pid":11,"version":"1.1.0"}"#),
            (1.75, r#"{"event":"worker-ready","worker":1,"pid":11}"#),
            (1.8, r#"{"event":"worker-draining","worker":1,"pid":10,"in_flight":1}"#),
            (2.5, r#"{"event":"worker-exited","worker":1,"pid":10,"exit":{"code":0}}"#),
            (2.6, r#"{"event":"worker-started","worker":2,"pid":12,"version":"1.1.0"}"#),
            (2.8, r#"{"event":"worker-exited","worker":2,"pid":12,"exit":{"code":1}}"#),
        ]
        .map(|(at, line)| Entry::from_line(at, line))
        .to_vec()
    }

    #[test]
    fn old_and_new_overlap_and_a_death_is_marked() {
        colored::control::set_override(false);
        assert_eq!(
            lanes(&recording(), FRAME),
            [
                "            0.0 s     0.5       1.0       1.5",
                "worker 1    ━━━━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌           1.0.0",
                "                     ·····━━━━━━━━━━━━━━━━━━━━━━━━━━  1.1.0",
                "worker 2                                   ·····✗     1.1.0",
            ]
        );
    }

    #[test]
    fn a_share_is_drawn_as_bars_and_nothing_as_nothing() {
        colored::control::set_override(false);
        let seen = [(1.0, true), (1.01, true), (1.6, true), (1.61, false), (2.0, false)];
        let row = share("clients", "1.0.0", &seen, FRAME, 0);
        assert_eq!(row.replace(' ', ""), "clients█▄1.0.0");
        assert_eq!(row.chars().nth(usize::from(LABEL)), Some('█'));
    }
}
