//! Rolls that go well.

use std::collections::BTreeSet;

use harness::{
    Broken, Cluster, Kept, Trial,
    ledger::Ledger,
    load::{Clients, Connections, Load},
    patience,
    who::{self, children, greet},
};

use crate::{
    boundaries, census,
    scene::{self, AT_ONCE, NO_HURRY, PROMPT, WORKERS, ask_for_the_next, settled},
};

/// Traffic as services see it. The busy clients keep the event loops busy: an idle loop hides races.
const TRAFFIC: &[Clients] = &[
    Clients::new(6, Connections::KeptAlive, "/", 5),
    Clients::new(4, Connections::OnePerRequest, "/", 5),
    Clients::new(3, Connections::KeptAlive, "/slow?ms=100", 5),
    Clients::new(3, Connections::OnePerRequest, "/busy?ms=2", 20),
];

/// The same clients where little happens for a while: they ask less often.
const STEADY_TRAFFIC: &[Clients] = &[
    Clients::new(6, Connections::KeptAlive, "/", 20),
    Clients::new(4, Connections::OnePerRequest, "/", 20),
    Clients::new(3, Connections::KeptAlive, "/slow?ms=100", 5),
    Clients::new(3, Connections::OnePerRequest, "/busy?ms=2", 20),
];

/// The answers come from four processes, which are children of the one that we started.
pub(crate) fn four_workers_serve_version_1_0_0(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let there = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    let slots: BTreeSet<u32> =
        scene::meet_all(trial, &cluster)?.into_values().map(|(who, _)| who.worker).collect();
    let observed = format!("{} processes say that they are the workers {slots:?}", there.len());
    trial.expect(slots == BTreeSet::from([1, 2, 3, 4]), "workers 1 to 4", observed)?;
    for (name, value) in [("WORKERS", "0"), ("READY_TIMEOUT_MS", "soon"), ("FAULTS", "1.1.0")] {
        trial.refuses(name, value)?;
    }
    trial.refuses_a_port_in_use("PORT")
}

pub(crate) fn sigusr2_replaces_every_worker(trial: &Trial) -> Kept {
    twice(trial)?;
    as_many_as_the_setting_says(trial).map_err(|broken| broken.during("with WORKERS=2"))?;
    boundaries::one_worker_alone_is_rolled(trial)?;
    boundaries::versions_are_numbers(trial)
}

fn as_many_as_the_setting_says(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("WORKERS", "2"), AT_ONCE])?;
    let before: BTreeSet<u32> =
        who::meet_all(trial, &cluster, "/", 2)?.into_values().map(|(who, _)| who.pid).collect();
    let ((), count) = census::during(&cluster, || {
        ask_for_the_next(&cluster);
        let mut there = BTreeSet::new();
        let rolled = processes::until(patience(PROMPT), || {
            there = children(&cluster);
            (there.len() == 2 && there.is_disjoint(&before)).then_some(())
        });
        let observed = format!("{} are there", scene::workers(there.len()));
        trial.expect(rolled.is_some(), "two new workers", observed)
    })?;
    count.expect(trial, 2, 3)
}

fn twice(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let mut known = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    for version in ["1.1.0", "1.2.0"] {
        ask_for_the_next(&cluster);
        known.extend(settled(trial, &cluster, version, &known)?);
        every_answer_says(trial, &cluster, version)?;
    }
    Ok(())
}

fn every_answer_says(trial: &Trial, cluster: &Cluster, version: &str) -> Kept {
    let answers = || greet(cluster, "/");
    let stray = (0..8).flat_map(|_| answers()).find(|(who, _)| who.version != version);
    let observed = stray.map_or_else(String::new, |(who, _)| {
        format!("an answer from {} (pid {}), after four of {version}", who.version, who.pid)
    });
    trial.expect(observed.is_empty(), format!("every answer says {version}"), observed)
}

pub(crate) fn no_request_is_lost_in_five_rolls(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let mut known = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    under(TRAFFIC, trial, &cluster, || {
        for version in ["1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"] {
            ask_for_the_next(&cluster);
            known.extend(settled(trial, &cluster, version, &known)?);
        }
        Ok(())
    })
    .map_err(|broken| {
        broken.advice("Which worker held that request, and what was it told, and when?")
    })
}

/// Runs `part` under load: every request must be answered with a whole 200.
pub(crate) fn under_load<T>(
    trial: &Trial,
    cluster: &Cluster,
    part: impl FnOnce() -> Kept<T>,
) -> Kept<T> {
    under(STEADY_TRAFFIC, trial, cluster, part)
}

fn under<T>(
    traffic: &[Clients],
    trial: &Trial,
    cluster: &Cluster,
    part: impl FnOnce() -> Kept<T>,
) -> Kept<T> {
    let load = Load::start(cluster.address, traffic);
    trial.recorder.observe("16 clients begin to ask");
    // What follows happens under load.
    let is_up = load.wait_for(64, PROMPT);
    trial.expect(is_up, "clients that are served", "they are not")?;
    let outcome = part();
    let sum = load.finish().into_iter().fold(Ledger::default(), |mut sum, ledger| {
        sum.add(&ledger);
        sum
    });
    trial.recorder.observe(format!("the clients: {sum}"));
    let outcome = outcome?;
    let good = sum.answered.get(&200).copied().unwrap_or(0);
    let expected = format!("{} requests, and each is answered with 200", sum.sent);
    trial.expect(good == sum.sent, expected, account(&sum))?;
    Ok(outcome)
}

/// What became of the requests that were not answered well.
fn account(ledger: &Ledger) -> String {
    let parts = [
        (ledger.refused, "refused"),
        (ledger.reset, "reset before an answer"),
        (ledger.truncated, "cut off in the middle"),
        (ledger.timed_out, "without an answer in time"),
        (ledger.answered_in_all() - ledger.answered.get(&200).copied().unwrap_or(0), "not 200"),
    ];
    let bad = parts.iter().filter(|(count, _)| *count > 0);
    let bad: Vec<_> = bad.map(|(count, what)| format!("{count} {what}")).collect();
    format!("of {} requests {}", ledger.sent, bad.join(", "))
}

/// One SIGUSR2, and in the middle of that roll three more.
pub(crate) fn asked_again_during_a_roll_it_rolls_once_more(trial: &Trial) -> Kept {
    let slow = ("FAULTS", "1.1.0:slow-start:400");
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], AT_ONCE, slow])?;
    let first = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    let (last, count) = census::during(&cluster, || {
        ask_for_the_next(&cluster);
        scene::new_worker(trial, &cluster, &first)?;
        for _ in 0..3 {
            ask_for_the_next(&cluster);
            scene::signals_are_heard(&cluster);
        }
        settled(trial, &cluster, "1.2.0", &first)
    })
    .map_err(|broken| goes_further(trial, &cluster).unwrap_or(broken))?;
    count.expect(trial, WORKERS, WORKERS + 1)?;
    // A program that counts the signals begins another roll now.
    let mut there = last.clone();
    processes::until(patience(std::time::Duration::from_millis(500)), || {
        there = children(&cluster);
        (there != last).then_some(())
    });
    if there != last {
        return Err(one_too_many(trial));
    }
    every_answer_says(trial, &cluster, "1.2.0")
}

fn goes_further(trial: &Trial, cluster: &Cluster) -> Option<Broken> {
    let known = ["1.0.0", "1.1.0", "1.2.0"];
    let answers = greet(cluster, "/").into_iter();
    let version =
        answers.map(|(who, _)| who.version).find(|version| !known.contains(&version.as_str()))?;
    let expected = "1.1.0, then 1.2.0: one more roll, however often it was asked for";
    Some(trial.broken(expected, format!("{version} answers, further than was asked for")))
}

fn one_too_many(trial: &Trial) -> Broken {
    trial.broken("one more roll, however often it was asked for", "another roll begins after it")
}
