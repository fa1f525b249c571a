//! How much of this machine is left for us, measured: what others use, and what a quota takes
//! away, shows in no list of cores.

use std::{
    num::NonZero,
    thread,
    time::{Duration, Instant},
};

use nix::time::{ClockId, clock_gettime};

/// A quota is handed out anew each tenth of a second, so a shorter look could miss it.
const LOOK: Duration = Duration::from_millis(250);

/// How many cores' worth of time this process gets now, if it asks for all: between 0 and the
/// number of cores. It takes a quarter of a second of each.
#[must_use]
pub fn spare_cores() -> f64 {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let probes: Vec<_> = (0..cores).map(|_| scope.spawn(share_of_a_core)).collect();
        probes.into_iter().map(|probe| probe.join().unwrap_or(0.0)).sum()
    })
}

/// How many jobs to do side by side, of those that need `each` of a core: one at least.
#[must_use]
pub fn jobs_at_a_time(each: f64) -> usize {
    let jobs = spare_cores() / each;
    // The value is between 0 and the number of cores divided by `each`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small, positive")]
    let jobs = jobs.round() as usize;
    jobs.max(1)
}

fn share_of_a_core() -> f64 {
    let (began, cpu) = (Instant::now(), cpu_time());
    while began.elapsed() < LOOK {
        std::hint::spin_loop();
    }
    let used = cpu_time().saturating_sub(cpu);
    (used.as_secs_f64() / began.elapsed().as_secs_f64()).min(1.0)
}

fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_something_left_and_no_more_than_all_cores() {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let spare = spare_cores();
        assert!(spare > 0.0, "{spare}");
        assert!(spare <= f64::from(u32::try_from(cores).expect("few cores")), "{spare}");
    }
}
