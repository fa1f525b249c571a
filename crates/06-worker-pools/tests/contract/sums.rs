//! The figures, at every moment.

use harness::{Kept, Trial, descriptors::open_files, who::children};

use crate::{
    journal::{Line, lines},
    scene::{Pool, Reply},
};

const TASKS: u64 = 120;
/// Each `POISON`-th task kills its workers.
const POISON: u64 = 5;
/// A worker is killed each time that this many tasks are done.
const KILL: u64 = 20;

pub(crate) fn stats_add_up_at_every_sample(trial: &Trial) -> Kept {
    let pool = Pool::start(trial, &[("QUEUE_LIMIT", "1000")])?;
    let before = open_files(pool.cluster.pid).len();
    let mut sampler = Sampler { pool: &pool, accepted: 0 };
    let mut tasks = Vec::new();
    for number in 1..=TASKS {
        let kind = if number % POISON == 0 { "crash" } else { harmless(number) };
        tasks.push((pool.submit_quietly(kind, number)?, kind, number));
        sampler.accepted += 1;
        sampler.look()?;
        if number % KILL == 0 {
            // It may have ended by itself meanwhile.
            let there = children(&pool.cluster);
            let victim = there.into_iter().next_back();
            let _ = victim.map(|pid| pool.cluster.signal_process(pid, harness::Signal::SIGKILL));
        }
    }
    pool.until("every task ends", || {
        let stats = sampler.look()?;
        Ok(stats.json["queued"] == 0 && stats.json["processing"] == 0)
    })?;
    let stats = sampler.look()?;
    trial.recorder.observe(stats.to_string());
    let journal = lines(trial)?;
    let (mut completed, mut failed) = (0, 0);
    for (id, kind, number) in tasks {
        let is_completed = ends_as_its_workers_say(trial, &pool, &journal, id, kind, number)?;
        *(if is_completed { &mut completed } else { &mut failed }) += 1;
    }
    let observed = stats.to_string();
    let expected = format!("completed={completed} failed={failed}");
    let is_so = stats.json["completed"] == completed && stats.json["failed"] == failed;
    trial.expect(is_so, expected, observed)?;
    trial.expect(stats.json["forgotten"] == 0, "no task is forgotten", stats.to_string())?;
    pool.has_workers(4)?;
    pool.until("as many open descriptors as before all these deaths", || {
        Ok(open_files(pool.cluster.pid).len() <= before)
    })
}

fn harmless(number: u64) -> &'static str {
    if number.is_multiple_of(2) { "prime" } else { "hash" }
}

/// What a client sees again and again.
struct Sampler<'a> {
    pool: &'a Pool<'a>,
    accepted: u64,
}

impl Sampler<'_> {
    fn look(&self) -> Kept<Reply> {
        let trial = self.pool.trial;
        let stats = self.pool.ask_quietly("GET", "/stats", "")?.is(trial, 200)?;
        let parts = ["queued", "processing", "completed", "failed", "cancelled", "forgotten"];
        let mut sum = 0;
        for part in parts {
            sum += stats.number(trial, part)?;
        }
        let submitted = stats.number(trial, "submitted")?;
        let expected = format!("submitted={}, and the others add up to it", self.accepted);
        let is_so = submitted == self.accepted && sum == submitted;
        trial.expect(is_so, expected, stats.to_string())?;
        self.workers_agree(&stats)?;
        Ok(stats)
    }

    /// As many workers run a task as tasks are processing.
    fn workers_agree(&self, stats: &Reply) -> Kept {
        let trial = self.pool.trial;
        let workers = stats.json["workers"].as_array().cloned().unwrap_or_default();
        let busy = workers.iter().filter(|worker| !worker["task"].is_null()).count();
        let processing = stats.number(trial, "processing")?;
        let expected = format!("{processing} workers run a task, as many as are processing");
        trial.expect(busy as u64 == processing, expected, format!("{busy} of {}", workers.len()))
    }
}

/// Whether it is completed. Its workers must have written the same into JOURNAL.
fn ends_as_its_workers_say(
    trial: &Trial,
    pool: &Pool,
    journal: &[Line],
    id: u64,
    kind: &str,
    number: u64,
) -> Kept<bool> {
    let reply = pool.task(id)?;
    let did =
        |did: &str| journal.iter().filter(|line| line.task == id && line.did == did).count() as u64;
    let (started, finished) = (did("started"), did("finished"));
    let attempts = reply.number(trial, "attempts")?;
    let observed = format!("{reply}; in JOURNAL {started} starts, {finished} ends");
    let is_completed = reply.status_name() == "completed";
    let is_so = match reply.status_name() {
        // A start of which the worker told its primary, and no more.
        "failed" => attempts == 3 && reply.json["error"] == "attempts" && started <= 3,
        "completed" => finished > 0 && started <= attempts && attempts <= 3 && kind != "crash",
        _ => false,
    };
    trial.expect(is_so, format!("task {id} ends as its workers say"), observed)?;
    let right = match kind {
        "prime" if is_completed => reply.json["result"] == is_prime(number),
        _ => true,
    };
    trial.expect(right, format!("the right result of prime {number}"), reply.to_string())?;
    Ok(is_completed)
}

fn is_prime(n: u64) -> bool {
    n > 1 && (2..n).all(|divisor| !n.is_multiple_of(divisor))
}
