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
    // TODO: say that this worker is alive, again and again.
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
    todo!("how long ago was it heard, less the allowance?")
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
    todo!("what do its silence, its memory and its errors say?")
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
        todo!("worker {} is alive: {heartbeat:?}", worker.slot)
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
        todo!("examine and judge each worker that is ready")
    }

    /// 6. `worker` was reaped. Add what it has counted to its slot's record: "counters never go down".
    ///    It `died`, unless the primary had told it to go, or killed it.
    fn lost(&mut self, worker: Worker, exit: Exit) {
        todo!("worker {}, pid {}: {exit}. Was it told to go?", worker.slot, worker.pid)
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
        todo!("one more death in slot {}", worker.slot)
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
        todo!("which worker to kill, to start, or to drain now?")
    }

    /// 9. The last check of `slot`, with the process `pid` in it, found `finding`; `None` means that
    ///    all is well.
    ///
    /// - Raise an alert if that is another level or condition than that of the active alert: "Each change
    ///   is one alert".
    /// - When all is well again, raise `Finding::resolved`.
    /// - No further alert for a slot that was given up.
    fn update_alert(&mut self, slot: Slot, pid: Option<Pid>, finding: Option<Finding>) {
        // TODO: is this a change? Then raise an alert.
    }

    /// 10. Reports `alert`, and POSTs it: without waiting, and not for longer than 2 seconds: "no webhook
    ///     stops anything".
    fn raise(&self, alert: Alert) {
        emit(HealthEvent::Alert(alert.clone()));
        todo!("POST it to the webhook, and let nothing wait for that")
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
        // TODO: when is it degraded?
        _ => Status::Unhealthy,
    }
}
