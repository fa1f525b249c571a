//! The end: workers that drain still answer each other.

use std::{collections::BTreeSet, process::ExitCode};

use supervisor::{Intents, shut_down_with};

use crate::{Frame, Notice, Workers};

/// Drains every worker, and gives each notice to `hear` meanwhile. A worker whose own clients have
/// their answers stays until the other workers' clients have theirs, too: they may ask it.
pub async fn shut_down(
    workers: Workers,
    intents: Intents,
    mut hear: impl FnMut(Notice),
) -> ExitCode {
    let mut drained = BTreeSet::new();
    let meanwhile = |workers: &mut Workers, notice: Notice| {
        if let Notice::Drained { worker, .. } = &notice {
            drained.insert(worker.pid);
        }
        hear(notice);
        let is_drained = |pid| drained.contains(&pid);
        if !drained.is_empty() && workers.all().iter().all(|worker| is_drained(worker.pid)) {
            workers.tell_all(Frame::Leave);
        }
    };
    shut_down_with(workers, intents, meanwhile).await
}
