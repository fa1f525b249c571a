//! Workers that change hands.

use std::collections::BTreeSet;

use events::Exit;
use harness::{
    Kept, Signal, Trial,
    load::{Clients, Connections, Load},
    patience,
    who::{children, meet_all},
};

use crate::PROMPT;

const LOAD: [Clients; 2] = [
    Clients::new(2, Connections::KeptAlive, "/", 1),
    Clients::new(2, Connections::OnePerRequest, "/", 1),
];

/// The primary tells its workers something all the time, and kills are timed by no clock: so words and
/// deaths fall before, into and after a standstill.
pub(crate) fn workers_that_are_handed_over_all_the_time_notice_nothing(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("WORKERS", "3"), ("HAND_OVER_MS", "5"), ("TELL_MS", "3")])?;
    let known = meet_all(trial, &cluster, "/", 3)?;
    let load = Load::start(cluster.address, &LOAD);
    let served = load.wait_for(500, PROMPT);
    trial.expect(served, "500 requests", format!("{} requests", load.finished()))?;
    let ledgers = load.finish();
    let lost: u64 = ledgers.iter().map(harness::ledger::Ledger::lost).sum();
    trial.expect(lost == 0, "no request lost", format!("{lost} lost"))?;
    trial.expect(
        children(&cluster) == known.keys().copied().collect(),
        "the same three workers",
        format!("{:?}", children(&cluster)),
    )?;
    drop(known);
    for round in 1..=30 {
        let before = children(&cluster);
        let victim = before.first().copied().unwrap_or_default();
        cluster.signal_process(victim, Signal::SIGKILL)?;
        let others: BTreeSet<u32> = before.into_iter().filter(|pid| *pid != victim).collect();
        let is_replaced = || {
            let now = children(&cluster);
            (now.len() == 3 && now.is_superset(&others) && !now.contains(&victim)).then_some(())
        };
        let replaced = processes::until(patience(PROMPT), is_replaced);
        let observed = format!("{:?} in round {round}", children(&cluster));
        trial.expect(replaced.is_some(), "three workers, and two of them as before", observed)?;
    }
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(0), "exit code 0", exit.to_string())
}
