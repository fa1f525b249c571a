//! Counters: what was acknowledged counts, exactly once.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use harness::{
    Cluster, Kept, Signal, Trial, patience,
    wire::{Connection, request},
};
use serde_json::Value;

use crate::{
    changes::lock_writes,
    scene::{Door, Doors, PROMPT, WORKERS, kill_all, millis, successor},
};

const CLIENTS: usize = 8;
const EACH: usize = 250;

/// What became of many increments of one counter.
#[derive(Clone, Default)]
pub(crate) struct Account {
    /// The values in the answers that were 200.
    pub(crate) acknowledged: Vec<i64>,
    /// Answers with another status, by the first of them.
    refused: usize,
    first_refusal: Option<u16>,
    /// Requests without an answer: they may count or not.
    pub(crate) unknown: usize,
}

pub(crate) fn every_acknowledged_increment_counts_once(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("BUSY_TIMEOUT_MS", millis(PROMPT).as_str())])?;
    let mut doors = Doors::open(trial, &cluster, 2)?;
    let mut door = doors.take(trial, 1)?;
    for value in 1..=2 {
        door.ask(trial, "POST /counter?key=first")?.has(trial, "value", value)?;
    }
    let load = Increments::start(cluster.address, CLIENTS, Some(EACH));
    let account = load.finish();
    let sent = CLIENTS * EACH;
    trial.recorder.observe(format!(
        "{sent} increments by {CLIENTS} clients at once: {} acknowledged, {} refused",
        account.acknowledged.len(),
        account.refused
    ));
    let observed = format!(
        "{} of {sent} refused, the first one with {}",
        account.refused,
        account.first_refusal.unwrap_or_default()
    );
    let expected = "increments wait for each other; less than 1 in 100 is refused";
    trial.expect(account.refused * 100 < sent, expected, observed)?;
    let different: BTreeSet<i64> = account.acknowledged.iter().copied().collect();
    let acknowledged = account.acknowledged.len();
    let observed = format!("{acknowledged} answers, and {} different values", different.len());
    trial.expect(
        different.len() == acknowledged,
        "each answer has a value of its own",
        observed,
    )?;
    let mut all = doors.one_each(trial)?;
    for door in &mut all {
        holds(trial, door, &account)?;
    }
    is_read_anew(trial, &mut all)?;
    waits_and_counts_once(trial, &mut all)
        .map_err(|broken| broken.during("increments that had to wait for the database"))
}

/// A worker that has read a counter reads it again. Another key is another counter.
fn is_read_anew(trial: &Trial, all: &mut [Door]) -> Kept {
    for value in 1..=2 {
        for door in all.iter_mut() {
            door.ask(trial, "GET /counter?key=read")?.has(trial, "value", value - 1)?;
        }
        all[1].ask(trial, "POST /counter?key=read")?.has(trial, "value", value)?;
    }
    for door in all.iter_mut() {
        door.ask(trial, "GET /counter?key=read")?.has(trial, "value", 2)?;
    }
    all[2].ask(trial, "POST /counter?key=Read")?.has(trial, "value", 1).map(drop)
}

/// Longer than a client, or a program, that has no patience waits before it tries again.
const LOCKED: Duration = Duration::from_secs(2);

/// An increment that takes long is still one increment.
fn waits_and_counts_once(trial: &Trial, all: &mut [Door]) -> Kept {
    let lock = lock_writes(trial)?;
    for door in all.iter_mut() {
        door.send(trial, "POST /counter?key=late")?;
    }
    let is_over = || all.iter_mut().any(Door::has_news).then_some(());
    let early = processes::until(patience(LOCKED), is_over);
    drop(lock);
    trial.recorder.observe("the write lock is free again");
    trial.expect(early.is_none(), "increments that wait for the lock", "an answer before")?;
    let mut values = Vec::new();
    for door in all.iter_mut() {
        values.push(door.answer(trial)?.is(trial, 200)?.number(trial, "value")?);
    }
    values.sort_unstable();
    let number = i64::from(WORKERS);
    let observed = format!("{values:?}");
    trial.expect(values.iter().copied().eq(1..=number), "the values 1 to 4", observed)?;
    for door in all.iter_mut() {
        door.ask(trial, "GET /counter?key=late")?.has(trial, "value", number)?;
    }
    Ok(())
}

/// The counter is at least what was acknowledged, and at most that and all increments without an answer.
pub(crate) fn holds(trial: &Trial, door: &mut Door, account: &Account) -> Kept<i64> {
    let value = door.ask(trial, "GET /counter?key=k")?.is(trial, 200)?.number(trial, "value")?;
    let least = i64::try_from(account.acknowledged.len()).unwrap_or(i64::MAX);
    let most = least + i64::try_from(account.unknown).unwrap_or(i64::MAX);
    let expected = if least == most {
        format!("the counter of worker {}: {least}", door.worker)
    } else {
        format!("the counter of worker {}: {least} to {most}", door.worker)
    };
    let observed = format!("the counter of worker {} says {value}", door.worker);
    trial.expect((least..=most).contains(&value), expected, observed)?;
    Ok(value)
}

pub(crate) fn increments_survive_every_process(trial: &Trial) -> Kept {
    let settings = [("RESTART_DELAY_MS", "1"), ("RESTART_DELAY_MAX_MS", "1")];
    let cluster = trial.start(&settings)?;
    let mut doors = Doors::open(trial, &cluster, 1)?;
    let before = the_worker_that_answered_dies(trial, &cluster, &mut doors)?;
    workers_die_under_load(trial, &cluster)?;
    let mut door = Doors::open(trial, &cluster, 1)?.take(trial, 1)?;
    let count = |door: &mut Door, key: &str| {
        door.ask(trial, &format!("GET /counter?key={key}"))?.is(trial, 200)?.number(trial, "value")
    };
    let (single, loaded) = (count(&mut door, "single")?, count(&mut door, "k")?);
    trial.expect(single == before, format!("the counter: {before}"), format!("{single}"))?;
    let last = door.ask(trial, "POST /counter?key=single")?.is(trial, 200)?;
    let last = last.number(trial, "value")?;
    kill_all(&cluster)?;
    let cluster = trial.start(&settings)?;
    let mut door = Doors::open(trial, &cluster, 1)?.take(trial, 2)?;
    for (key, value) in [("single", last), ("k", loaded)] {
        let now = count(&mut door, key)?;
        let observed = format!("the counter says {now}");
        let expected = format!("{value}, as before all processes were killed");
        trial.expect(now == value, expected, observed)?;
    }
    Ok(())
}

/// Each worker acknowledges one increment and is killed at once.
fn the_worker_that_answered_dies(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept<i64> {
    for slot in 1..=WORKERS {
        let mut door = doors.take(trial, slot)?;
        door.ask(trial, "POST /counter?key=single")?.is(trial, 200)?;
        cluster.signal_process(door.pid, Signal::SIGKILL)?;
        let mut next = successor(trial, cluster, slot, door.pid)?;
        next.ask(trial, "GET /counter?key=single")?.has(trial, "value", slot)?;
    }
    Ok(i64::from(WORKERS))
}

fn workers_die_under_load(trial: &Trial, cluster: &Cluster) -> Kept {
    let load = Increments::start(cluster.address, CLIENTS, None);
    for slot in 1..=3 {
        let so_far = load.acknowledged();
        let goes_on = processes::until(patience(PROMPT), || {
            (load.acknowledged() >= so_far + 50).then_some(())
        });
        trial.expect(goes_on.is_some(), "50 more increments", "the load does not go on")?;
        let victim = successor(trial, cluster, slot, 0)?;
        cluster.signal_process(victim.pid, Signal::SIGKILL)?;
    }
    let account = load.finish();
    trial.recorder.observe(format!(
        "three workers killed under load: {} increments acknowledged, {} without an answer",
        account.acknowledged.len(),
        account.unknown
    ));
    let mut doors = Doors::open(trial, cluster, 1)?;
    for mut door in doors.one_each(trial)? {
        holds(trial, &mut door, &account)?;
    }
    Ok(())
}

/// Clients that count, each in a loop.
pub(crate) struct Increments {
    account: Arc<Mutex<Account>>,
    stop: Arc<AtomicBool>,
    clients: Vec<thread::JoinHandle<()>>,
}

impl Increments {
    /// `number` clients; each sends `each` increments, or goes on until it is told to finish.
    pub(crate) fn start(address: SocketAddr, number: usize, each: Option<usize>) -> Self {
        let (account, stop) = (Arc::<Mutex<Account>>::default(), Arc::<AtomicBool>::default());
        let client = |_| {
            let (account, stop) = (account.clone(), stop.clone());
            thread::spawn(move || client(address, each, &account, &stop))
        };
        let clients = (0..number).map(client).collect();
        Increments { account, stop, clients }
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).acknowledged.len()
    }

    pub(crate) fn finish(self) -> Account {
        // With a number to send, the clients come to their end by themselves.
        self.stop.store(true, Ordering::Release);
        for client in self.clients {
            client.join().expect("a client does not panic");
        }
        self.account.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn client(address: SocketAddr, each: Option<usize>, account: &Mutex<Account>, stop: &AtomicBool) {
    let mut connection = None;
    let mut sent = 0;
    while each.map_or_else(|| !stop.load(Ordering::Acquire), |each| sent < each) {
        sent += 1;
        let open = connection.take().or_else(|| Connection::open(address, patience(PROMPT)).ok());
        // A connection that can't be opened has sent nothing.
        let Some(mut open) = open else { continue };
        let bytes = request("POST", "/counter?key=k", "");
        let answer = open.send(bytes.as_bytes()).and_then(|()| open.answer());
        let mut account = account.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(answer) if answer.status == 200 => {
                let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
                account.acknowledged.push(json["value"].as_i64().unwrap_or(-1));
                connection = Some(open);
            }
            Ok(answer) => {
                account.refused += 1;
                account.first_refusal.get_or_insert(answer.status);
                connection = Some(open);
            }
            Err(_) => account.unknown += 1,
        }
    }
}
