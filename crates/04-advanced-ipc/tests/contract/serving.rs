//! The easiest promises.

use std::collections::BTreeSet;

use harness::{Kept, Trial};

use crate::scene::{self, WORKERS, ask, door, doors, get};

/// Each answer says from which worker it comes; an echo names the worker that asked and the worker that answered.
pub(crate) fn each_worker_answers_for_itself(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let (mut doors, _) = doors(trial, &cluster, 1)?;
    let slots: BTreeSet<u32> = doors.keys().copied().collect();
    trial.expect(
        slots.iter().copied().eq(1..=WORKERS),
        format!("workers 1 to {WORKERS}"),
        format!("{slots:?}"),
    )?;
    for path in ["/ask/0", "/ask/4?text=x", "/ask/x", "/send/9?text=x", "/send/-1"] {
        let connection = door(trial, &mut doors, 1)?;
        let (connection, _) = get(trial, connection, path, 404)?;
        doors.entry(1).or_default().push(connection);
    }
    Ok(())
}

/// 3, 5 and 7 requests on connections to the three workers; then each of them is asked.
pub(crate) fn stats_add_up_what_all_workers_served(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let (mut doors, mut served) = doors(trial, &cluster, 1)?;
    for (slot, times) in [(1, 3), (2, 5), (3, 7)] {
        let mut connection = door(trial, &mut doors, slot)?;
        for _ in 0..times {
            connection = get(trial, connection, "/", 200)?.0;
        }
        *served.0.entry(slot).or_default() += times;
        doors.entry(slot).or_default().push(connection);
    }
    let sum: u64 = served.0.values().sum();
    for slot in 1..=WORKERS {
        let pid = scene::pid_of(trial, &mut doors, slot)?;
        *served.0.entry(slot).or_default() += 1;
        let ended = ask(door(trial, &mut doors, slot)?, "/stats").ended();
        let json = ended.json();
        let figure = |slot: u32| {
            let workers = json["workers"].as_array().cloned().unwrap_or_default();
            workers.iter().find(|one| one["worker"] == slot).cloned().unwrap_or_default()
        };
        let each = |one: u32| figure(one)["requests"] == served.0[&one];
        let is_right = ended.status() == 200
            && json["requests"] == sum + u64::from(slot)
            && (1..=WORKERS).all(each)
            && figure(slot)["pid"] == pid
            && json["missing"].as_array().is_some_and(Vec::is_empty);
        let expected =
            format!("/stats of worker {slot}: {:?}, {} in all", served.0, sum + u64::from(slot));
        trial.expect(is_right, expected, ended.describe())?;
    }
    Ok(())
}
