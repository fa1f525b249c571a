//! The driver of a primary: hear the heartbeats, look at everybody, judge, act.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::{Duration, Instant},
};

use events::{Condition, Event, Exit, Level, emit};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    alerts::Alerts,
    board::{Board, News},
    given::{
        Admin, Config, Deaths, Health, Intent, Intents, Notice, SlotHealth, SlotState, State,
        Status, Version, Webhook, Worker, Workers, at, shut_down,
    },
    totals::Totals,
    triage::{Case, Move, Need, has_majority, next_move},
    verdict::Verdict,
    ward::Ward,
};

/// Why a silent worker is killed, as its event says. The alert has the figures.
const SILENT: &str = "its heartbeats stopped";

/// Keeps `config.workers` healthy workers running until a signal asks for the end.
///
/// The exit code is 0 when everything was drained, and 1 when work was cut off.
pub async fn primary(
    config: Config,
    workers: Workers,
    mut admin: Admin,
    mut intents: Intents,
) -> ExitCode {
    let mut primary = Primary::new(config, workers);
    primary.make_moves().await;
    primary.workers.announce();
    let mut looks = interval(primary.config.heartbeat);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reports = interval(primary.config.report);
    reports.reset();
    loop {
        let deadline = primary.deadline();
        tokio::select! {
            // Heartbeats that have arrived are heard before anybody is judged.
            biased;
            notice = primary.workers.next() => primary.hear(notice),
            intent = intents.next() => match intent {
                Intent::Shutdown | Intent::ShutdownNow => {
                    return shut_down(primary.config.drain_timeout, primary.workers, intents).await;
                }
                Intent::Roll | Intent::RollBack => {}
            },
            question = admin.next() => question.answer(primary.health()),
            due = looks.tick() => primary.look(due.elapsed()),
            _ = reports.tick() => primary.report(),
            () = at(deadline) => primary.end_the_late(),
        }
        primary.make_moves().await;
    }
}

struct Primary {
    config: Config,
    workers: Workers,
    /// Everybody who is ready, or was when last heard of.
    wards: BTreeMap<u32, Ward>,
    deaths: Deaths,
    /// How many workers were started in each slot.
    starts: BTreeMap<u32, u64>,
    given_up: BTreeSet<u32>,
    totals: Totals,
    board: Board,
    alerts: Alerts,
}

impl Primary {
    fn new(config: Config, workers: Workers) -> Self {
        Primary {
            deaths: Deaths::new(&config),
            alerts: Alerts::start(Webhook::new(&config)),
            config,
            workers,
            wards: BTreeMap::new(),
            starts: BTreeMap::new(),
            given_up: BTreeSet::new(),
            totals: Totals::default(),
            board: Board::default(),
        }
    }

    fn hear(&mut self, notice: Notice) {
        let now = Instant::now();
        match notice {
            Notice::Ready(worker) => {
                self.wards.insert(worker.pid, Ward::new(worker.pid, &self.config, now));
                self.tell_the_board(worker.slot);
            }
            Notice::Report(worker, beat) => {
                if let Some(ward) = self.wards.get_mut(&worker.pid) {
                    ward.heard(beat, now);
                }
            }
            Notice::Draining(_) | Notice::Drained { .. } => {}
            Notice::Exited(worker, exit) => self.lost(worker, exit),
        }
    }

    /// A worker was reaped. If nobody wanted that, it is a death.
    fn lost(&mut self, worker: Worker, exit: Exit) {
        let slot = worker.slot;
        if let Some(ward) = self.wards.remove(&worker.pid) {
            self.totals.keep(slot, ward.counts());
        }
        match worker.state {
            State::Starting { .. } | State::Ready { .. } => {
                self.count_death(&worker);
                let text = format!("died: {exit}");
                self.say(slot, Some(worker.pid), Level::Critical, Condition::Died, text);
            }
            // It was told to go, or killed: whoever decided that has counted and said it.
            State::Draining { .. } | State::Killed | State::Exited => {}
        }
        self.give_up_if_hopeless(slot);
    }

    fn count_death(&mut self, worker: &Worker) {
        if self.deaths.count(worker) > self.config.max_restarts {
            self.given_up.insert(worker.slot);
        }
    }

    fn give_up_if_hopeless(&mut self, slot: u32) {
        if self.given_up.contains(&slot) && self.in_slot(slot).next().is_none() {
            let text = format!("given up after {} restarts in a row", self.config.max_restarts);
            self.say(slot, None, Level::Critical, Condition::GivenUp, text);
        }
    }

    /// Looks at everybody, `late` after it meant to.
    fn look(&mut self, late: Duration) {
        let now = Instant::now();
        for worker in self.workers.all().to_vec() {
            let Some(ward) = self.wards.get_mut(&worker.pid) else { continue };
            let must_drain = ward.look(worker.pid, &self.config, late, now);
            self.tell_the_board(worker.slot);
            if must_drain {
                // Slots whose workers must be replaced again and again are in a loop, too.
                self.count_death(&worker);
            }
        }
    }

    fn end_the_late(&mut self) {
        for worker in self.workers.late(Instant::now()) {
            if worker.state.is_starting() {
                self.count_death(&worker);
                let text = "not ready in time".to_owned();
                self.say(worker.slot, Some(worker.pid), Level::Critical, Condition::Died, text);
            }
            self.workers.tick(worker.pid, Instant::now());
        }
    }

    async fn make_moves(&mut self) {
        loop {
            let (cases, slots, now) = (self.cases(), self.hopeful(), Instant::now());
            let may_start = |slot| self.deaths.may_start(slot, now);
            match next_move(&cases, &slots, may_start) {
                Some(Move::Start(slot)) => {
                    *self.starts.entry(slot).or_default() += 1;
                    self.workers.start(slot, Version::FIRST).await;
                }
                Some(Move::Drain(pid)) => self.workers.drain(pid).await,
                Some(Move::Kill(pid)) => {
                    if let Some(worker) = self.workers.fleet().get(pid) {
                        self.count_death(&worker);
                    }
                    self.workers.kill(pid, SILENT);
                }
                None => return,
            }
        }
    }

    /// The board hears of a slot as its youngest ready worker is, if there is one: what was said of
    /// a slot without one stays true.
    fn tell_the_board(&mut self, slot: u32) {
        let ready = self.in_slot(slot).filter(|worker| worker.state.is_ready());
        let Some(worker) = ready.max_by_key(|worker| worker.born).copied() else { return };
        let Some(ward) = self.wards.get(&worker.pid) else { return };
        let (level, condition, text) = match ward.verdict.clone() {
            Verdict::Healthy => {
                let alert = self.board.change(slot, Some(worker.pid), None);
                return alert.into_iter().for_each(|alert| self.alerts.raise(alert));
            }
            Verdict::Warn(condition, text) => (Level::Warning, condition, text),
            Verdict::Drain(condition, text) | Verdict::Kill(condition, text) => {
                (Level::Critical, condition, text)
            }
        };
        self.say(slot, Some(worker.pid), level, condition, text);
    }

    fn say(
        &mut self,
        slot: u32,
        pid: Option<u32>,
        level: Level,
        condition: Condition,
        text: String,
    ) {
        if let Some(alert) = self.board.change(slot, pid, Some(News { level, condition, text })) {
            self.alerts.raise(alert);
        }
    }

    fn report(&self) {
        let Health { ready, workers, .. } = self.health();
        let requests = workers.iter().map(|slot| slot.requests).sum();
        let errors = workers.iter().map(|slot| slot.errors).sum();
        emit(&Event::Report { ready, workers: workers.len(), requests, errors });
    }

    fn health(&self) -> Health {
        let slots: Vec<u32> = (1..=self.config.workers).collect();
        let workers: Vec<SlotHealth> = slots.iter().map(|slot| self.slot_health(*slot)).collect();
        let ready = workers.iter().filter(|slot| slot.state == SlotState::Ready).count();
        let status = match ready {
            all if all == slots.len() => Status::Healthy,
            _ if has_majority(&self.cases(), &slots) => Status::Degraded,
            _ => Status::Unhealthy,
        };
        Health { status, ready, workers }
    }

    fn slot_health(&self, slot: u32) -> SlotHealth {
        let there = || self.in_slot(slot).filter(|worker| worker.state.is_staying());
        let worker = there().find(|worker| worker.state.is_ready()).or_else(|| there().next());
        let ward = worker.and_then(|worker| self.wards.get(&worker.pid));
        let state = match (worker, ward.map(Ward::need)) {
            (None, _) if self.given_up.contains(&slot) => SlotState::GivenUp,
            (None, _) => SlotState::Empty,
            (Some(_), None) => SlotState::Starting,
            (Some(_), Some(Need::None)) => SlotState::Ready,
            (Some(_), Some(Need::Drain | Need::Kill)) => SlotState::Sick,
        };
        let living = self.in_slot(slot).filter_map(|worker| self.wards.get(&worker.pid));
        let total = self.totals.of(slot, living.map(Ward::counts));
        SlotHealth {
            worker: slot,
            state,
            pid: worker.map(|worker| worker.pid),
            alert: self.board.get(slot),
            vitals: worker.zip(ward).map(|(worker, ward)| ward.vitals(worker.pid, Instant::now())),
            requests: total.requests,
            errors: total.errors,
            cpu: total.cpu,
            restarts: self.starts.get(&slot).map_or(0, |starts| starts.saturating_sub(1)),
        }
    }

    fn cases(&self) -> Vec<Case> {
        let case = |worker: &Worker| {
            let need = self.wards.get(&worker.pid).map_or(Need::None, Ward::need);
            Case { slot: worker.slot, pid: worker.pid, state: worker.state, need }
        };
        self.workers.all().iter().map(case).collect()
    }

    /// The slots that shall have a worker.
    fn hopeful(&self) -> Vec<u32> {
        (1..=self.config.workers).filter(|slot| !self.given_up.contains(slot)).collect()
    }

    fn in_slot(&self, slot: u32) -> impl Iterator<Item = &Worker> {
        self.workers.fleet().in_slot(slot)
    }

    fn deadline(&self) -> Option<Instant> {
        let now = Instant::now();
        self.workers.deadline(now).into_iter().chain(self.deaths.deadline(now)).min()
    }
}
