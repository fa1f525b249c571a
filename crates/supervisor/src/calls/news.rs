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

#[cfg(test)]
mod tests {
    use super::*;

    const NEWS: u64 = 1;

    /// News that the workers 1 and 2 were told, whose pids are 101 and 102.
    fn told_to_two() -> (Newsroom, Arc<Notify>) {
        let waiting = [1, 2].map(|slot| (Pid(100 + slot), Slot(slot))).into();
        let telling = Telling { waiting, ..Telling::default() };
        let all_heard = telling.all_heard.clone();
        let open = Arc::new(Mutex::new(HashMap::from([(NEWS, telling)])));
        (Newsroom { last: NEWS, open }, all_heard)
    }

    async fn is_over(all_heard: &Notify) -> bool {
        timeout(Duration::from_millis(1), all_heard.notified()).await.is_ok()
    }

    fn acknowledged(newsroom: &Newsroom) -> Vec<Slot> {
        locked(&newsroom.open)[&NEWS].acknowledged.iter().copied().collect()
    }

    #[tokio::test]
    async fn news_are_over_once_each_worker_has_acknowledged_them() {
        let (mut newsroom, all_heard) = told_to_two();
        for (pid, id) in [(101, NEWS), (101, NEWS), (102, NEWS + 1), (103, NEWS)] {
            newsroom.heard(Pid(pid), id);
        }
        assert!(!is_over(&all_heard).await);
        newsroom.heard(Pid(102), NEWS);
        assert!(is_over(&all_heard).await);
        assert_eq!(acknowledged(&newsroom), [Slot(1), Slot(2)]);
    }

    #[tokio::test]
    async fn no_news_wait_for_a_dead_worker_and_it_has_acknowledged_nothing() {
        let (mut newsroom, all_heard) = told_to_two();
        newsroom.heard(Pid(101), NEWS);
        newsroom.gone(Pid(102));
        assert!(is_over(&all_heard).await);
        assert_eq!(acknowledged(&newsroom), [Slot(1)]);
    }
}
