//! This machine beside the queue: it takes tasks, keeps their leases, and writes down what became of
//! them. Each of the three waits for Redis, and the primary waits for none of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{interval, sleep, timeout},
};
use worker_pools::{Id, warn};

use crate::{
    in_redis::{End, InRedis, Taken},
    redis_failures::Failure,
};

/// How long until Redis is asked again after it has not answered.
const PAUSE: Duration = Duration::from_millis(100);
/// A lease is renewed several times before it ends: one call may fail.
const RENEWALS_PER_LEASE: u32 = 4;
/// A consumer that was silent for this many leases, and holds nothing, is forgotten.
const SILENT_LEASES: u32 = 20;

/// What a machine hears of its queue.
#[derive(Debug)]
pub(crate) enum News {
    /// The answer to a request: these tasks are its own now. There may be none.
    Taken(Vec<Taken>),
    /// This task is another machine's by now: nothing that becomes of it here counts.
    Lost(Id),
}

/// What a machine writes down.
#[derive(Debug)]
enum Note {
    Started(Taken, u32),
    Ended(Taken, End),
    GivenBack(Taken),
}

/// The tasks that are this machine's, and whose leases are renewed.
type Own = Arc<Mutex<BTreeMap<Id, Taken>>>;

/// A machine's hold on the queue.
pub(crate) struct Machine {
    own: Own,
    /// A request is under way, and there is never more than one.
    is_asking: bool,
    requests: mpsc::Sender<usize>,
    /// Bounded by the tasks that this machine may have.
    notes: mpsc::UnboundedSender<Note>,
    news: mpsc::UnboundedReceiver<News>,
    writing: JoinHandle<()>,
}

impl Machine {
    /// Begins to share `queue`, whose leases last for `lease`.
    pub(crate) fn join(queue: &Arc<InRedis>, lease: Duration) -> Self {
        let own = Own::default();
        let (requests, asked) = mpsc::channel(1);
        let (notes, written) = mpsc::unbounded_channel();
        let (tell, news) = mpsc::unbounded_channel();
        tokio::spawn(take(queue.clone(), lease, asked, tell.clone()));
        tokio::spawn(renew(queue.clone(), lease, own.clone(), tell.clone()));
        let writing = tokio::spawn(write(queue.clone(), written, tell));
        Machine { own, is_asking: false, requests, notes, news, writing }
    }

    /// Asks for at most `most` tasks, unless it asks already.
    pub(crate) fn ask_for(&mut self, most: usize) {
        if most > 0 && !self.is_asking {
            self.is_asking = self.requests.try_send(most).is_ok();
        }
    }

    /// What happens next. Cancel safe.
    pub(crate) async fn next(&mut self) -> News {
        let Some(news) = self.news.recv().await else { return std::future::pending().await };
        match &news {
            News::Taken(tasks) => {
                self.is_asking = false;
                locked(&self.own).extend(tasks.iter().map(|task| (task.id, task.clone())));
            }
            News::Lost(id) => drop(locked(&self.own).remove(id)),
        }
        news
    }

    /// The task `id` starts, as attempt `attempt`.
    pub(crate) fn started(&self, id: Id, attempt: u32) {
        let task = locked(&self.own).get(&id).cloned();
        if let Some(task) = task {
            let _ = self.notes.send(Note::Started(task, attempt));
        }
    }

    /// The task `id` has ended. From now on its lease is not renewed.
    pub(crate) fn ended(&self, id: Id, end: End) {
        let task = locked(&self.own).remove(&id);
        if let Some(task) = task {
            let _ = self.notes.send(Note::Ended(task, end));
        }
    }

    /// Gives back what it still has, and waits until everything is written down, `within` this time. A
    /// machine that leaves without that leaves its tasks to the end of their leases.
    pub(crate) async fn leave(mut self, within: Duration) {
        // Tasks that it has asked for may be on their way.
        let rest = async {
            while self.is_asking {
                self.next().await;
            }
        };
        let _ = timeout(within, rest).await;
        for task in std::mem::take(&mut *locked(&self.own)).into_values() {
            let _ = self.notes.send(Note::GivenBack(task));
        }
        drop(self.notes);
        if timeout(within, self.writing).await.is_err() {
            warn(format_args!("Redis does not answer: other machines wait for the leases to end"));
        }
    }
}

/// Takes tasks when it is asked for some: first those of machines that are gone, once per lease, and
/// otherwise new ones.
async fn take(
    queue: Arc<InRedis>,
    lease: Duration,
    mut requests: mpsc::Receiver<usize>,
    tell: mpsc::UnboundedSender<News>,
) {
    let mut next_look = Instant::now();
    while let Some(most) = requests.recv().await {
        let mut taken = Ok(Vec::new());
        if Instant::now() >= next_look {
            taken = queue.take_over(most).await;
            // When there were as many as it may take, there may be more.
            if taken.as_ref().is_ok_and(|taken| taken.len() < most) {
                next_look = Instant::now() + lease / 2;
                // What this leaves undone is done at the next look.
                let _ = queue.tidy(lease * SILENT_LEASES).await;
            }
        }
        if taken.as_ref().is_ok_and(Vec::is_empty) {
            taken = queue.take(most).await;
        }
        if taken.is_err() {
            sleep(PAUSE).await;
        }
        if tell.send(News::Taken(taken.unwrap_or_default())).is_err() {
            return;
        }
    }
}

/// Renews the leases of all tasks that this machine has.
async fn renew(queue: Arc<InRedis>, lease: Duration, own: Own, tell: mpsc::UnboundedSender<News>) {
    let mut ticks = interval((lease / RENEWALS_PER_LEASE).max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        let tasks: Vec<Taken> = locked(&own).values().cloned().collect();
        for task in tasks {
            // Without an answer the next tick tries again.
            if queue.renew(&task).await == Ok(false)
                && locked(&own).contains_key(&task.id)
                && tell.send(News::Lost(task.id)).is_err()
            {
                return;
            }
        }
    }
}

/// Writes down one thing after the other, each until Redis has answered. To write one twice does no harm:
/// the second time the task isn't this machine's.
async fn write(
    queue: Arc<InRedis>,
    mut notes: mpsc::UnboundedReceiver<Note>,
    tell: mpsc::UnboundedSender<News>,
) {
    while let Some(note) = notes.recv().await {
        let is_own = loop {
            match write_once(&queue, &note).await {
                Ok(is_own) => break is_own,
                Err(_) => sleep(PAUSE).await,
            }
        };
        if let (Note::Started(task, _), false) = (&note, is_own) {
            let _ = tell.send(News::Lost(task.id));
        }
    }
}

async fn write_once(queue: &InRedis, note: &Note) -> Result<bool, Failure> {
    match note {
        Note::Started(task, attempt) => queue.start(task, *attempt).await,
        Note::Ended(task, end) => queue.finish(task, end).await,
        Note::GivenBack(task) => queue.give_back(task).await,
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
