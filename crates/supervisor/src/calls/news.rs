//! The primary's side of news: which workers were told, and which of them have acknowledged it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use events::{Pid, Slot};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::Notify, time::timeout};

use super::{Down, Up, locked};
use crate::workers::Workers;

/// Which workers have the news by its deadline, by slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// They have acknowledged it.
    pub acknowledged: BTreeSet<Slot>,
    /// They live, and have not acknowledged it.
    pub missing: BTreeSet<Slot>,
}

/// Tells all workers the news, and collects what they acknowledge. The primary has one.
#[derive(Default)]
pub struct Newsroom {
    last: u64,
    open: Arc<Mutex<HashMap<u64, Telling>>>,
}

/// News that some workers have not acknowledged yet.
#[derive(Default)]
struct Telling {
    waiting: BTreeMap<Pid, Slot>,
    acknowledged: BTreeSet<Slot>,
    all_heard: Arc<Notify>,
}

impl Newsroom {
    /// The number of the last news; 0 before the first.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Tells every worker the `news`, also one that is still starting, or drains. What it returns waits
    /// until each of them has acknowledged it or died, `within` this time. Spawn that: the primary must
    /// not wait for it.
    ///
    /// A worker that reads nothing for a long time may miss news: its queue is bounded. It then finds a gap
    /// in the numbers.
    pub fn tell_all<Question, Answer, News>(
        &mut self,
        workers: &Workers<Down<Answer, News>, Up<Question>>,
        news: News,
        within: Duration,
    ) -> impl Future<Output = Told> + Send + use<Question, Answer, News>
    where
        Question: DeserializeOwned + Send + 'static,
        Answer: Clone + Serialize,
        News: Clone + Serialize,
    {
        self.last += 1;
        let id = self.last;
        let mut telling = Telling::default();
        for worker in workers.all() {
            // A start that failed is in the list, and has no channel.
            if workers.link(worker.pid).is_some() {
                telling.waiting.insert(worker.pid, worker.slot);
                workers.tell_one(worker.pid, Down::News { id, news: news.clone() });
            }
        }
        let all_heard = telling.all_heard.clone();
        telling.look();
        locked(&self.open).insert(id, telling);
        let open = self.open.clone();
        async move {
            let _ = timeout(within, all_heard.notified()).await;
            let told = locked(&open).remove(&id).unwrap_or_default();
            Told { acknowledged: told.acknowledged, missing: told.waiting.into_values().collect() }
        }
    }

    /// The worker `pid` has acknowledged the news `id`.
    pub fn heard(&mut self, pid: Pid, id: u64) {
        if let Some(telling) = locked(&self.open).get_mut(&id)
            && let Some(slot) = telling.waiting.remove(&pid)
        {
            telling.acknowledged.insert(slot);
            telling.look();
        }
    }

    /// The worker `pid` has died, and everything that it sent was read. It knows nothing any more, so no
    /// news waits for it.
    pub fn gone(&mut self, pid: Pid) {
        for telling in locked(&self.open).values_mut() {
            telling.waiting.remove(&pid);
            telling.look();
        }
    }
}

impl Telling {
    fn look(&self) {
        if self.waiting.is_empty() {
            self.all_heard.notify_one();
        }
    }
}
