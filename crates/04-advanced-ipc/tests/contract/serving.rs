//! The easiest promises.

use std::collections::BTreeSet;

use harness::{Kept, Trial};

use crate::scene::{self, Doors, Served, WORKERS, ask, door, doors, get};

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

/// 3, 5 and 7 requests on connections to the three workers; then each of them is asked, again and again.
pub(crate) fn stats_add_up_what_all_workers_served(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let (mut doors, mut served) = doors(trial, &cluster, 1)?;
    for (slot, times) in [(1, 3), (2, 5), (3, 7)] {
        for _ in 0..times {
            scene::pid_of(trial, &mut doors, slot)?;
        }
        *served.0.entry(slot).or_default() += times;
    }
    for _ in 0..3 {
        for (asked, busy) in pairs() {
            let pid = scene::pid_of(trial, &mut doors, busy)?;
            *served.0.entry(busy).or_default() += 1;
            has_them_all(trial, &mut doors, asked, &served, (busy, pid))?;
        }
    }
    trial.recorder.observe("27 times a request, and then /stats: each time with that request");
    Ok(())
}

/// Each worker with each worker, itself too.
fn pairs() -> impl Iterator<Item = (u32, u32)> {
    (1..=WORKERS).flat_map(|asked| (1..=WORKERS).map(move |busy| (asked, busy)))
}

/// What was answered before `/stats` was asked is in it: a sum from a cache is too old.
fn has_them_all(
    trial: &Trial,
    doors: &mut Doors,
    asked: u32,
    served: &Served,
    (busy, pid): (u32, u32),
) -> Kept {
    let ended = ask(door(trial, doors, asked)?, "/stats").ended();
    let json = ended.json();
    let figure = |slot: u32| {
        let workers = json["workers"].as_array().into_iter().flatten();
        workers.filter(|one| one["worker"] == slot).collect::<Vec<_>>()
    };
    let sum: u64 = served.0.values().sum();
    let is_right = ended.status() == 200
        && json["requests"] == sum
        && (1..=WORKERS)
            .all(|slot| figure(slot).iter().map(|one| &one["requests"]).eq([&served.0[&slot]]))
        && figure(busy)[0]["pid"] == pid
        && json["missing"].as_array().is_some_and(Vec::is_empty);
    let expected = format!("/stats of worker {asked}: {:?}, {sum} in all", served.0);
    let each: Vec<String> =
        (1..=WORKERS).flat_map(figure).map(|one| one["requests"].to_string()).collect();
    let observed = format!("{}: {}, {} in all", ended.status(), each.join(" + "), json["requests"]);
    trial.expect(is_right, expected, observed)?;
    doors.entry(asked).or_default().push(ended.connection);
    Ok(())
}
