//! Exercise 1: graceful shutdown with a deadline (30 to 45 minutes).
//!
//! A primary and two workers serve HTTP on one port. Only the end is missing: when the cluster is
//! told to stop, it crashes, and every request in flight is lost. Make it finish its work first.
//!
//! The five numbered functions are yours; the rest of this file stays as it is. What they may call
//! is in `graceful_shutdown`: each operation does one thing, and you choose the order. A quotation
//! after a rule is the promise that checks it.
//!
//! ```text
//! read     guides/01-graceful-shutdown-patterns.md     cargo xtask guide 1
//! look up  crates/01-graceful-shutdown/src/lib.rs      cargo doc --no-deps -p graceful-shutdown -p supervisor --open
//! watch    a finished cluster do it                    cargo xtask run 01-graceful-shutdown
//! try      your own cluster, with curl                 cargo xtask run exercise-1 --serve
//! check    all promises, easiest first                 cargo xtask check exercise-1
//! stuck    a nudge, then more                          cargo xtask hint exercise-1
//! ```

use std::{process::ExitCode, time::Duration};

use graceful_shutdown::{
    Config, ESCALATION, Exit, FromWorker, Journal, Notice, Outcome, Primary, Server, ShutdownEvent,
    Signal, Signals, Slot, ToWorker, Workers, emit, millis,
};

fn main() -> ExitCode {
    graceful_shutdown::run(primary, worker)
}

/// The primary: keeps a worker in each slot until a signal asks for the end.
async fn primary(config: Config, mut workers: Workers, mut signals: Signals) -> ExitCode {
    for slot in workers.slots() {
        workers.start(slot);
    }
    workers.announce();
    loop {
        tokio::select! {
            signal = signals.next() => {
                return shut_down(&config, &mut workers, &mut signals, signal).await;
            }
            notice = workers.next() => {
                if let Notice::Exited(worker, _) = notice {
                    replace(&mut workers, worker.slot);
                }
            }
        }
    }
}

/// 1. The worker in `slot` died while the cluster was running. Starts a new worker in that slot:
///    "A crashed worker is replaced while the cluster runs".
fn replace(workers: &mut Workers, slot: Slot) {
    todo!("start a new worker in slot {slot}")
}

/// 2. Shuts the cluster down after `signal`, and returns the exit code.
///
/// - Every worker drains within `config.drain_timeout(signal)`, and the primary waits until the
///   last one is gone: "A request in flight at SIGTERM is answered whole".
/// - The primary's copy of the listening socket is closed: "a new connection is refused".
/// - No new worker is started: "and not while it drains".
/// - The exit code is 0 if everything was finished, and 1 if a request was cut off, by the drain
///   timeout, by a second signal, or because a worker died: "the exit code is 1".
/// - A second signal kills every worker: "A second signal ends the cluster at once".
///
/// Beyond the exercise:
///
/// - A worker that is still there `ESCALATION` after its timeout is killed: "A stopped worker does
///   not hold the exit".
/// - `ShutdownEvent::Started` and `ShutdownEvent::Complete` are emitted: "The primary reports".
async fn shut_down(
    config: &Config,
    workers: &mut Workers,
    signals: &mut Signals,
    signal: Signal,
) -> ExitCode {
    todo!("{signal:?}: have every worker drain, wait for the last one, then exit")
}

/// A worker: serves (the server does that by itself) until the primary tells it to drain.
async fn worker(
    mut server: Server,
    journal: Journal,
    mut primary: Primary,
    mut signals: Signals,
) -> ExitCode {
    let Some((lame_duck, timeout)) = orders(&mut primary, &mut signals).await else {
        return ExitCode::FAILURE;
    };
    primary.tell(FromWorker::Draining { in_flight: server.in_flight() }).await;
    let answered_before = server.answered();
    let cut = tokio::select! {
        cut = drain(&mut server, lame_duck, timeout) => cut,
        None = primary.hear() => return ExitCode::FAILURE,
    };
    let code = clean_up(&journal, &mut primary).await;
    let answered = server.answered() - answered_before;
    primary.tell(FromWorker::Drained { answered, cut }).await;
    code
}

/// 3. Waits for the order to drain. Returns for how long to be a lame duck, and how long all of it
///    may take.
///
/// - A signal changes nothing: "A request in flight at SIGINT is answered whole".
/// - When the primary is gone it returns `None`: "Workers do not outlive a primary".
async fn orders(primary: &mut Primary, signals: &mut Signals) -> Option<(Duration, Duration)> {
    loop {
        tokio::select! {
            said = primary.hear() => match said {
                Some(ToWorker::Drain { lame_duck, timeout }) => return Some((lame_duck, timeout)),
                None => todo!("the primary is gone, by whatever death: what is a worker to do?"),
            },
            signal = signals.next() => todo!("{signal:?} reached a worker: whose decision is it?"),
        }
    }
}

/// 4. Finishes what `server` holds within `limit`. Returns how many connections it cut off: those
///    with a request that the server had begun and did not answer.
///
/// - No new connection is accepted: "a new connection is refused".
/// - It returns as soon as no connection is open: "without waiting out the timeout".
/// - Each answer says that it is the last one: "Answers while draining say Connection: close".
/// - Idle connections are served for `lame_duck`, and closed then: "an idle connection does not
///   hold the exit".
/// - At `limit`, whatever is still open is cut off: "A request that outlives the drain timeout", "A
///   client that sends byte by byte, or never reads".
/// - Beyond the exercise: "/health says 503 while draining".
async fn drain(server: &mut Server, lame_duck: Duration, limit: Duration) -> usize {
    todo!("stop accepting, finish what is open within {limit:?}, cut off the rest")
}

/// 5. Writes every line that was acknowledged, and reports that to the primary: "Each acknowledged
///    journal line is on disk".
///
/// The exit code is 0, or 1 if a line could not be written.
async fn clean_up(journal: &Journal, primary: &mut Primary) -> ExitCode {
    todo!("write the journal, and report it")
}
