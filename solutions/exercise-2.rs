//! Exercise 2: a rolling restart system (45 to 60 minutes).
//!
//! A primary and four workers serve version 1.0.0. SIGUSR2 to the primary asks for the next minor
//! version: every worker is replaced, one slot at a time, and no request is lost. A version that
//! does not come up is given up; a worker that dies is replaced.
//!
//! The numbered functions are yours; the rest stays, though you may add to it. Workers are given:
//! they serve, drain, and fail on demand. What you may call is in `rolling_restart::given`.
//!
//! ```text
//! read     guides 02-worker-lifecycle and 03-rolling-restarts     cargo xtask guide 2, guide 3
//! look up  crates/02-rolling-restart/src/given/       cargo doc --package rolling-restart --open
//! watch    a finished cluster do it                   cargo xtask run 02-rolling-restart
//! check    all promises, easiest first                cargo xtask check exercise-2
//! stuck    a nudge, then more                         cargo xtask hint exercise-2
//! ```

use std::{collections::BTreeMap, process::ExitCode, time::Instant};

use events::Exit;
use rolling_restart::given::{
    self, Config, Intent, Intents, Notice, Progress, State, Version, Worker, Workers,
};

fn main() -> ExitCode {
    given::run(primary)
}

/// Keeps a worker in each slot and rolls on demand, until a signal asks for the end.
async fn primary(config: Config, workers: Workers, mut intents: Intents) -> ExitCode {
    let mut cluster = Cluster::new(config, workers);
    for slot in 1..=cluster.config.workers {
        cluster.workers.start(slot, Version::FIRST).await;
    }
    cluster.workers.announce();
    loop {
        let now = Instant::now();
        cluster.go_on(now).await;
        let deadline = cluster.deadline(now);
        tokio::select! {
            notice = cluster.workers.next() => match notice {
                Notice::Ready(_) | Notice::Draining(_) | Notice::Drained { .. } => {}
                Notice::Exited(worker, _) => cluster.lost(worker).await,
            },
            intent = intents.next() => match intent {
                Intent::Roll => cluster.roll().await,
                Intent::RollBack => cluster.roll_back().await,
                Intent::Shutdown | Intent::ShutdownNow => break,
            },
            () = given::at(deadline) => {}
        }
    }
    cluster.shut_down(intents).await
}

/// What the primary knows.
struct Cluster {
    config: Config,
    workers: Workers,
    /// The version that each slot shall run in the end.
    goal: Version,
    /// The last version that was asked for, good or bad. No version is tried twice.
    latest: Version,
    /// The version before the last roll that went well.
    previous: Option<Version>,
    roll: Option<Roll>,
    /// For each slot: how many of its workers died in a row, and when it may have the next one.
    deaths: BTreeMap<u32, (u32, Instant)>,
    /// What `GET /roll` says.
    progress: Progress,
}

/// A roll under way, or on its way back.
struct Roll {
    /// The version to go back to.
    from: Version,
    /// The version that was asked for.
    to: Version,
    began: Instant,
    /// Whether it was asked for again meanwhile.
    again: bool,
}

/// One thing to do.
enum Step {
    /// Start a worker of this version in this slot.
    Start(u32, Version),
    /// Tell this worker to drain.
    Drain(u32),
}

impl Cluster {
    fn new(config: Config, workers: Workers) -> Self {
        Cluster {
            config,
            workers,
            goal: Version::FIRST,
            latest: Version::FIRST,
            previous: None,
            roll: None,
            deaths: BTreeMap::new(),
            progress: Progress::steady(Version::FIRST),
        }
    }

    /// Sees who is late, takes every step that is allowed, and notices when a roll has arrived.
    async fn go_on(&mut self, now: Instant) {
        self.end_the_late(now).await;
        let is_late = |roll: &&Roll| now >= roll.began + self.config.roll_timeout;
        if let Some(roll) = self.roll.as_ref().filter(is_late) {
            self.give_up(roll.to, "the roll takes too long").await;
        }
        loop {
            while let Some(step) = self.next_step(now) {
                match step {
                    Step::Start(slot, version) => self.workers.start(slot, version).await,
                    Step::Drain(pid) => self.workers.drain(pid).await,
                }
            }
            if self.roll.is_none() || !self.workers.are_settled(self.goal, now) {
                return;
            }
            self.arrive().await;
        }
    }

    async fn end_the_late(&mut self, now: Instant) {
        for worker in self.workers.late(now) {
            self.late(worker).await;
        }
    }

    /// 1. A worker was reaped; this is what it was before.
    ///
    /// Was it told to go? If not, its slot needs another one: at once after the first death, after
    /// `config.restart_delay` from the second in a row on, each time twice as long, up to
    /// `config.restart_delay_max`. One that was ready for longer ends the row. And if its version is
    /// being rolled out, its death may tell something about it.
    async fn lost(&mut self, worker: Worker) {
        let reason = match worker.state {
            State::Starting { .. } => "a worker died before it was ready",
            State::Ready { .. } if self.workers.is_available(&worker, Instant::now()) => {
                return self.count_death(&worker);
            }
            State::Ready { .. } => "a worker died right after it was ready",
            State::Draining { .. } | State::Killed | State::Exited => return,
        };
        self.count_death(&worker);
        self.give_up(worker.version, reason).await;
    }

    fn count_death(&mut self, worker: &Worker) {
        let (first, most) = (self.config.restart_delay, self.config.restart_delay_max);
        let now = Instant::now();
        let (deaths, not_before) = self.deaths.entry(worker.slot).or_insert((0, now));
        let served = worker.state.ready_since().is_some_and(|since| since.elapsed() > most);
        *deaths = if served { 1 } else { *deaths + 1 };
        *not_before = match *deaths {
            1 => now,
            many => now + first.saturating_mul(1 << (many - 2).min(20)).min(most),
        };
    }

    /// 2. Somebody wants the next minor version after the latest that was asked for. During a roll
    ///    that is remembered, and is one more roll, however often it was asked for.
    async fn roll(&mut self) {
        if let Some(roll) = &mut self.roll {
            roll.again = true;
            return;
        }
        self.latest = self.latest.next_minor();
        self.begin(self.latest).await;
    }

    async fn begin(&mut self, to: Version) {
        self.roll = Some(Roll { from: self.goal, to, began: Instant::now(), again: false });
        self.goal = to;
        self.deaths.clear();
        self.progress.begin(to);
        self.workers.publish(&self.progress).await;
    }

    /// 3. The next step that is allowed now; `None` when there is something to wait for. Nothing is
    ///    started in a slot before its `deaths` say so.
    ///
    /// An empty slot gets a worker: an old one while no new one is ready (until then none of those
    /// fills a slot), then a new one. An old one gets a new one beside it, and drains when that is
    /// available. At most `workers + max_surge` are alive; a drain leaves `workers` that are ready.
    fn next_step(&self, now: Instant) -> Option<Step> {
        let all = self.workers.all();
        let slots = self.config.workers as usize;
        if self.roll.is_none() && all.len() == slots {
            return None;
        }
        let room = (slots + self.config.max_surge as usize).saturating_sub(all.len());
        let can_spare_one = all.iter().filter(|worker| worker.state.is_ready()).count() > slots;
        let may_start =
            |slot: u32| self.deaths.get(&slot).is_none_or(|(_, not_before)| now >= *not_before);
        let staying = |s: u32| all.iter().filter(move |w| w.slot == s && w.state.is_staying());
        let slots = 1..=self.config.workers;
        // While nobody of the new version is ready, a crash is no reason to spread it.
        let is_proven = all.iter().any(|w| w.version == self.goal && w.state.is_ready());
        let filler = self.roll.as_ref().filter(|_| !is_proven).map_or(self.goal, |roll| roll.from);
        let fills = |w: &Worker| filler == self.goal || w.version != self.goal;
        let empty: Vec<u32> = slots.clone().filter(|s| !staying(*s).any(fills)).collect();
        if let Some(slot) = empty.iter().find(|slot| room > 0 && may_start(**slot)) {
            return Some(Step::Start(*slot, filler));
        }
        // The place of an empty slot that has to wait is kept: it is missed already.
        let may_surge = |slot: u32| room > empty.len() && may_start(slot);
        slots.clone().find_map(|slot| {
            let old = staying(slot).find(|worker| worker.version != self.goal)?;
            match staying(slot).find(|worker| worker.version == self.goal) {
                None if may_surge(slot) => Some(Step::Start(slot, self.goal)),
                Some(new) if self.workers.is_available(new, now) => {
                    let is_missed = old.state.is_ready() && !can_spare_one;
                    (!is_missed).then_some(Step::Drain(old.pid))
                }
                Some(_) | None => None,
            }
        })
    }

    /// 4. `worker` was not ready in time (a death in its slot's row, too), or not gone in time.
    async fn late(&mut self, worker: Worker) {
        self.workers.kill(worker.pid, "its time is up");
        if worker.state.is_starting() {
            self.count_death(&worker);
            self.give_up(worker.version, "a worker was not ready in time").await;
        }
    }

    /// 5. Something is wrong with `version`. If it is the one that is being rolled out, every slot
    ///    goes back to the one before it, which has no `deaths` to answer for.
    async fn give_up(&mut self, version: Version, reason: &str) {
        let Some(roll) = self.roll.as_ref().filter(|_| self.goal == version) else { return };
        self.goal = roll.from;
        self.deaths.clear();
        self.progress.abandon(self.goal, reason);
        self.workers.publish(&self.progress).await;
    }

    /// 6. Every slot runs what it shall run, so the roll is over, well or badly.
    async fn arrive(&mut self) {
        let Some(roll) = self.roll.take() else { return };
        if self.goal == roll.to {
            self.previous = Some(roll.from);
        }
        let replaced = self.workers.replaced(roll.to);
        self.progress.finish(roll.to, roll.began.elapsed(), replaced);
        self.workers.publish(&self.progress).await;
        if roll.again {
            self.roll().await;
        }
    }

    /// 7. Drains every worker, whatever its version, and waits until the last one is gone.
    ///
    /// The exit code is 0 if everything was finished, and 1 if anything was cut off: by a drain
    /// timeout, by `Intent::ShutdownNow`, or by a worker that died on the way.
    async fn shut_down(mut self, mut intents: Intents) -> ExitCode {
        self.workers.stop_listening();
        for worker in self.workers.all().to_vec() {
            self.workers.drain(worker.pid).await;
        }
        let mut is_clean = true;
        while !self.workers.all().is_empty() {
            let deadline = self.workers.deadline(Instant::now());
            tokio::select! {
                notice = self.workers.next() => match notice {
                    Notice::Ready(_) | Notice::Draining(_) => {}
                    Notice::Drained { cut, .. } => is_clean &= cut == 0,
                    Notice::Exited(_, exit) => is_clean &= exit == Exit::Code(0),
                },
                intent = intents.next() => if intent == Intent::ShutdownNow {
                    self.workers.kill_all("a second signal");
                },
                () = given::at(deadline) => self.end_the_late(Instant::now()).await,
            }
        }
        if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// 8. Beyond the exercise: somebody wants the version before this one.
    async fn roll_back(&mut self) {
        match (&self.roll, self.previous) {
            (Some(roll), _) => self.give_up(roll.to, "somebody wants the version before it").await,
            (None, Some(previous)) => self.begin(previous).await,
            (None, None) => {}
        }
    }

    /// When something will be late, or allowed, that was not at `now`.
    fn deadline(&self, now: Instant) -> Option<Instant> {
        let allowed = self.deaths.values().map(|(_, not_before)| *not_before);
        let late = self.roll.as_ref().map(|roll| roll.began + self.config.roll_timeout);
        let ahead = allowed.chain(late).filter(|at| *at > now);
        ahead.chain(self.workers.deadline(now)).min()
    }
}
