//! What the primary knows of one worker that is ready, or was.

use std::time::{Duration, Instant};

use events::{Pid, millis};

use crate::{
    Config, Counts, Heartbeat, ResourceUsage, Verdict, Window, Worker, health::HeartbeatStatus,
};

/// The health of one worker.
#[derive(Clone, Debug)]
pub struct WorkerHealth {
    /// When the primary heard its last heartbeat; or when it said that it is ready.
    pub heard: Instant,
    /// The starvation allowance: how much of the time since then doesn't count as silence.
    pub allowance: Duration,
    /// The heartbeat since which that is: the next one ends it.
    allowed_since: Instant,
    /// What that heartbeat said.
    pub heartbeat: Heartbeat,
    /// What its process used when it was examined last.
    pub usage: ResourceUsage,
    /// What it has done lately, as of then.
    pub window: Window,
    /// What the last check found.
    pub verdict: Verdict,
    /// The first verdict to drain, which is final.
    pub must_drain: Option<Verdict>,
}

impl WorkerHealth {
    /// `worker` has just said that it is ready.
    #[must_use]
    pub fn new(worker: &Worker, config: &Config) -> Self {
        let (now, usage) = (Instant::now(), ResourceUsage::of(worker.pid).unwrap_or_default());
        let counts = Counts { cpu: usage.cpu, ..Counts::default() };
        WorkerHealth {
            heard: now,
            allowance: Duration::ZERO,
            allowed_since: now,
            heartbeat: Heartbeat::default(),
            usage,
            window: Window::new(config.window, now, counts),
            verdict: Verdict::Healthy,
            must_drain: None,
        }
    }

    /// Reads what its process `pid` uses, allows for the time that it waited for a core, and adds what
    /// it has counted to the window.
    pub fn examine(&mut self, pid: Pid, now: Instant) {
        let before = self.usage;
        self.usage = ResourceUsage::of(pid).unwrap_or(before);
        self.allow(self.usage.starved.saturating_sub(before.starved), now);
        self.window.add(now, self.counts());
    }

    /// Adds `time` to the starvation allowance, which is never more than the silence.
    pub fn allow(&mut self, time: Duration, now: Instant) {
        if self.allowed_since != self.heard {
            (self.allowance, self.allowed_since) = (Duration::ZERO, self.heard);
        }
        self.allowance = (self.allowance + time).min(now.saturating_duration_since(self.heard));
    }

    /// What it has counted since its start, as far as the primary knows.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let Heartbeat { requests, errors, .. } = self.heartbeat;
        Counts { requests, errors, cpu: self.usage.cpu }
    }

    /// How its heartbeats are at this moment.
    pub(crate) fn heartbeat_status(&self) -> HeartbeatStatus {
        let heartbeat_age_ms = millis(self.heard.elapsed());
        HeartbeatStatus { heartbeat_age_ms, lag_ms: self.heartbeat.lag_ms }
    }

    /// What its process `pid` uses at this moment.
    pub(crate) fn usage_now(&self, pid: Pid) -> ResourceUsage {
        ResourceUsage::of(pid).unwrap_or(self.usage)
    }
}
