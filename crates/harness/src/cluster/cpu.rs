//! How much CPU time the program's processes use while a check waits: a process that spins is told
//! apart from one that is stuck.

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
/// What a process uses at least that spins. On a busy machine it does not get a whole core.
const SHARE: f64 = 0.5;

/// When it was, and the CPU time that each process had used by then.
type Look = (Instant, BTreeMap<u32, Duration>);

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

    /// Records which of `processes` kept a core busy until now. `primary` is the one that we started.
    pub(super) fn tell(&self, recorder: &Recorder, primary: u32, processes: &[Process]) {
        let now = look(processes);
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (pid, cpu) in &now.1 {
            let usage = looks.iter().find_map(|(at, before)| {
                let used = cpu.checked_sub(*before.get(pid)?)?;
                let time = now.0 - *at;
                (time >= SHORTEST && used >= time.mul_f64(SHARE)).then_some((used, time))
            });
            if let Some((used, time)) = usage {
                recorder.remark(spin::sentence(*pid, *pid == primary, used, time));
            }
        }
    }
}

fn look(processes: &[Process]) -> Look {
    let of = |process: &Process| Some((process.pid, Stat::of(process.pid)?.cpu));
    (Instant::now(), processes.iter().filter_map(of).collect())
}
