//! Exercise 3: health monitoring with heartbeats (45 to 60 minutes).
//!
//! A primary and three workers, which say every `HEARTBEAT_MS` that they are alive. The primary looks
//! at each, replaces whoever is sick, says so once, and leaves everybody else alone.
//!
//! The numbered functions are yours; the rest stays, though you may add to it. Workers are given:
//! they serve, and fall ill on demand. What you may call is in `health_monitoring::given`.
//!
//! ```text
//! read     guide 04-health-monitoring                 cargo xtask guide 4
//! look up  crates/03-health-monitoring/src/given/     cargo doc --package health-monitoring --open
//! watch    a finished cluster do it                   cargo xtask run 03-health-monitoring
//! check    all promises, easiest first                cargo xtask check exercise-3
//! stuck    a nudge, then more                         cargo xtask hint exercise-3
//! ```

use std::{
    collections::BTreeMap,
    mem,
    process::ExitCode,
    time::{Duration, Instant},
};

use events::{Condition, Event, Exit, emit};
use health_monitoring::given::{
    self, Admin, Beat, Config, Counts, Deaths, Health, Heart, Intent, Intents, Move, News, Notice,
    Patient, Slot, Status, Verdict, Version, Webhook, Worker, Workers,
};
use tokio::time::timeout;

fn main() -> ExitCode {
    given::run(primary, beat)
}

/// 1. Runs in each worker that is ready, on the event loop that serves its requests: one
///    `heart.beat(lag)` each `heart.interval()`, where `lag` is how much too late it is.
async fn beat(heart: Heart) {
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
    for slot in 1..=cluster.config.workers {
        cluster.workers.start(slot, Version::FIRST).await;
    }
    cluster.workers.announce();
    let mut looks = given::every(cluster.config.heartbeat);
    let mut reports = given::every(cluster.config.report);
    loop {
        let now = Instant::now();
        cluster.go_on(now).await;
        let deadlines = [cluster.workers.deadline(now), cluster.deaths.deadline(now)];
        tokio::select! {
            // What has arrived is heard before anybody is judged.
            biased;
            notice = cluster.workers.next() => match notice {
                Notice::Ready(worker) => cluster.ready(worker),
                Notice::Report(worker, beat) => cluster.heard(worker, beat),
                Notice::Draining(_) | Notice::Drained { .. } => {}
                Notice::Exited(worker, exit) => cluster.lost(worker, exit),
            },
            intent = intents.next() => if let Intent::Shutdown | Intent::ShutdownNow = intent {
                break;
            },
            question = admin.next() => question.answer(cluster.health()),
            due = looks.tick() => cluster.look(due.elapsed()),
            _ = reports.tick() => emit(&cluster.health().report()),
            () = given::at(deadlines.into_iter().flatten().min()) => cluster.end_the_late(),
        }
    }
    given::shut_down(&cluster.config, cluster.workers, admin, intents).await
}

/// What the primary knows.
struct Cluster {
    config: Config,
    workers: Workers,
    webhook: Webhook,
    /// Everybody who was ready, by process.
    patients: BTreeMap<u32, Patient>,
    slots: BTreeMap<u32, Slot>,
    deaths: Deaths,
}

/// 2. For how long `patient` has been silent, as far as anybody was listening: `heard` is when its
///    last heartbeat came, `excused` what does not count since: the primary slept through it.
fn silence(patient: &Patient, now: Instant) -> Duration {
    todo!("since when has nothing been heard of it, while we listened?")
}

/// 3. What the signs say, the worst first. Kill who is silent for `heartbeat_timeout`. Drain who has
///    more memory than `memory_limit`, or more than `error_rate_limit` percent of errors among at
///    least `min_requests` requests of its window. (Beyond the exercise: or more of a core than
///    `cpu_limit`; and a warning at half of the timeout, or four fifths of the memory.)
fn judge(patient: &Patient, config: &Config, now: Instant) -> Verdict {
    todo!("what do its silence, its memory and its errors say?")
}

impl Cluster {
    fn new(config: Config, workers: Workers) -> Self {
        let slots = (1..=config.workers).map(|number| (number, Slot::default())).collect();
        let (webhook, deaths) = (Webhook::new(&config), Deaths::new(&config));
        Cluster { config, workers, webhook, patients: BTreeMap::new(), slots, deaths }
    }

    fn slot(&mut self, number: u32) -> &mut Slot {
        self.slots.entry(number).or_default()
    }

    async fn go_on(&mut self, now: Instant) {
        while let Some(one) = self.next_move(now) {
            match one {
                Move::Start(slot) => self.workers.start(slot, Version::FIRST).await,
                Move::Drain(pid) => self.workers.drain(pid).await,
                Move::Kill(pid) => self.workers.kill(pid, "its heartbeats stopped"),
            }
        }
    }

    fn ready(&mut self, worker: Worker) {
        self.patients.insert(worker.pid, Patient::new(&worker, &self.config));
        self.slot(worker.slot).given_up = None;
        self.say(worker.slot, Some(worker.pid), None);
    }

    /// 4. `worker` has sent a heartbeat.
    fn heard(&mut self, worker: Worker, beat: Beat) {
        todo!("worker {} is alive: {beat:?}", worker.slot)
    }

    /// 5. Looks at every worker that is ready, each `config.heartbeat`, but this time `late`: examines
    ///    and judges it, and says what was found.
    ///
    /// Who was found to have to drain never gets well again, though it may fall silent. To be found
    /// sick is a death in its slot's row: workers that must be replaced again and again are a loop.
    fn look(&mut self, late: Duration) {
        todo!("examine and judge each worker that is ready")
    }

    /// 6. A worker was reaped; what it has counted is not lost. It has died, unless it was told to go.
    fn lost(&mut self, worker: Worker, exit: Exit) {
        todo!("worker {}, pid {}: {exit}. Was it told to go?", worker.slot, worker.pid)
    }

    fn died(&mut self, worker: &Worker, text: String) {
        self.say(worker.slot, Some(worker.pid), Some(News::critical(Condition::Died, text)));
        self.count_death(worker);
    }

    /// 7. One more death in its slot's row. More than `config.max_restarts`, and the slot is given up.
    fn count_death(&mut self, worker: &Worker) {
        todo!("one more death in the row of slot {}", worker.slot)
    }

    fn end_the_late(&mut self) {
        let now = Instant::now();
        for worker in self.workers.late(now) {
            self.workers.tick(worker.pid, now);
            if worker.state.is_starting() {
                self.died(&worker, "not ready in time".to_owned());
            }
        }
    }

    /// 8. The next move that is allowed now; `None` when there is something to wait for, or nothing to
    ///    do. Nothing is started before `deaths` allow it, nor in a slot that was given up. (Beyond
    ///    the exercise: but for one start each `config.retry_after`.)
    ///
    /// Who is silent is killed; without a majority that is heard, only when each of these slots has a
    /// ready worker. An empty slot gets a worker. Who must drain gets a successor first, one at a time.
    /// Asked until it says `None`: a move must change what is looked at, or that never ends.
    fn next_move(&self, now: Instant) -> Option<Move> {
        let all = self.workers.all();
        let verdict = |w: &Worker| self.patients.get(&w.pid).map(|patient| &patient.verdict);
        let is_well = |w: &Worker| verdict(w).is_none_or(Verdict::is_reliable);
        if all.len() == self.slots.len() && all.iter().all(is_well) {
            return None;
        }
        todo!("whom to kill, to start, or to drain now?")
    }

    /// 9. Slot `number`, filled by the process `pid`, is like `news` now; `None` is well. One alert for
    ///    each change from what was `said` of it last, and none after it was given up.
    fn say(&mut self, number: u32, pid: Option<u32>, news: Option<News>) {
        // TODO: is this news? Then raise an alert.
    }

    /// 10. Reports `alert`, and POSTs it: without waiting, and not for longer than 2 seconds.
    fn raise(&self, alert: Event) {
        emit(&alert);
        todo!("POST it to the webhook, and let nothing wait for that")
    }

    fn health(&self) -> Health {
        Health::new(&self.slots, &self.workers, &self.patients, status)
    }
}

/// 11. How the cluster is when so many of its `slots` are ready; `/health` says 503 if unhealthy.
fn status(ready: usize, slots: usize) -> Status {
    match ready {
        all if all == slots => Status::Healthy,
        // TODO: when is it degraded?
        _ => Status::Unhealthy,
    }
}
