//! The driver of a primary: hear the heartbeats, check every worker, judge, act.

use std::{
    collections::BTreeMap,
    mem,
    process::ExitCode,
    time::{Duration, Instant},
};

use health_monitoring::{
    Admin, Condition, Config, Exit, Finding, Health, Intents, Move, Notice, Pid, RestartHistory,
    Slot, SlotRecord, Verdict, Webhook, Worker, WorkerHealth, Workers, at, emit, every, shut_down,
};

use crate::{
    active_alerts,
    delivery::Delivery,
    judge::{Signs, Thresholds, judge},
    replacement::{self, Candidate, Need, next_move},
};

/// Keeps a healthy worker in each slot until a signal asks for the end.
///
/// The exit code is 0 when everything was drained, and 1 when work was cut off.
pub(crate) async fn primary(
    config: Config,
    workers: Workers,
    mut admin: Admin,
    mut intents: Intents,
) -> ExitCode {
    let mut primary = Primary::new(config, workers);
    primary.make_moves(Instant::now());
    primary.workers.announce();
    let mut checks = every(primary.config.heartbeat);
    let mut reports = every(primary.config.report);
    loop {
        // One look at the clock for each turn: what falls due after it is still ahead.
        let now = Instant::now();
        primary.make_moves(now);
        let deadline = primary.deadline(now);
        tokio::select! {
            // The primary reads what has arrived before it judges any worker.
            biased;
            notice = primary.workers.next() => primary.hear(notice),
            _ = intents.next() => break,
            question = admin.next() => question.answer(primary.health()),
            due = checks.tick() => primary.check(due.elapsed()),
            _ = reports.tick() => emit(primary.health().report()),
            () = at(deadline) => primary.kill_overdue(),
        }
    }
    shut_down(primary.workers, admin, intents).await
}

struct Primary {
    config: Config,
    workers: Workers,
    /// Every worker that was ready, by process.
    monitored: BTreeMap<Pid, WorkerHealth>,
    slots: BTreeMap<Slot, SlotRecord>,
    history: RestartHistory,
    delivery: Delivery,
}

impl Primary {
    fn new(config: Config, workers: Workers) -> Self {
        Primary {
            monitored: BTreeMap::new(),
            slots: workers.slots().map(|slot| (slot, SlotRecord::default())).collect(),
            history: RestartHistory::with_settings(&config.shared),
            delivery: Delivery::start(Webhook::new(&config)),
            config,
            workers,
        }
    }

    fn hear(&mut self, notice: Notice) {
        match notice {
            Notice::Ready(worker) => {
                let health = WorkerHealth::new(&worker, &self.config);
                self.monitored.insert(worker.pid, health);
                self.slots.entry(worker.slot).or_default().given_up = None;
                self.update_alert(worker.slot, Some(worker.pid), None);
            }
            Notice::Report(worker, heartbeat) => {
                if let Some(health) = self.monitored.get_mut(&worker.pid) {
                    health.heard = Instant::now();
                    health.heartbeat = heartbeat;
                }
            }
            Notice::Draining(_) | Notice::Drained { .. } => {}
            Notice::Exited(worker, exit) => self.lost(worker, exit),
        }
    }

    /// A worker was reaped. If the primary neither told it to go nor killed it, it has died.
    fn lost(&mut self, worker: Worker, exit: Exit) {
        // A worker counts from zero, and a counter that falls at each replacement makes nonsense of
        // every rate. So the slot keeps what its workers that are gone have counted.
        if let (Some(health), Some(record)) =
            (self.monitored.remove(&worker.pid), self.slots.get_mut(&worker.slot))
        {
            record.gone = record.gone + health.counts();
        }
        if worker.state.is_staying() {
            self.died(&worker, format!("died: {exit}"));
        }
    }

    fn died(&mut self, worker: &Worker, text: String) {
        let finding = Finding::critical(Condition::Died, text);
        self.update_alert(worker.slot, Some(worker.pid), Some(finding));
        self.count_death(worker);
    }

    fn count_death(&mut self, worker: &Worker) {
        let Some(record) = self.slots.get_mut(&worker.slot) else { return };
        if self.history.count(worker) > self.config.max_restarts {
            let before = record.given_up.replace(Instant::now());
            let limit = self.config.max_restarts;
            let text = format!("given up after {limit} consecutive restarts");
            if before.is_none() {
                self.alert(worker.slot, None, Some(Finding::critical(Condition::GivenUp, text)));
            }
        }
    }

    /// Checks every worker that is ready, `late` after it was due.
    fn check(&mut self, late: Duration) {
        let now = Instant::now();
        let ready = self.workers.all().iter().filter(|worker| worker.state.is_ready());
        for worker in ready.copied().collect::<Vec<Worker>>() {
            let Some(health) = self.monitored.get_mut(&worker.pid) else { continue };
            health.allow(late, now);
            health.examine(worker.pid, now);
            let mut verdict = judge(Signs::of(health, now), Thresholds::of(&self.config));
            if !matches!(verdict, Verdict::Kill(..)) {
                // Without requests there are no errors, and yet this worker must go.
                verdict = health.must_drain.clone().unwrap_or(verdict);
            }
            if matches!(verdict, Verdict::Drain(..)) {
                health.must_drain = Some(verdict.clone());
            }
            let before = mem::replace(&mut health.verdict, verdict.clone());
            self.update_alert(worker.slot, Some(worker.pid), verdict.finding());
            if before.is_reliable() && !verdict.is_reliable() {
                // A slot whose workers must be replaced again and again is in a loop, too.
                self.count_death(&worker);
            }
        }
    }

    fn kill_overdue(&mut self) {
        for worker in self.workers.overdue(Instant::now()) {
            // The state before the kill says what it was doing, so it is looked at below.
            self.workers.tick(worker.pid, Instant::now());
            if worker.state.is_starting() {
                self.died(&worker, "not ready in time".to_owned());
            }
        }
    }

    fn make_moves(&mut self, now: Instant) {
        loop {
            let (candidates, slots) = (self.candidates(), self.hopeful(now));
            let may_start = |slot| self.history.may_start(slot, now);
            match next_move(&candidates, &slots, may_start) {
                Some(Move::Start(slot)) => self.workers.start(slot),
                Some(Move::Drain(pid)) => self.workers.drain(pid),
                Some(Move::Kill(pid)) => self.workers.kill(pid, "its heartbeats stopped"),
                None => return,
            }
        }
    }

    /// The last check of `slot`, with the process `pid` in it, found `finding`. A slot that was
    /// given up raises no further alert.
    fn update_alert(&mut self, slot: Slot, pid: Option<Pid>, finding: Option<Finding>) {
        if self.slots.get(&slot).is_some_and(|record| record.given_up.is_none()) {
            self.alert(slot, pid, finding);
        }
    }

    fn alert(&mut self, slot: Slot, pid: Option<Pid>, finding: Option<Finding>) {
        let record = self.slots.get_mut(&slot);
        let alert = record.and_then(|record| active_alerts::update(record, slot, pid, finding));
        if let Some(alert) = alert {
            self.delivery.raise(alert);
        }
    }

    fn health(&self) -> Health {
        Health::new(&self.slots, &self.workers, &self.monitored, replacement::status)
    }

    fn candidates(&self) -> Vec<Candidate> {
        let candidate = |worker: &Worker| {
            let health = self.monitored.get(&worker.pid);
            let need = health.map_or(Need::None, |health| Need::after(&health.verdict));
            Candidate::new(worker, need)
        };
        self.workers.all().iter().map(candidate).collect()
    }

    /// The slots that must have a worker. A slot that was given up isn't among them, except for
    /// one start each `RETRY_AFTER_MS`. If that worker is never ready, its death gives the slot up anew.
    fn hopeful(&self, now: Instant) -> Vec<Slot> {
        let retry_after = self.config.retry_after;
        let is_hopeful =
            |record: &SlotRecord| record.given_up.is_none_or(|since| now >= since + retry_after);
        let hopeful = self.slots.iter().filter(|(_, record)| is_hopeful(record));
        hopeful.map(|(slot, _)| *slot).collect()
    }

    /// When a worker will be overdue, or a start allowed, that was not at `now`.
    fn deadline(&self, now: Instant) -> Option<Instant> {
        let given_up = self.slots.values().filter_map(|record| record.given_up);
        let retries = given_up.map(|since| since + self.config.retry_after);
        let starts = retries.chain(self.history.deadline(now)).filter(|at| *at > now);
        starts.chain(self.workers.deadline(now)).min()
    }
}
