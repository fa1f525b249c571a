//! Nothing is lost with 20 ms between client and cluster, either: not in a roll, and not in a
//! drain. A killed worker takes along the request that it holds, and no other. `cargo test -p
//! rolling-restart --test distance` prints the figures.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::Duration,
};

use harness::{
    Kept, Signal, Trial,
    distance::from_afar,
    ledger::Ledger,
    load::{Clients, Connections, Load},
    patience,
    who::{self, Poll},
};

const DELAY: Duration = Duration::from_millis(20);
const WORKERS: usize = 4;
const LIMIT: Duration = Duration::from_mins(1);

/// Unequal pauses, so that at any moment some clients are in the middle of their handshake.
const TRAFFIC: &[Clients] = &[
    Clients::new(8, Connections::OnePerRequest, "/", 0),
    Clients::new(8, Connections::OnePerRequest, "/", 13),
    Clients::new(8, Connections::OnePerRequest, "/", 29),
    Clients::new(8, Connections::OnePerRequest, "/", 47),
    Clients::new(8, Connections::KeptAlive, "/", 5),
];

fn main() -> ExitCode {
    from_afar(env!("CARGO_BIN_EXE_solution-2"), DELAY, |trial| {
        println!("with {} ms between client and cluster", DELAY.as_millis());
        roll(trial)?;
        kill(trial)?;
        drain(trial)
    })
}

fn roll(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let load = Load::start(cluster.address, TRAFFIC);
    let _ = load.wait_for(200, LIMIT);
    cluster.signal(Signal::SIGUSR2);
    let mut poll = Poll::default();
    let rolled = processes::until(patience(LIMIT), || {
        poll.ask(&cluster, "/", WORKERS).filter(|version| version == "1.1.0")
    });
    trial.expect(rolled.is_some(), "a roll to 1.1.0", "it did not end")?;
    let _ = load.wait_for(load.finished() + 200, LIMIT);
    let ledger = nothing_is_lost(trial, "a roll", &load.finish())?;
    trial.expect(ledger.refused == 0, "a roll refuses no request", ledger.to_string())
}

/// Each worker holds a request; one worker is killed.
fn kill(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let mut held = BTreeMap::new();
    for (pid, (_, connection)) in who::meet_all(trial, &cluster, "/", WORKERS)? {
        held.insert(pid, cluster.get_on(connection, "/slow?ms=1000").in_flight()?);
    }
    let killed = held.keys().next().copied().unwrap_or_default();
    cluster.signal_process(killed, Signal::SIGKILL)?;
    let answered: BTreeSet<u32> = held
        .into_iter()
        .filter_map(|(pid, pending)| pending.expect_200().is_ok().then_some(pid))
        .collect();
    let lost = WORKERS - answered.len();
    println!("  {:<8} {WORKERS} sent = {} answered + {lost} lost", "a kill", answered.len());
    let observed = format!("{} of {WORKERS} requests are answered", answered.len());
    let is_right = answered.len() == WORKERS - 1 && !answered.contains(&killed);
    trial.expect(is_right, "only the killed worker's request is lost", observed)
}

fn drain(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let load = Load::start(cluster.address, TRAFFIC);
    let _ = load.wait_for(500, LIMIT);
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(LIMIT)?;
    let observed = format!("it ended with {exit}");
    trial.expect(exit == events::Exit::Code(0), "exit code 0", observed)?;
    // The closed port may refuse any number of new clients. The kernel of a client that was ignored
    // sends its SYN again after a second, and is refused then.
    let _ = load.wait_for(load.finished() + 60, LIMIT);
    nothing_is_lost(trial, "a drain", &load.finish()).map(drop)
}

/// Prints the account of `phases`, and returns it if each request is answered or refused.
fn nothing_is_lost(trial: &Trial, what: &str, phases: &[Ledger]) -> Kept<Ledger> {
    let mut ledger = Ledger::default();
    for phase in phases {
        ledger.add(phase);
    }
    let half = ledger.quantile(0.5).as_millis();
    println!("  {what:<8} {ledger}; half of the answers took {half} ms or less");
    let observed = ledger.to_string();
    trial.expect(ledger.sent >= 200, "200 requests or more", observed.clone())?;
    trial.expect(ledger.lost() == 0, "no request is lost", observed)?;
    Ok(ledger)
}
