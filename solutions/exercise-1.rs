//! Exercise 1: graceful shutdown with a deadline (30 to 45 minutes).
//!
//! A primary and two workers serve HTTP on one port. All of it works but the end: told to stop,
//! the cluster falls over and takes every request with it. Make it finish what it holds.
//!
//! The five numbered functions are yours; the rest of this file stays as it is. What they may call
//! is in `graceful_shutdown`: each operation does one thing, the order is up to you.
//!
//! ```text
//! read     guides/01-graceful-shutdown-patterns.md     cargo xtask guide 1
//! look up  crates/01-graceful-shutdown/src/lib.rs      cargo doc --package graceful-shutdown --open
//! watch    a finished cluster do it                    cargo xtask run 01-graceful-shutdown
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
use tokio::time::{sleep, timeout, timeout_at};

fn main() -> ExitCode {
    graceful_shutdown::run(primary, worker)
}

/// The primary: keeps a worker in each slot until a signal asks for the end.
async fn primary(config: Config, mut workers: Workers, mut signals: Signals) -> ExitCode {
    for slot in workers.slots() {
        workers.start(slot).await;
    }
    workers.announce();
    loop {
        tokio::select! {
            signal = signals.next() => {
                return shut_down(&config, &mut workers, &mut signals, signal).await;
            }
            notice = workers.next() => {
                if let Notice::Exited(worker, _) = notice {
                    replace(&mut workers, worker.slot).await;
                }
            }
        }
    }
}

/// 1. A worker died while the cluster was running. Starts a new one in its `slot`.
async fn replace(workers: &mut Workers, slot: Slot) {
    workers.start(slot).await;
}

/// 2. Shuts the cluster down after `signal`, and says how that went.
///
/// The exit code is 0 if everything was finished, and 1 if anything was cut off: by the drain
/// timeout, by a second signal, or by a worker that died on the way.
///
/// Beyond the exercise, it emits `ShutdownEvent::Started` and `ShutdownEvent::Complete`.
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
    workers.drain_all(timeout).await;

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
                Notice::Exited(_, exit) if exit != Exit::Code(0) => {
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
    clean_up(&journal, &mut primary).await;
    let answered = server.answered() - answered_before;
    primary.tell(FromWorker::Drained { answered, cut }).await;
    ExitCode::SUCCESS
}

/// 3. Waits for the order to drain: for how long to be a lame duck, and how long all of it may
///    take. `None` says that the primary is gone, so no order will come.
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

/// 4. Finishes what `server` holds within `limit`, and returns how many connections were cut off
///    with work on them.
async fn drain(server: &mut Server, lame_duck: Duration, limit: Duration) -> usize {
    let deadline = tokio::time::Instant::now() + limit;
    server.fail_readiness();
    server.announce_close();
    server.stop_accepting().await;
    // A request may be on its way on a connection that looks idle from here: serve on for a while.
    let _ = timeout(lame_duck.min(limit), server.all_closed()).await;
    server.close_idle();
    match timeout_at(deadline, server.all_closed()).await {
        Ok(()) => 0,
        Err(_) => server.cut().await,
    }
}

/// 5. Makes good on every line that was acknowledged, and reports it.
async fn clean_up(journal: &Journal, primary: &mut Primary) {
    let detail = match journal.flush() {
        Ok(lines) => format!("{} written", count(lines, "line")),
        Err(error) => format!("failed: {error}"),
    };
    primary.tell(FromWorker::CleanedUp { resource: "journal".to_owned(), detail }).await;
}
