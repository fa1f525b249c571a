//! What a primary knows of its workers, written down for the program that takes its place.
//!
//! `Instant` means nothing in another program, so each moment is written as its distance from now.

use std::time::{Duration, Instant};

use events::{Pid, Slot, millis};
use serde::{Deserialize, Serialize};

use crate::{
    fleet::{Fleet, Worker},
    lifecycle::State,
    version::Version,
};

/// The workers of a primary, in the order in which their channels are handed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkersRecord {
    /// One for each worker.
    pub workers: Vec<WorkerRecord>,
    /// How many workers were ever started in each slot.
    pub starts: Vec<(Slot, u64)>,
    /// Whether events name versions.
    pub has_versions: bool,
    /// See [`super::Workers::take_cut`].
    pub cut: usize,
}

/// One worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerRecord {
    /// The slot that it fills.
    pub slot: Slot,
    /// Its process, which was not reaped.
    pub pid: Pid,
    /// What it runs.
    pub version: Version,
    /// How long ago it was started.
    pub age_ms: u64,
    /// Where it is in its life.
    pub state: StateRecord,
    /// Whether it was ever ready.
    pub was_ready: bool,
    /// How long it took to take over its slot.
    pub replaced_in_ms: Option<u64>,
    /// Half a frame that was read already.
    pub unread: Vec<u8>,
    /// Frames that it still has to get, and perhaps the rest of one.
    pub unwritten: Vec<u8>,
}

/// Where a worker is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateRecord {
    /// It is overdue after this time.
    Starting(u64),
    /// It has been ready for this long.
    Ready(u64),
    /// It is overdue after this time.
    Draining(u64),
    /// It was sent SIGKILL.
    Killed,
}

impl WorkerRecord {
    pub(super) fn of(worker: &Worker, unread: Vec<u8>, unwritten: Vec<u8>, now: Instant) -> Self {
        WorkerRecord {
            slot: worker.slot,
            pid: worker.pid,
            version: worker.version,
            age_ms: millis(now - worker.born),
            state: StateRecord::of(worker.state, now),
            was_ready: worker.was_ready,
            replaced_in_ms: worker.replaced_in.map(millis),
            unread,
            unwritten,
        }
    }

    pub(super) fn worker(&self, now: Instant) -> Worker {
        Worker {
            slot: self.slot,
            pid: self.pid,
            version: self.version,
            born: ago(now, self.age_ms),
            replaced_in: self.replaced_in_ms.map(Duration::from_millis),
            state: self.state.state(now),
            was_ready: self.was_ready,
        }
    }
}

impl StateRecord {
    fn of(state: State, now: Instant) -> Self {
        let left = |until: Instant| millis(until.saturating_duration_since(now));
        match state {
            State::Starting { ready_by } => StateRecord::Starting(left(ready_by)),
            State::Ready { since } => StateRecord::Ready(millis(now - since)),
            State::Draining { gone_by } => StateRecord::Draining(left(gone_by)),
            // A worker that was reaped is in no fleet.
            State::Killed | State::Exited => StateRecord::Killed,
        }
    }

    fn state(self, now: Instant) -> State {
        let within = |left| now + Duration::from_millis(left);
        match self {
            StateRecord::Starting(left) => State::Starting { ready_by: within(left) },
            StateRecord::Ready(age) => State::Ready { since: ago(now, age) },
            StateRecord::Draining(left) => State::Draining { gone_by: within(left) },
            StateRecord::Killed => State::Killed,
        }
    }
}

impl WorkersRecord {
    pub(super) fn fleet(&self, now: Instant) -> Fleet {
        let workers = self.workers.iter().map(|record| record.worker(now)).collect();
        Fleet::with(workers, self.starts.iter().copied().collect())
    }
}

/// The machine may not have run for that long, if the record is wrong: then it is now.
fn ago(now: Instant, millis: u64) -> Instant {
    now.checked_sub(Duration::from_millis(millis)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_as_old_and_as_overdue_afterwards_as_before() {
        let now = Instant::now() + Duration::from_mins(10);
        let at = |seconds| now + Duration::from_secs(seconds);
        let ago = |seconds| now.checked_sub(Duration::from_secs(seconds)).expect("it is later");
        let states = [
            State::Starting { ready_by: at(5) },
            State::Ready { since: ago(60) },
            State::Draining { gone_by: at(7) },
            State::Killed,
        ];
        for state in states {
            let worker = Worker {
                slot: Slot(2),
                pid: Pid(4242),
                version: Version::FIRST,
                born: ago(100),
                replaced_in: Some(Duration::from_millis(30)),
                state,
                was_ready: true,
            };
            let record = WorkerRecord::of(&worker, vec![1], vec![2], now);
            let json = serde_json::to_string(&record).expect("it can be written");
            let read: WorkerRecord = serde_json::from_str(&json).expect("it can be read");
            assert_eq!(read, record);
            let later = at(1);
            let mut same = read.worker(now);
            assert_eq!(same, worker);
            // In another second it is another moment, and the same distance.
            same = read.worker(later);
            assert_eq!(later - same.born, now - worker.born);
            let left = |worker: &Worker, now| worker.state.deadline().map(|by| by - now);
            assert_eq!(left(&same, later), left(&worker, now));
        }
    }
}
