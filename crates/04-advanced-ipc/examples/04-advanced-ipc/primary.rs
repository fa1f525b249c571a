//! The driver of a primary: keep a worker in each slot, hear what the workers say, pass it on.

use std::{process::ExitCode, time::Instant};

use advanced_ipc::{Config, Intents, Notice, RestartHistory, Workers, at, shut_down_with};

use crate::exchange::Exchange;
#[cfg(target_os = "linux")]
use crate::handover::Handover;

/// Keeps a worker in each slot, and passes on what they tell each other, until a signal asks for the
/// end.
///
/// The exit code is 0 when everything was drained, and 1 when work was cut off.
pub(crate) async fn primary(
    config: Config,
    mut workers: Workers,
    mut intents: Intents,
) -> ExitCode {
    let mut exchange = Exchange::new(config);
    let mut history = RestartHistory::with_settings(&config.shared);
    // Before the first worker, which may come at once.
    let _counter = Handover::open(exchange.processes());
    fill_slots(&mut workers, &history, &mut exchange);
    workers.announce();
    loop {
        let now = Instant::now();
        let deadlines = [workers.deadline(now), history.deadline(now)];
        tokio::select! {
            notice = workers.next() => {
                if let Notice::Exited(worker, _) = &notice {
                    history.count(worker);
                }
                exchange.hear(&mut workers, notice);
            }
            _ = intents.next() => break,
            () = at(deadlines.into_iter().flatten().min()) => workers.kill_overdue(Instant::now()),
        }
        fill_slots(&mut workers, &history, &mut exchange);
    }
    shut_down_with(workers, intents, |workers, notice| exchange.hear(workers, notice)).await
}

/// Starts a worker in each slot that is empty and may have one, and makes it known.
fn fill_slots(workers: &mut Workers, history: &RestartHistory, exchange: &mut Exchange) {
    for slot in workers.slots() {
        let is_empty = workers.all().iter().all(|worker| worker.slot != slot);
        if is_empty && history.may_start(slot, Instant::now()) {
            workers.start(slot);
        }
    }
    exchange.welcome(workers);
}
