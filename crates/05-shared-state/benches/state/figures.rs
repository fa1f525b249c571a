//! What was measured, as a table.

use std::time::Duration;

use crate::system::System;

/// What one home did in one round.
pub(crate) struct Round {
    per_second: f64,
    p50_micros: f64,
    p99_micros: f64,
    longest_millis: f64,
    /// How many increments the slowest process had for each of the fastest one.
    slowest: f64,
}

#[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^52")]
fn float(number: u64) -> f64 {
    number as f64
}

fn count(number: usize) -> f64 {
    float(number as u64)
}

impl Round {
    /// A round of `time` in which `each` process took these microseconds for its increments.
    pub(crate) fn new(each: &[Vec<u64>], time: Duration) -> Self {
        let counts: Vec<f64> = each.iter().map(|one| count(one.len())).collect();
        let [least, most] = [
            counts.iter().copied().fold(f64::INFINITY, f64::min),
            counts.iter().copied().fold(0.0, f64::max),
        ];
        let mut all: Vec<u64> = each.concat();
        all.sort_unstable();
        let at = |share: (usize, usize)| {
            let index = all.len().saturating_sub(1) * share.0 / share.1;
            float(all.get(index).copied().unwrap_or_default())
        };
        Round {
            per_second: count(all.len()) / time.as_secs_f64(),
            p50_micros: at((1, 2)),
            p99_micros: at((99, 100)),
            longest_millis: at((1, 1)) / 1e3,
            slowest: least / most.max(1.0),
        }
    }
}

/// Prints the median of all rounds, and the range where it says something.
pub(crate) fn print_rounds(systems: &[&System], rounds: &[Vec<Round>]) {
    println!("  {:<22} {:>7} {:>20} {:>7} {:>7}", "", "/s", "of the primary's", "p50 µs", "p99 µs");
    for (system, own) in systems.iter().zip(rounds) {
        let ratios =
            own.iter().zip(&rounds[0]).map(|(own, first)| own.per_second / first.per_second);
        let (ratio, least, most) = spread(ratios);
        let of = |figure: fn(&Round) -> f64| spread(own.iter().map(figure)).0;
        let (per_second, p50, p99) = (
            of(|round| round.per_second),
            of(|round| round.p50_micros),
            of(|round| round.p99_micros),
        );
        let ratio = format!("{ratio:.2} ({least:.2} to {most:.2})");
        println!("  {:<22} {per_second:>7.0} {ratio:>20} {p50:>7.0} {p99:>7.0}", system.name);
    }
    println!("\n  {:<22} {:>25}   slowest : fastest process", "", "longest wait in ms");
    for (system, own) in systems.iter().zip(rounds) {
        let (wait, least, most) = spread(own.iter().map(|round| round.longest_millis));
        let wait = format!("{wait:.0} ({least:.0} to {most:.0})");
        let (slowest, least, most) = spread(own.iter().map(|round| round.slowest));
        println!("  {:<22} {wait:>25}   {slowest:.3} ({least:.3} to {most:.3})", system.name);
    }
}

/// Median, least and most.
fn spread(numbers: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().saturating_sub(1);
    (numbers[last / 2], numbers[0], numbers[last])
}

/// What all kills of one home cost.
#[derive(Default)]
pub(crate) struct Figures {
    acknowledged: usize,
    there: usize,
    lost: usize,
}

impl Figures {
    /// Adds one kill.
    pub(crate) fn add(&mut self, acknowledged: usize, there: usize) {
        self.acknowledged += acknowledged;
        self.there += there;
        // An increment may be there whose acknowledgement was under way.
        self.lost += acknowledged.saturating_sub(there);
    }
}

/// Prints them.
pub(crate) fn print_losses(system: &System, all: &Figures) {
    let Figures { acknowledged, there, lost } = all;
    println!(
        "  {:<22} {acknowledged:>7} acknowledged, {there:>7} there, {lost:>7} lost",
        system.name
    );
}
