//! What another program of this primary must know, beside its workers.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use supervisor::{RestartHistory, restart::RestartRecord};

use super::{Admin, Config, Primary};
use crate::{Deploys, admin::Question, telling::Telling};

/// What is known while no deploy is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrimaryRecord {
    history: RestartRecord,
    /// The numbers go on, or an old acknowledgement would be taken for a new one.
    news: u64,
    step: u64,
}

impl<D: Deploys> Primary<D> {
    /// What an operator asks next. Cancel safe.
    pub async fn question(&mut self) -> Question {
        self.admin.next().await
    }

    /// What is known now.
    #[must_use]
    pub fn record(&self, now: Instant) -> PrimaryRecord {
        let (news, step) = self.telling.numbers();
        PrimaryRecord { history: self.history.record(now), news, step }
    }

    /// A primary that goes on where another program of it has stopped.
    #[must_use]
    pub fn resumed(config: Config, deploys: D, admin: Admin, record: &PrimaryRecord) -> Self {
        let history = RestartHistory::with_settings(&config.shared);
        Primary {
            history: history.resumed(&record.history, Instant::now()),
            telling: Telling::resumed(config.ack_timeout, record.news, record.step),
            ..Primary::new(config, deploys, admin)
        }
    }

    /// From now on deploys are refused, or no longer: this primary is being replaced.
    pub fn hold_deploys(&mut self, holds: bool) {
        self.holds_deploys = holds;
    }

    /// Accepts no more operators: see [`Admin::pause`].
    pub fn pause(&mut self) -> impl Future<Output = ()> + use<D> {
        self.admin.pause()
    }

    /// Accepts operators at `admin` again.
    pub fn accept(&mut self, admin: Admin) {
        self.admin = admin;
    }

    /// Its deploys.
    #[must_use]
    pub fn deploys(&self) -> &D {
        &self.deploys
    }
}
