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

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use events::numbers::count;
use graceful_shutdown::{
    Config, ESCALATION, Exit, FromWorker, Journal, Notice, Outcome, Primary, Server, ShutdownEvent,
    Signal, Signals, Slot, ToWorker, Workers, emit, millis,
};
use tokio::time::{sleep, timeout_at};

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
    workers.start(slot);
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
    let began = Instant::now();
    let timeout = config.drain_timeout(signal);
    let timeout_ms = millis(timeout);
    emit(ShutdownEvent::Started { signal: signal.name().to_owned(), timeout_ms });
    // A connection is refused only when the last copy of the socket is closed. This one is ours.
    workers.stop_listening();
    workers.drain_all(timeout);

    // A worker that is still there after its own deadline is stopped, or stuck.
    let overdue = sleep(timeout + ESCALATION);
    tokio::pin!(overdue);
    let mut outcome = Outcome::Drained;
    let (mut drained, mut cut_off) = (0, 0);
    while !workers.is_empty() {
        tokio::select! {
            notice = workers.next() => match notice {
                Notice::Drained { answered, cut, .. } => {
                    drained += answered;
                    cut_off += cut;
                    if cut > 0 {
                        outcome = outcome.max(Outcome::Cut);
                    }
                }
                Notice::Exited(worker, exit) if worker.was_ready && exit != Exit::Code(0) => {
                    outcome = outcome.max(Outcome::Cut);
                }
                Notice::Ready(_) | Notice::Draining(_) | Notice::Exited(..) => {}
            },
            _ = signals.next() => {
                outcome = Outcome::Forced;
                workers.kill_all("a second signal");
            }
            () = &mut overdue, if !overdue.is_elapsed() => {
                outcome = outcome.max(Outcome::Cut);
                workers.kill_all("the drain is overdue");
            }
        }
    }

    let millis = millis(began.elapsed());
    emit(ShutdownEvent::Complete { outcome, drained, cut: cut_off, millis });
    if outcome == Outcome::Drained { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
                None => return None,
            },
            // Ctrl-C reaches every process of the group. The primary heard it too, and decides.
            _ = signals.next() => {}
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
    let began = tokio::time::Instant::now();
    let deadline = began + limit;
    server.fail_readiness();
    server.announce_close();
    server.stop_accepting().await;
    // A request may be on its way on a connection that looks idle from here: serve on for a while.
    let _ = timeout_at(began + lame_duck.min(limit), server.all_closed()).await;
    server.close_idle();
    match timeout_at(deadline, server.all_closed()).await {
        Ok(()) => 0,
        Err(_) => server.cut().await,
    }
}

/// 5. Writes every line that was acknowledged, and reports that to the primary: "Each acknowledged
///    journal line is on disk".
///
/// The exit code is 0, or 1 if a line could not be written.
async fn clean_up(journal: &Journal, primary: &mut Primary) -> ExitCode {
    let (detail, code) = match journal.flush() {
        Ok(lines) => (format!("{} written", count(lines, "line")), ExitCode::SUCCESS),
        Err(error) => (format!("failed: {error}"), ExitCode::FAILURE),
    };
    primary.tell(FromWorker::CleanedUp { resource: "journal".to_owned(), detail }).await;
    code
}
