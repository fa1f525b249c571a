//! Exercise 3: health monitoring with heartbeats (45 to 60 minutes).
//!
//! A primary and three workers, each of which sends a heartbeat every `HEARTBEAT_MS`. The primary checks
//! each worker, replaces a sick one, sends one alert about it, and leaves all others alone.
//!
//! The numbered functions are yours; the rest stays, though you may add to it. Workers are given:
//! they serve, and fall ill on demand. What you may call is in `health_monitoring`.
//!
//! ```text
//! read     guide 04-health-monitoring                 cargo xtask guide 4
//! look up  crates/03-health-monitoring/src/lib.rs     cargo doc --no-deps -p health-monitoring -p supervisor --open
//! watch    a finished cluster do it                   cargo xtask run 03-health-monitoring
//! try      your own cluster, with curl                cargo xtask run exercise-3 --serve
//! check    all promises, easiest first                cargo xtask check exercise-3
//! stuck    a nudge, then more                         cargo xtask hint exercise-3
//! ```

use std::{
    collections::BTreeMap,
    mem,
    process::ExitCode,
    time::{Duration, Instant},
};

use health_monitoring::{
    Admin, Alert, Condition, Config, Counts, Exit, Finding, Health, HealthEvent, Heartbeat,
    HeartbeatSender, Intents, Move, Notice, Pid, RestartHistory, Slot, SlotRecord, Status, Verdict,
    Webhook, Worker, WorkerHealth, Workers, at, emit, every, shut_down,
};
use tokio::time::timeout;

fn main() -> ExitCode {
    health_monitoring::run(primary, heartbeat)
}

/// 1. Runs in each worker that is ready, on the event loop that serves its requests: one
///    `sender.send(lag)` each `sender.interval()`, where `lag` is how late this one is: "and says how
///    late it was".
async fn heartbeat(sender: HeartbeatSender) {
    let mut ticks = every(sender.interval());
    loop {
        let due = ticks.tick().await;
        sender.send(due.elapsed()).await;
    }
}

/// Keeps a healthy worker in each slot, until a signal asks for the end.
async fn primary(
    config: Config,
    workers: Workers,
    mut admin: Admin,
    mut intents: Intents,
) -> ExitCode {
    let mut cluster = Cluster::new(config, workers);
    for slot in cluster.workers.slots() {
        cluster.workers.start(slot);
    }
    cluster.workers.announce();
    let mut checks = every(cluster.config.heartbeat);
    let mut reports = every(cluster.config.report);
    loop {
        let now = Instant::now();
        cluster.go_on(now);
        let deadlines = [cluster.workers.deadline(now), cluster.history.deadline(now)];
        tokio::select! {
            // The primary reads what has arrived before it judges any worker.
            biased;
            notice = cluster.workers.next() => match notice {
                Notice::Ready(worker) => cluster.ready(worker),
                Notice::Report(worker, heartbeat) => cluster.heard(worker, heartbeat),
                Notice::Draining(_) | Notice::Drained { .. } => {}
                Notice::Exited(worker, exit) => cluster.lost(worker, exit),
            },
            _ = intents.next() => break,
            question = admin.next() => question.answer(cluster.health()),
            due = checks.tick() => cluster.check(due.elapsed()),
            _ = reports.tick() => emit(cluster.health().report()),
            () = at(deadlines.into_iter().flatten().min()) => cluster.kill_overdue(),
        }
    }
    shut_down(cluster.workers, admin, intents).await
}

/// What the primary knows.
struct Cluster {
    config: Config,
    workers: Workers,
    webhook: Webhook,
    /// Every worker that was ready, by process.
    monitored: BTreeMap<Pid, WorkerHealth>,
    slots: BTreeMap<Slot, SlotRecord>,
    history: RestartHistory,
}

/// 2. For how long the worker with `health` has been silent: the time since `heard`, when the primary
///    heard its last heartbeat, less the starvation `allowance`, which doesn't count.
fn silence(health: &WorkerHealth, now: Instant) -> Duration {
    (now - health.heard).saturating_sub(health.allowance)
}

/// 3. What the signs say about a worker, the worst first:
///
/// - Kill it when its silence is `heartbeat_timeout` or longer: "A frozen worker is replaced".
/// - Drain it when it has more memory than `memory_limit`: "A worker over its memory limit".
/// - Drain it when more than `error_rate_limit` percent of the requests in its window are errors, and
///   these are at least `min_requests` requests: "A worker over its error rate".
/// - Beyond the exercise: drain it when it uses more of a core than `cpu_limit`: "A worker over
///   `CPU_LIMIT`". Warn at half of the timeout, and above four fifths of the memory limit: "A warning
///   comes".
fn judge(health: &WorkerHealth, config: &Config, now: Instant) -> Verdict {
    let (silence, memory) = (silence(health, now), health.usage.rss_bytes);
    let Counts { requests, errors, .. } = health.window.counts();
    let silent = format!("no heartbeat for {:.1} s", silence.as_secs_f64());
    let heavy = format!("uses {} MB", memory >> 20);
    let limit = u64::from(config.error_rate_limit);
    if silence >= config.heartbeat_timeout {
        return Verdict::Kill(Condition::Heartbeat, silent);
    }
    if memory > config.memory_limit {
        return Verdict::Drain(Condition::Memory, heavy);
    }
    if requests >= config.min_requests && errors * 100 > requests * limit {
        let text = format!("{errors} of {requests} answers are errors");
        return Verdict::Drain(Condition::Errors, text);
    }
    match health.window.cpu_percent().zip(config.cpu_limit) {
        Some((percent, limit)) if percent > limit.into() => {
            Verdict::Drain(Condition::Cpu, format!("uses {percent} % of a core"))
        }
        _ if silence >= config.heartbeat_timeout / 2 => Verdict::Warn(Condition::Heartbeat, silent),
        _ if memory > config.memory_limit / 5 * 4 => Verdict::Warn(Condition::Memory, heavy),
        _ => Verdict::Healthy,
    }
}

impl Cluster {
    fn new(config: Config, workers: Workers) -> Self {
        let slots = workers.slots().map(|slot| (slot, SlotRecord::default())).collect();
        let history = RestartHistory::with_settings(&config.shared);
        let webhook = Webhook::new(&config);
        Cluster { config, workers, webhook, monitored: BTreeMap::new(), slots, history }
    }

    fn record(&mut self, slot: Slot) -> &mut SlotRecord {
        self.slots.entry(slot).or_default()
    }

    fn go_on(&mut self, now: Instant) {
        while let Some(one) = self.next_move(now) {
            match one {
                Move::Start(slot) => self.workers.start(slot),
                Move::Drain(pid) => self.workers.drain(pid),
                Move::Kill(pid) => self.workers.kill(pid, "its heartbeats stopped"),
            }
        }
    }

    fn ready(&mut self, worker: Worker) {
        self.monitored.insert(worker.pid, WorkerHealth::new(&worker, &self.config));
        self.record(worker.slot).given_up = None;
        self.update_alert(worker.slot, Some(worker.pid), None);
    }

    /// 4. `worker` has sent `heartbeat`.
    fn heard(&mut self, worker: Worker, heartbeat: Heartbeat) {
        if let Some(health) = self.monitored.get_mut(&worker.pid) {
            health.heard = Instant::now();
            health.heartbeat = heartbeat;
        }
    }

    /// 5. Checks every worker that is ready. This comes each `config.heartbeat`, this time `late`:
    ///
    /// - Allow for the time that the primary was late, examine the worker, and judge it: "A healthy
    ///   cluster is left alone".
    /// - The first verdict of `Drain` is final: keep it in `must_drain`, and go back to it. But while
    ///   the worker is silent, the verdict is `Kill`.
    /// - Keep the verdict, and update the slot's alert with its finding: "Each change is one alert".
    /// - A worker that was reliable and isn't any more counts as a death of its slot's streak: "then
    ///   given up". Workers that must be replaced again and again are a loop.
    fn check(&mut self, late: Duration) {
        let now = Instant::now();
        for worker in self.workers.all().to_vec() {
            let health = self.monitored.get_mut(&worker.pid);
            let Some(health) = health.filter(|_| worker.state.is_ready()) else { continue };
            health.allow(late, now);
            health.examine(worker.pid, now);
            let mut verdict = judge(health, &self.config, now);
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
                self.count_death(&worker);
            }
        }
    }

    /// 6. `worker` was reaped. Add what it has counted to its slot's record: "counters never go down".
    ///    It `died`, unless the primary had told it to go, or killed it.
    fn lost(&mut self, worker: Worker, exit: Exit) {
        if let Some(health) = self.monitored.remove(&worker.pid) {
            let record = self.record(worker.slot);
            record.gone = record.gone + health.counts();
        }
        if worker.state.is_staying() {
            self.died(&worker, format!("died: {exit}"));
        }
    }

    fn died(&mut self, worker: &Worker, text: String) {
        self.update_alert(
            worker.slot,
            Some(worker.pid),
            Some(Finding::critical(Condition::Died, text)),
        );
        self.count_death(worker);
    }

    /// 7. One more death of its slot's streak. If the streak is longer than `config.max_restarts`, update
    ///    the alert (`Condition::GivenUp`), then give the slot up: "then given up".
    fn count_death(&mut self, worker: &Worker) {
        let limit = self.config.max_restarts;
        if self.history.count(worker) > limit {
            let text = format!("given up after {limit} consecutive restarts");
            self.update_alert(worker.slot, None, Some(Finding::critical(Condition::GivenUp, text)));
            self.record(worker.slot).given_up = Some(Instant::now());
        }
    }

    fn kill_overdue(&mut self) {
        let now = Instant::now();
        for worker in self.workers.overdue(now) {
            self.workers.tick(worker.pid, now);
            if worker.state.is_starting() {
                self.died(&worker, "not ready in time".to_owned());
            }
        }
    }

    /// 8. The next move that is allowed now; `None` when there is something to wait for, or nothing to
    ///    do. The first of these that applies:
    ///
    /// - Kill a worker that is silent: "A frozen worker is replaced". Beyond the exercise: while no
    ///   majority of the slots has a ready worker that isn't silent, only when each slot has a ready
    ///   worker: "workers go one at a time".
    /// - Start a worker in an empty slot.
    /// - Drain a worker that must drain, once its slot has a ready and reliable worker beside it: "is
    ///   drained and replaced, and no request is lost".
    /// - Start that successor: while each slot has a ready worker, and no worker is starting or draining.
    ///
    /// No slot gets a worker before its `history` allows it: "growing delays". Leave out the slots that
    /// were given up. Beyond the exercise: they get one start each `config.retry_after`: "is tried once
    /// more".
    ///
    /// `go_on` asks until the answer is `None`, so each move must change what this function looks at.
    fn next_move(&self, now: Instant) -> Option<Move> {
        let all = self.workers.all();
        let verdict = |w: &Worker| self.monitored.get(&w.pid).map(|health| &health.verdict);
        let is_well = |w: &Worker| verdict(w).is_none_or(Verdict::is_reliable);
        if all.len() == self.slots.len() && all.iter().all(is_well) {
            return None;
        }
        let may_retry = |since| now - since >= self.config.retry_after;
        let hopeful = self.slots.iter().filter(|(_, record)| record.given_up.is_none_or(may_retry));
        let slots: Vec<Slot> = hopeful.map(|(slot, _)| *slot).collect();
        let ready = |slot: Slot| all.iter().filter(move |w| w.slot == slot && w.state.is_ready());
        let is_silent = |w: &Worker| matches!(verdict(w), Some(Verdict::Kill(..)));
        let is_complete = slots.iter().all(|slot| ready(*slot).next().is_some());
        let good = slots.iter().filter(|slot| ready(**slot).any(|w| !is_silent(w))).count();
        let mut silent = all.iter().filter(|w| w.state.is_ready() && is_silent(w));
        if let Some(worker) = silent.find(|_| is_complete || good * 2 > slots.len()) {
            return Some(Move::Kill(worker.pid));
        }
        let may_start = |slot: Slot| self.history.may_start(slot, now);
        let stays = |slot: Slot| all.iter().any(|w| w.slot == slot && w.state.is_staying());
        if let Some(slot) = slots.iter().find(|slot| !stays(**slot) && may_start(**slot)) {
            return Some(Move::Start(*slot));
        }
        let must_drain = |w: &&Worker| matches!(verdict(w), Some(Verdict::Drain(..)));
        let mut sick = slots.iter().filter_map(|slot| ready(*slot).find(must_drain));
        let is_fine = |w: &Worker| verdict(w).is_some_and(Verdict::is_reliable);
        if let Some(old) = sick.clone().find(|old| ready(old.slot).any(is_fine)) {
            return Some(Move::Drain(old.pid));
        }
        let is_calm = is_complete && all.iter().all(|w| w.state.is_ready());
        sick.find(|old| is_calm && may_start(old.slot)).map(|old| Move::Start(old.slot))
    }

    /// 9. The last check of `slot`, with the process `pid` in it, found `finding`; `None` means that
    ///    all is well.
    ///
    /// - Raise an alert if that is another level or condition than that of the active alert: "Each change
    ///   is one alert".
    /// - When all is well again, raise `Finding::resolved`.
    /// - No further alert for a slot that was given up.
    fn update_alert(&mut self, slot: Slot, pid: Option<Pid>, finding: Option<Finding>) {
        let record = self.record(slot);
        let active = finding.as_ref().map(|finding| (finding.level, finding.condition));
        if record.given_up.is_some() || record.alert == active {
            return;
        }
        let before = mem::replace(&mut record.alert, active);
        if let Some(Finding { level, condition, text }) =
            finding.or_else(|| before.map(Finding::resolved))
        {
            self.raise(Alert { slot, pid, level, condition, text });
        }
    }

    /// 10. Reports `alert`, and POSTs it: without waiting, and not for longer than 2 seconds: "no webhook
    ///     stops anything".
    fn raise(&self, alert: Alert) {
        emit(HealthEvent::Alert(alert.clone()));
        let webhook = self.webhook.clone();
        tokio::spawn(async move { timeout(Duration::from_secs(2), webhook.post(&alert)).await });
    }

    fn health(&self) -> Health {
        Health::new(&self.slots, &self.workers, &self.monitored, status)
    }
}

/// 11. The cluster's status, given how many of its slots are ready; `/health` says 503 if unhealthy.
///     It is degraded while more than half of them are: "says 503 without a majority".
fn status(ready: usize, slots: usize) -> Status {
    match ready {
        all if all == slots => Status::Healthy,
        most if most * 2 > slots => Status::Degraded,
        _ => Status::Unhealthy,
    }
}
