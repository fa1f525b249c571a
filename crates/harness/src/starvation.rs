//! Was the machine too busy? It is measured while a promise is judged, because a program that got
//! no core has broken nothing.

use std::{
    collections::{HashMap, VecDeque},
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use events::{contract::Starvation, millis};
use processes::{Family, starved};

/// The limits of the promises are a second and more. A program that waited for a core for more
/// than a tenth of that may have missed one for that reason.
const TOO_MUCH: Duration = Duration::from_millis(100);
/// Waits are added up over the tightest limit.
const WINDOW: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(100);

/// A measurement under way.
pub(crate) struct Watch {
    end: Sender<()>,
    thread: JoinHandle<Starvation>,
}

impl Watch {
    /// Begins to watch this process' own clock, and every process that it started.
    pub(crate) fn start() -> Self {
        let (end, is_over) = channel();
        let thread = thread::spawn(move || {
            let mut watched = Watched::new();
            loop {
                let due = Instant::now() + INTERVAL;
                let is_over = is_over.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout);
                watched.look(due.elapsed());
                if is_over {
                    return watched.worst;
                }
            }
        });
        Watch { end, thread }
    }

    /// Ends the measurement: what it found, if it was too much.
    pub(crate) fn finish(self) -> Option<Starvation> {
        drop(self.end);
        let found = self.thread.join().ok()?;
        let limit = millis(TOO_MUCH);
        (found.tester_ms > limit || found.program_ms > limit).then_some(found)
    }
}

/// What was seen so far.
struct Watched {
    family: Family,
    tester: Waits,
    program: HashMap<u32, (Duration, Waits)>,
    worst: Starvation,
}

impl Watched {
    fn new() -> Self {
        Watched {
            family: Family::of(std::process::id()),
            tester: Waits::default(),
            program: HashMap::new(),
            worst: Starvation::default(),
        }
    }

    /// `late`: how much later than it was due this look comes.
    fn look(&mut self, late: Duration) {
        let now = Instant::now();
        let tester = millis(self.tester.add(late, now));
        self.worst.tester_ms = self.worst.tester_ms.max(tester);
        for process in self.family.members() {
            let Some(total) = starved(process.pid) else { continue };
            let (before, waits) = self.program.entry(process.pid).or_default();
            let wait = total.saturating_sub(std::mem::replace(before, total));
            let program = millis(waits.add(wait, now));
            self.worst.program_ms = self.worst.program_ms.max(program);
        }
    }
}

/// The waits of the last [`WINDOW`], each with the moment at which it was seen.
#[derive(Default)]
struct Waits(VecDeque<(Instant, Duration)>);

impl Waits {
    /// Adds a wait that was seen now; the sum over the window.
    fn add(&mut self, wait: Duration, now: Instant) -> Duration {
        self.0.push_back((now, wait));
        while self.0.front().is_some_and(|(seen, _)| now - *seen > WINDOW) {
            self.0.pop_front();
        }
        self.0.iter().map(|(_, wait)| *wait).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn waits_add_up_over_a_second_and_are_forgotten_after_it() {
        let mut waits = Waits::default();
        let now = Instant::now();
        assert_eq!(waits.add(60 * MS, now), 60 * MS);
        assert_eq!(waits.add(60 * MS, now + 900 * MS), 120 * MS);
        assert_eq!(waits.add(10 * MS, now + 1100 * MS), 70 * MS);
    }

    #[test]
    fn a_late_clock_is_starvation_and_the_worst_second_stays() {
        let mut watched = Watched::new();
        watched.look(150 * MS);
        watched.look(10 * MS);
        assert_eq!(watched.worst.tester_ms, 160);
    }
}
