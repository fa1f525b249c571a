//! The driver of a primary: wait for the first thing that happens, step, perform.

use std::{process::ExitCode, time::Instant};

use graceful_shutdown::{Config, Notice, Signals, Workers};
use supervisor::{Intent, Intents, Tally, at};

use crate::sequence::{ShutdownAction, ShutdownInput, ShutdownPhase};

/// Keeps a worker in each slot until a signal asks for the end, then shuts them down.
///
/// The exit code is 0 when everything was drained, and 1 when work was cut off.
pub(crate) async fn primary(config: Config, mut workers: Workers, signals: Signals) -> ExitCode {
    for slot in workers.slots() {
        workers.start(slot);
    }
    // The listener has a queue, so a client that comes before the first worker waits there.
    workers.announce();
    let mut intents = Intents::new(signals);
    let mut phase = ShutdownPhase::Running;
    // The exit code speaks of the shutdown alone: a death before it isn't counted.
    let mut tally = None;
    while !(phase.is_stopping() && workers.is_empty()) {
        let input = tokio::select! {
            notice = workers.next() => heard(notice, tally.as_mut()),
            intent = intents.next() => Some(asked(intent, &intents, &config)),
            () = at(phase.deadline()) => Some(ShutdownInput::Overdue),
        };
        let Some(input) = input else { continue };
        let action;
        (phase, action) = phase.step(input, Instant::now());
        if let Some(action) = action {
            perform(action, &mut workers, &intents, &mut tally);
        }
    }
    tally.map_or(ExitCode::FAILURE, Tally::conclude)
}

/// What a worker's notice means for the sequence. `None`: it changes no phase.
fn heard(notice: Notice, tally: Option<&mut Tally>) -> Option<ShutdownInput> {
    if let Some(tally) = tally {
        tally.add(&notice);
    }
    match notice {
        Notice::Exited(worker, _) => Some(ShutdownInput::WorkerGone(worker.slot)),
        Notice::Ready(_) | Notice::Draining(_) | Notice::Drained { .. } => None,
    }
}

/// A person who presses Ctrl-C waits for the prompt, so SIGINT may have a shorter timeout.
fn asked(intent: Intent, intents: &Intents, config: &Config) -> ShutdownInput {
    match (intent, intents.last()) {
        (Intent::Shutdown, Some(signal)) => ShutdownInput::Asked(config.drain_timeout(signal)),
        (Intent::Shutdown, None) => ShutdownInput::Asked(config.shared.drain_timeout),
        (Intent::ShutdownNow, _) => ShutdownInput::Insisted,
    }
}

fn perform(
    action: ShutdownAction,
    workers: &mut Workers,
    intents: &Intents,
    tally: &mut Option<Tally>,
) {
    match action {
        ShutdownAction::Replace(slot) => workers.start(slot),
        ShutdownAction::Drain(timeout) => {
            *tally = Some(Tally::begin(intents.last_name(), timeout));
            // A connection is refused only when the last copy of the socket is closed, and this
            // one is the primary's.
            workers.stop_listening();
            workers.drain_all(timeout);
        }
        ShutdownAction::Kill(reason) => {
            if let Some(tally) = tally {
                tally.force();
            }
            workers.kill_all(reason);
        }
    }
}
