//! The driver of a primary: wait for whatever happens first, step, perform.

use std::{future::pending, io, process::ExitCode, time::Instant};

use cluster_basics::StartError;
use events::{Event, Exit, Outcome, emit};
use tokio::time::sleep_until;

use crate::{
    given::{Config, FromWorker, Notice, Signals, ToWorker, Workers},
    intent::Intents,
    sequence::{Action, Input, Phase},
};

/// Keeps `config.workers` workers running until a signal asks for the end, then shuts them down.
///
/// The exit code is 0 when everything was drained, and 1 when work was cut off.
///
/// # Errors
/// When a worker can't be started.
pub async fn primary(
    config: Config,
    mut workers: Workers,
    signals: Signals,
) -> Result<ExitCode, StartError> {
    for slot in 1..=config.workers {
        workers.start(slot)?;
    }
    workers.announce();
    let mut intents = Intents::new(signals);
    let mut phase = Phase::Running;
    let mut tally = Tally::default();
    while !(phase.is_stopping() && workers.is_empty()) {
        let input = next_input(&mut workers, &mut intents, &config, phase, &mut tally).await;
        let Some(input) = input else { continue };
        let action;
        (phase, action) = phase.step(input, Instant::now());
        if let Some(action) = action {
            perform(action, &mut workers, &intents, &config, &mut tally).await?;
        }
    }
    Ok(tally.conclude())
}

/// Waits for whatever happens first. `None`: something that changes no phase.
async fn next_input(
    workers: &mut Workers,
    intents: &mut Intents,
    config: &Config,
    phase: Phase,
    tally: &mut Tally,
) -> Option<Input> {
    let overdue = async {
        match phase.deadline() {
            Some(deadline) => sleep_until(deadline.into()).await,
            None => pending().await,
        }
    };
    tokio::select! {
        notice = workers.next() => match notice {
            Notice::Exited { worker, exit, .. } => {
                tally.add_exit(phase, exit);
                Some(Input::WorkerGone(worker))
            }
            Notice::Said { message, .. } => {
                tally.add_message(&message);
                None
            }
        },
        intent = intents.next(config) => Some(Input::Asked(intent)),
        () = overdue => Some(Input::Overdue),
    }
}

async fn perform(
    action: Action,
    workers: &mut Workers,
    intents: &Intents,
    config: &Config,
    tally: &mut Tally,
) -> io::Result<()> {
    match action {
        Action::Replace(slot) => workers.start(slot)?,
        Action::Drain(timeout) => {
            tally.began = Some(Instant::now());
            let timeout_ms = events::millis(timeout);
            let signal = intents.last_name().to_owned();
            emit(&Event::ShutdownStarted { signal, timeout_ms });
            workers.stop_listening();
            workers.tell_all(ToWorker::Drain { lame_duck: config.lame_duck, timeout }).await;
        }
        Action::Kill(reason) => {
            tally.outcome = Outcome::Forced;
            workers.kill_all(reason);
        }
    }
    Ok(())
}

/// What the shutdown can say for itself at the end.
struct Tally {
    began: Option<Instant>,
    outcome: Outcome,
    drained: usize,
    cut: usize,
}

impl Default for Tally {
    fn default() -> Self {
        Tally { began: None, outcome: Outcome::Drained, drained: 0, cut: 0 }
    }
}

impl Tally {
    fn add_message(&mut self, message: &FromWorker) {
        if let FromWorker::Drained { answered, cut } = message {
            self.drained += answered;
            self.cut += cut;
            if *cut > 0 {
                self.outcome = self.outcome.max(Outcome::Cut);
            }
        }
    }

    /// A worker that dies in the middle of its drain takes its work with it.
    fn add_exit(&mut self, phase: Phase, exit: Exit) {
        if phase.is_stopping() && exit != Exit::Code(0) {
            self.outcome = self.outcome.max(Outcome::Cut);
        }
    }

    fn conclude(self) -> ExitCode {
        let took = self.began.map_or_else(Default::default, |began| began.elapsed());
        emit(&Event::ShutdownComplete {
            outcome: self.outcome,
            drained: self.drained,
            cut: self.cut,
            millis: events::millis(took),
        });
        match self.outcome {
            Outcome::Drained => ExitCode::SUCCESS,
            Outcome::Cut | Outcome::Forced => ExitCode::FAILURE,
        }
    }
}
