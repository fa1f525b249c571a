//! An end that is held up where the tasks lie.

use std::{collections::BTreeMap, sync::Arc};

use cluster_basics::StartError;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid as Process,
};
use supervisor::Signals;
use tokio::sync::{Notify, mpsc};

use super::*;
use crate::{Config, Id, Pid, Refusal, Task, Value, Work};

/// A pool whose tasks lie in a process that never answers.
struct Frozen {
    tasks: BTreeMap<Id, Task>,
    closes: Arc<Notify>,
}

impl TaskPool for Frozen {
    fn tasks(&self) -> &BTreeMap<Id, Task> {
        &self.tasks
    }

    fn next_id(&self) -> Id {
        Id::default()
    }

    fn ready(&mut self, _: Pid) {}

    fn submit(&mut self, _: Work) -> Result<Id, Refusal> {
        Err(Refusal::Full)
    }

    fn dispatch(&mut self) -> Option<(Pid, Id)> {
        None
    }

    fn started(&mut self, _: Pid, _: Id) {}

    fn finished(&mut self, _: Pid, _: Id, _: Value) {}

    fn lost(&mut self, _: Pid) {}

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn expire(&mut self, _: Instant) -> Vec<Pid> {
        Vec::new()
    }

    async fn close(&mut self) {
        self.closes.notify_one();
        std::future::pending::<()>().await;
    }
}

/// To this process itself, whose handlers stand.
fn terminate() {
    kill(Process::this(), Signal::SIGTERM).expect("a signal");
}

/// The last task has ended, and no worker is left.
#[tokio::test]
async fn a_second_signal_ends_it_although_the_tasks_lie_in_a_frozen_process()
-> Result<(), StartError> {
    let mut config = Config::from_env()?;
    config.shared.port = 0;
    let mut intents = Intents::new(Signals::install()?);
    let workers = Workers::listen(config.shared)?;
    let (_ask, questions) = mpsc::channel(1);
    let server = Server::start(workers.listener()?, async |_, _| unreachable!("no client asks"));
    let closes = Arc::new(Notify::new());
    let pool = Frozen { tasks: BTreeMap::new(), closes: closes.clone() };
    terminate();
    assert_eq!(intents.next().await, Intent::Shutdown);
    let end = Primary::new(config, pool, questions).shut_down(server, workers, intents);
    let again = async {
        closes.notified().await;
        terminate();
    };
    let (code, ()) =
        tokio::time::timeout(Duration::from_secs(10), async { tokio::join!(end, again) })
            .await
            .expect("an end within 10 s");
    assert_eq!(code, ExitCode::FAILURE);
    Ok(())
}
