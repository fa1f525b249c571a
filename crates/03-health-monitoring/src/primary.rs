//! The driver of a primary: hear the heartbeats, look at everybody, judge, act.

use std::{
    collections::BTreeMap,
    mem,
    process::ExitCode,
    time::{Duration, Instant},
};

use events::{Condition, Exit, emit};

use crate::{
    alerts::Alerts,
    board,
    given::{
        Admin, Config, Deaths, Health, Intent, Intents, News, Notice, Patient, Slot, Version,
        Webhook, Worker, Workers, at, every, shut_down,
    },
    totals,
    triage::{self, Case, Move, Need, next_move},
    verdict::{Signs, Thresholds, Verdict, judge},
    watch,
};

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
    primary.make_moves(Instant::now()).await;
    primary.workers.announce();
    let mut looks = every(primary.config.heartbeat);
    let mut reports = every(primary.config.report);
    loop {
        // One look at the clock for each turn: whatever falls due after it is ahead.
        let now = Instant::now();
        primary.make_moves(now).await;
        let deadline = primary.deadline(now);
        tokio::select! {
            // What was read is heard before anybody is judged.
            biased;
            notice = primary.workers.next() => primary.hear(notice),
            intent = intents.next() => match intent {
                Intent::Shutdown | Intent::ShutdownNow => {
                    let Primary { config, workers, .. } = primary;
                    return shut_down(&config, workers, admin, intents).await;
                }
                Intent::Roll | Intent::RollBack => {}
            },
            question = admin.next() => question.answer(primary.health()),
            due = looks.tick() => primary.look(due.elapsed()),
            _ = reports.tick() => emit(&primary.health().report()),
            () = at(deadline) => primary.end_the_late(),
        }
    }
}

struct Primary {
    config: Config,
    workers: Workers,
    /// Everybody who was ready, by process.
    patients: BTreeMap<u32, Patient>,
    slots: BTreeMap<u32, Slot>,
    deaths: Deaths,
    alerts: Alerts,
}

impl Primary {
    fn new(config: Config, workers: Workers) -> Self {
        Primary {
            patients: BTreeMap::new(),
            slots: (1..=config.workers).map(|number| (number, Slot::default())).collect(),
            deaths: Deaths::new(&config),
            alerts: Alerts::start(Webhook::new(&config)),
            config,
            workers,
        }
    }

    fn hear(&mut self, notice: Notice) {
        match notice {
            Notice::Ready(worker) => {
                self.patients.insert(worker.pid, Patient::new(&worker, &self.config));
                self.slots.entry(worker.slot).or_default().given_up = None;
                self.say(worker.slot, Some(worker.pid), None);
            }
            Notice::Report(worker, beat) => {
                if let Some(patient) = self.patients.get_mut(&worker.pid) {
                    watch::hear(patient, beat, Instant::now());
                }
            }
            Notice::Draining(_) | Notice::Drained { .. } => {}
            Notice::Exited(worker, exit) => self.lost(worker, exit),
        }
    }

    /// A worker was reaped. If it was neither told to go nor killed, it has died.
    fn lost(&mut self, worker: Worker, exit: Exit) {
        if let (Some(patient), Some(slot)) =
            (self.patients.remove(&worker.pid), self.slots.get_mut(&worker.slot))
        {
            totals::keep(slot, patient.counts());
        }
        if worker.state.is_staying() {
            self.say_died(&worker, format!("died: {exit}"));
        }
    }

    fn say_died(&mut self, worker: &Worker, text: String) {
        let news = News::critical(Condition::Died, text);
        self.say(worker.slot, Some(worker.pid), Some(news));
        self.count_death(worker);
    }

    fn count_death(&mut self, worker: &Worker) {
        let Some(slot) = self.slots.get_mut(&worker.slot) else { return };
        if self.deaths.count(worker) > self.config.max_restarts {
            let before = slot.given_up.replace(Instant::now());
            let text = format!("given up after {} restarts in a row", self.config.max_restarts);
            let news = News::critical(Condition::GivenUp, text);
            if before.is_none() {
                self.tell(worker.slot, None, Some(news));
            }
        }
    }

    /// Looks at everybody, `late` after it meant to.
    fn look(&mut self, late: Duration) {
        let now = Instant::now();
        let ready = self.workers.all().iter().filter(|worker| worker.state.is_ready());
        for worker in ready.copied().collect::<Vec<Worker>>() {
            let Some(patient) = self.patients.get_mut(&worker.pid) else { continue };
            patient.excuse(late, now);
            patient.examine(worker.pid, now);
            let verdict = judge(signs(patient, now), thresholds(&self.config));
            // Who must drain never gets well again: without requests there are no errors either.
            let must_drain = matches!(patient.verdict, Verdict::Drain(..));
            if must_drain && !matches!(verdict, Verdict::Kill(..)) {
                continue;
            }
            let before = mem::replace(&mut patient.verdict, verdict.clone());
            self.say(worker.slot, Some(worker.pid), verdict.news());
            if before.is_reliable() && !verdict.is_reliable() {
                // A slot whose workers must be replaced again and again is in a loop, too.
                self.count_death(&worker);
            }
        }
    }

    fn end_the_late(&mut self) {
        for worker in self.workers.late(Instant::now()) {
            self.workers.tick(worker.pid, Instant::now());
            if worker.state.is_starting() {
                self.say_died(&worker, "not ready in time".to_owned());
            }
        }
    }

    async fn make_moves(&mut self, now: Instant) {
        loop {
            let (cases, slots) = (self.cases(), self.hopeful(now));
            let may_start = |slot| self.deaths.may_start(slot, now);
            match next_move(&cases, &slots, may_start) {
                Some(Move::Start(slot)) => self.workers.start(slot, Version::FIRST).await,
                Some(Move::Drain(pid)) => self.workers.drain(pid).await,
                Some(Move::Kill(pid)) => self.workers.kill(pid, "its heartbeats stopped"),
                None => return,
            }
        }
    }

    /// Slot `number`, filled by the process `pid`, is like `news` now. Of one that was given up there
    /// is nothing more to say.
    fn say(&mut self, number: u32, pid: Option<u32>, news: Option<News>) {
        if self.slots.get(&number).is_some_and(|slot| slot.given_up.is_none()) {
            self.tell(number, pid, news);
        }
    }

    fn tell(&mut self, number: u32, pid: Option<u32>, news: Option<News>) {
        let slot = self.slots.get_mut(&number);
        let alert = slot.and_then(|slot| board::change(slot, number, pid, news));
        if let Some(alert) = alert {
            self.alerts.raise(alert);
        }
    }

    fn health(&self) -> Health {
        Health::new(&self.slots, &self.workers, &self.patients, triage::status)
    }

    fn cases(&self) -> Vec<Case> {
        let case = |worker: &Worker| {
            let patient = self.patients.get(&worker.pid);
            let need = patient.map_or(Need::None, |patient| Need::after(&patient.verdict));
            Case { slot: worker.slot, pid: worker.pid, state: worker.state, need }
        };
        self.workers.all().iter().map(case).collect()
    }

    /// The slots that shall have a worker: none that was given up, but for one start each
    /// `RETRY_AFTER_MS`. If that worker is never ready, its death gives the slot up anew.
    fn hopeful(&self, now: Instant) -> Vec<u32> {
        let retry_after = self.config.retry_after;
        let shall = |slot: &Slot| slot.given_up.is_none_or(|since| now >= since + retry_after);
        let hopeful = self.slots.iter().filter(|(_, slot)| shall(slot));
        hopeful.map(|(number, _)| *number).collect()
    }

    /// When somebody will be late, or a start allowed, that was not at `now`.
    fn deadline(&self, now: Instant) -> Option<Instant> {
        let given_up = self.slots.values().filter_map(|slot| slot.given_up);
        let retries = given_up.map(|since| since + self.config.retry_after);
        let starts = retries.chain(self.deaths.deadline(now)).filter(|at| *at > now);
        starts.chain(self.workers.deadline(now)).min()
    }
}

fn signs(patient: &Patient, now: Instant) -> Signs {
    let counts = patient.window.counts();
    Signs {
        silence: watch::silence(patient.heard, patient.excused, now),
        rss_bytes: patient.figures.rss_bytes,
        requests: counts.requests,
        errors: counts.errors,
        cpu_percent: patient.window.cpu_percent(),
    }
}

fn thresholds(config: &Config) -> Thresholds {
    Thresholds {
        timeout: config.heartbeat_timeout,
        memory: config.memory_limit,
        errors: config.error_rate_limit,
        min_requests: config.min_requests,
        cpu: config.cpu_limit,
    }
}
