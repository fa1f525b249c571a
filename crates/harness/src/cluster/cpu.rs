//! How much CPU time the program's processes use while a check waits: so a story can say that a
//! process spins, and isn't stuck.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use events::{Exit, spin};
use processes::{Family, Process, Stat};

use crate::recorder::Recorder;

/// From one look at the processes to the next.
const TICK: Duration = Duration::from_millis(250);
/// Looks that are kept: ten seconds.
const LOOKS: usize = 40;
/// Over a shorter time a start looks like a loop.
const SHORTEST: Duration = Duration::from_secs(1);
/// A process that uses this share of a core, or more, spins.
const SHARE: f64 = 0.5;
/// On a busy machine a process that spins gets less, but it always runs or waits for a core.
const NEVER_ASLEEP: f64 = 0.9;

/// When it was, and what each process had used by then.
type Look = (Instant, BTreeMap<u32, Usage>);

/// Of a process, since it began.
#[derive(Clone, Copy)]
struct Usage {
    cpu: Duration,
    /// For how long its first thread waited for a core.
    starved: Duration,
}

/// What the processes of one program used lately.
#[derive(Clone, Default)]
pub(super) struct CpuWatch(Arc<Mutex<VecDeque<Look>>>);

impl CpuWatch {
    /// Looks again and again, until the program has ended.
    pub(super) fn begin(&self, recorder: Recorder, exit: Arc<OnceLock<Exit>>) {
        let watch = self.clone();
        thread::spawn(move || {
            let mut family = Family::of(std::process::id());
            while recorder.wait(TICK, |_| exit.get().copied()).is_none() {
                watch.keep(look(&family.members()));
            }
        });
    }

    fn keep(&self, look: Look) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.push_back(look);
        if looks.len() > LOOKS {
            looks.pop_front();
        }
    }

    /// Records which of `processes` kept a core busy until now. `primary` is the process that we
    /// started.
    pub(super) fn tell(&self, recorder: &Recorder, primary: u32, processes: &[Process]) {
        let now = look(processes);
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (pid, usage) in &now.1 {
            let usage = looks.iter().find_map(|(at, before)| {
                let (before, time) = (before.get(pid)?, now.0 - *at);
                let used = usage.cpu.checked_sub(before.cpu)?;
                let starved = usage.starved.saturating_sub(before.starved);
                (time >= SHORTEST && spins(used, starved, time)).then_some((used, time))
            });
            if let Some((used, time)) = usage {
                recorder.remark(spin::sentence(*pid, *pid == primary, used, time));
            }
        }
    }
}

fn spins(used: Duration, starved: Duration, time: Duration) -> bool {
    let is_never_asleep = used >= SHORTEST && used + starved >= time.mul_f64(NEVER_ASLEEP);
    used >= time.mul_f64(SHARE) || is_never_asleep
}

fn look(processes: &[Process]) -> Look {
    let of = |process: &Process| {
        let starved = processes::starved(process.pid).unwrap_or_default();
        Some((process.pid, Usage { cpu: Stat::of(process.pid)?.cpu, starved }))
    };
    (Instant::now(), processes.iter().filter_map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_process_spins_that_uses_half_a_core_or_never_sleeps() {
        assert!(spins(MS(2000), MS(0), MS(4000)));
        assert!(spins(MS(1200), MS(2600), MS(4000)));
        // A start on a busy machine: it waits for a core, and needs little of it.
        assert!(!spins(MS(200), MS(1800), MS(2000)));
        assert!(!spins(MS(1200), MS(500), MS(4000)));
    }
}
