//! Steps 6 and 8: cached pages.

use harness::{
    Kept, Signal, Stage,
    origin::{Manner, Origin},
};

use crate::{
    Homes,
    clients::{Ask, Done, LIMIT, WORKERS, account, ask, ask_any, crowd, doors, in_file, millis},
};

const CLIENTS: usize = 200;
const AFTER: (usize, usize) = (8, 250);

pub(crate) fn are_asked_for_once(stage: &mut Stage, homes: &Homes) -> Kept {
    stage.step("200 clients ask at once for a page that no worker has");
    let flights: &[_] = if homes.are_there {
        &[("request", CLIENTS), ("worker", WORKERS), ("cluster", 1)]
    } else {
        &[("worker", WORKERS)]
    };
    for (flight, expected) in flights {
        let (asked, answered) = burst(stage, flight)?;
        let title = format!("one load for each {flight}:");
        stage.finding(
            asked == *expected && answered == CLIENTS,
            format!("{title:<28} the origin is asked: {asked}"),
        );
        stage.figure(&format!("asked_once_for_each_{flight}"), asked);
    }
    Ok(())
}

/// How often the origin was asked, and how many clients had an answer.
fn burst(stage: &mut Stage, flight: &str) -> Kept<(usize, usize)> {
    const PATH: &str = "/page/news";
    let origin = start_origin(stage)?;
    origin.set(PATH, Manner::Holds);
    let (url, (setting, file)) = (origin.url(), in_file(stage, flight));
    let cluster = stage.start(&[("ORIGIN", &url), ("FLIGHT", flight), (setting, &file)])?;
    // One client at each worker, the others anywhere. All have asked before the origin answers.
    let mut first = doors(stage, &cluster)?;
    let address = cluster.address;
    let done: Vec<Done> = std::thread::scope(|scope| {
        let at_each = first
            .values_mut()
            .map(|(_, connection)| scope.spawn(move || ask(connection, Ask::get(PATH))));
        let at_each: Vec<_> = at_each.collect();
        let others: Vec<_> = (WORKERS..CLIENTS)
            .map(|_| scope.spawn(move || ask_any(address, Ask::get(PATH))))
            .collect();
        let number = match flight {
            "request" => CLIENTS,
            "worker" => WORKERS,
            _ => 1,
        };
        // If it is asked less often, the finding says so.
        let _ = origin.was_asked(PATH, number, LIMIT);
        origin.set(PATH, Manner::Answers);
        at_each.into_iter().chain(others).filter_map(|client| client.join().ok()).collect()
    });
    account(stage, &done);
    let answered = done.iter().filter(|one| one.status() == 200).count();
    Ok((origin.asked(PATH).len(), answered))
}

fn start_origin(stage: &Stage) -> Kept<Origin> {
    let origin = Origin::start(&stage.trial().recorder);
    origin.map_err(|error| stage.trial().broken("an origin", error.to_string()))
}

pub(crate) fn are_never_old(stage: &mut Stage) -> Kept {
    stage.step("A change, and what workers answer after it; ACK_TIMEOUT_MS is 1000");
    let (setting, file) = in_file(stage, "pages.db");
    let cluster = stage.start(&[(setting, &file), ("ACK_TIMEOUT_MS", "1000")])?;
    let mut workers = doors(stage, &cluster)?;
    for (_, connection) in workers.values_mut() {
        ask(connection, Ask::get("/page/k"));
    }
    let change = |value| Ask { method: "PUT", body: value, ..Ask::get("/config/k") };
    let changed = ask_any(cluster.address, change("new"));
    let known = changed.json()["acknowledged"].as_array().map_or(0, Vec::len);
    let (clients, each) = AFTER;
    let after = crowd(stage, &cluster, clients, each, Ask::get("/page/k"));
    let old = after.iter().filter(|one| one.json()["version"] != 1).count();
    let ms = millis(changed.took);
    let text =
        format!("acknowledged by {known} of 4 in {ms} ms; {old} old answers of 2000 after it");
    stage.finding(known == WORKERS && old == 0 && after.len() == clients * each, text);
    stage.figure("change_ms", ms);
    account(stage, &[changed]);
    let (first, last) = (workers.pop_first(), workers.pop_last());
    let Some(((slot, (pid, mut frozen)), (_, (_, mut other)))) = first.zip(last) else {
        return Ok(());
    };
    cluster.signal_process(pid, Signal::SIGSTOP)?;
    // On a connection that is there: the kernel may give a new one to the worker that is frozen.
    let changed = ask(&mut other, change("newest"));
    let known = changed.json()["acknowledged"].as_array().map_or(0, Vec::len);
    let ms = millis(changed.took);
    let text = format!("worker {slot} is frozen: acknowledged by {known} of 4 in {ms} ms");
    stage.finding(known == 3, text);
    stage.figure("change_with_a_frozen_worker_ms", ms);
    cluster.signal_process(pid, Signal::SIGCONT)?;
    let thawed = ask(&mut frozen, Ask::get("/page/k"));
    let (version, ms) = (thawed.json()["version"].clone(), millis(thawed.took));
    let text = format!("it runs again: its first answer is version {version}, after {ms} ms");
    stage.finding(version == 2, text);
    account(stage, &[changed, thawed]);
    Ok(())
}
