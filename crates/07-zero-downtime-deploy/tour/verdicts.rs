//! Steps 1 to 4: a version that is good, and three that are not.

use std::{thread, time::Instant};

use harness::{
    Kept, Signal, Stage,
    descriptors::open_files,
    load::{self, Connections, Load},
    patience,
    who::children,
};

use crate::{
    clients::{Clients, LIMIT, exchange, got, millis, tenths},
    scene::{NEW, OLD, deploy, end, entries, start, until},
};

/// Requests between two looks at how far a deploy is.
const BETWEEN: usize = 20;

pub(crate) fn a_good_one(stage: &mut Stage) -> Kept {
    stage.step("A good version: the share that was asked for, then every worker");
    let cluster = start(stage, &[("STEPS", "10,50"), ("STEP_ANSWERS", "80")])?;
    let mut clients = Clients::of(&cluster);
    deploy(stage, &cluster, NEW)?;
    for share in [10, 50] {
        until(stage, &cluster, "the share", |said| said["share"] == share, || {})?;
        let (mut asked, mut new): (usize, usize) = (0, 0);
        while asked < 1000 {
            asked += BETWEEN;
            new += clients.count(BETWEEN, NEW);
            if !entries(stage).iter().all(|entry| entry["share"] != share) {
                break;
            }
        }
        // In tenths of a percent.
        let seen = new * 1000 / asked;
        stage.finding(
            seen.abs_diff(share * 10) <= 25,
            format!("{share} % asked for: {new} of {asked} requests, {} %", tenths(seen)),
        );
        stage.figure(&format!("percent_at_{share}"), tenths(seen));
    }
    until(stage, &cluster, "steady", |said| said["phase"] == "steady", || {})?;
    let new = clients.count(200, NEW);
    let promoted = end(stage).is_some_and(|entry| entry["did"] == "promoted");
    stage.finding(promoted && new == 200, format!("promoted: {new} of 200 answers are of {NEW}"));
    let lost = clients.ledger.lost();
    stage.finding(lost == 0, format!("{lost} requests were lost on the way"));
    stage.account(&clients.ledger);
    Ok(())
}

pub(crate) fn one_that_errs(stage: &mut Stage) -> Kept {
    const CLIENTS: usize = 800;
    stage.step("A version that fails each tenth request, and 800 clients");
    let fault = ("FAULTS", "1.1.0:errors:10");
    let cluster = start(stage, &[("STEPS", "25"), fault])?;
    let mut clients = Clients::of(&cluster);
    deploy(stage, &cluster, NEW)?;
    until(stage, &cluster, "the share", |said| said["share"] == 25, || {})?;
    let mut unlucky = 0;
    for number in 0..CLIENTS {
        let got = clients.ask(Some(&format!("client-{number}")));
        unlucky += usize::from(got.status >= 500);
    }
    until(stage, &cluster, "steady", |said| said["phase"] == "steady", || {})?;
    let entry = end(stage).unwrap_or_default();
    let (answers, errors) = (&entry["answers"], &entry["errors"]);
    stage.finding(
        entry["did"] == "sent-back" && unlucky < 20,
        format!("sent back after {answers} answers, {errors} of them bad"),
    );
    stage.say(&format!("because {}", entry["reason"].as_str().unwrap_or("of nothing")));
    stage.finding(unlucky > 0, format!("{unlucky} of {CLIENTS} clients saw an error"));
    stage.figure("clients_with_an_error", unlucky);
    stage.figure("answers_before_the_verdict", answers.clone());
    let old = clients.count(200, OLD);
    stage.finding(old == 200, format!("after it {old} of 200 answers are of {OLD}"));
    stage.account(&clients.ledger);
    Ok(())
}

pub(crate) fn one_that_is_slow(stage: &mut Stage) -> Kept {
    stage.step("A version that takes 300 ms longer");
    let slow = [("FAULTS", "1.1.0:slow:300"), ("SLOWER_BY_MS", "100"), ("STEPS", "50")];
    let cluster = start(stage, &slow)?;
    let clients = load::Clients::new(8, Connections::KeptAlive, "/", 2);
    let load = Load::start(cluster.address, &[clients]);
    deploy(stage, &cluster, NEW)?;
    until(stage, &cluster, "an end", |said| !said["reason"].is_null(), || {})?;
    until(stage, &cluster, "steady", |said| said["phase"] == "steady", || {})?;
    let entry = end(stage).unwrap_or_default();
    let reason = entry["reason"].as_str().unwrap_or_default().to_owned();
    stage.finding(
        entry["did"] == "sent-back" && reason.contains("slow"),
        format!("sent back after {} answers, 20 for each look", entry["answers"]),
    );
    stage.say(&format!("because {reason}"));
    for ledger in load.finish() {
        let lost = ledger.lost();
        stage.finding(lost == 0, format!("{lost} of {} lost", ledger.answered_in_all()));
        stage.account(&ledger);
    }
    Ok(())
}

pub(crate) fn one_that_crashes(stage: &mut Stage) -> Kept {
    const HELD: usize = 12;
    stage.step("A version whose workers are killed while they have requests: SIGKILL");
    // It holds each request for so long that the kill meets all of them.
    let holds = ("FAULTS", "1.1.0:slow:30000");
    let cluster = start(stage, &[("STEPS", "100"), holds])?;
    let first = children(&cluster);
    deploy(stage, &cluster, NEW)?;
    until(stage, &cluster, "the share", |said| said["share"] == 100, || {})?;
    let candidates: Vec<u32> = children(&cluster).difference(&first).copied().collect();
    // Each request that is passed on is a connection of the candidate.
    let sockets = || candidates.iter().map(|pid| open_files(*pid).len()).sum::<usize>();
    let (address, before) = (cluster.address, sockets());
    let held: Vec<_> =
        (0..HELD).map(|_| thread::spawn(move || exchange(address, None, "/", None))).collect();
    let come = || (sockets() >= before + HELD).then_some(());
    let come = processes::until(patience(LIMIT), come).is_some();
    stage.trial().expect(come, "all requests are with the candidate", "fewer")?;
    let killed = Instant::now();
    for pid in &candidates {
        cluster.signal_process(*pid, Signal::SIGKILL)?;
    }
    until(stage, &cluster, "a verdict", |said| !said["reason"].is_null(), || {})?;
    let took = millis(killed.elapsed());
    stage.finding(true, format!("the first death is the verdict, seen after {took} ms"));
    stage.figure("verdict_after_ms", took);
    let answers: Vec<_> = held.into_iter().filter_map(|thread| thread.join().ok()).collect();
    let by_old = answers.iter().flatten().filter(|(answer, _)| got(answer).version == OLD).count();
    stage.finding(
        by_old == HELD,
        format!("{by_old} of {HELD} requests that they held were answered by {OLD}"),
    );
    until(stage, &cluster, "steady", |said| said["phase"] == "steady", || {})?;
    stage
        .finding(children(&cluster) == first, "the four workers of before are there, and no other");
    Ok(())
}
