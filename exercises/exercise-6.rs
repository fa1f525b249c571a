//! Exercise 6: state that is right (70 to 95 minutes).
//!
//! Four workers that share counters, sessions, a cache and jobs. What they have acknowledged survives every
//! process. What one of them changes, all of them know before the change is answered.
//!
//! The numbered functions are yours; you may add to the rest. What you may call is in `shared_state`.
//!
//! ```text
//! read     guide 06-state-management                  cargo xtask guide 6
//! look up  crates/05-shared-state/src/lib.rs          cargo doc --no-deps -p shared-state -p supervisor --open
//! watch    a finished cluster do it                   cargo xtask run 05-shared-state
//! check    all promises, easiest first                cargo xtask check exercise-6
//! stuck    a nudge, then more                         cargo xtask hint exercise-6
//! ```

use std::{
    collections::HashMap,
    process::ExitCode,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use shared_state::{
    Change, Database, Failure, JobDone, News, OptionalExtension, Origin, Page, Place, Session,
    SessionId, SharedState, Transaction, as_ms, now_ms, params, prepare, rusqlite,
};

fn main() -> ExitCode {
    shared_state::run(prepare, Site::new)
}

struct Site {
    db: Database,
    news: News,
    origin: Origin,
    pages: Pages,
    limits: Limits,
    lease: Duration,
}

/// How long a session lasts, in milliseconds.
#[derive(Clone, Copy)]
struct Limits {
    idle: i64,
    max: i64,
}

impl Site {
    fn new(Place { config, news, origin, .. }: Place) -> Result<Self, Failure> {
        // Two are enough: one writes, and the other one reads meanwhile.
        let mut connections = 2;
        // An extra, promise 13 ("Never more than"): all processes together may have `db_connections`. One is
        // the primary's. In a roll there are `shared.workers + max_surge` workers.
        let db = Database::open(&config, connections)?;
        // An extra, promise 14 ("in the whole cluster"): an `origin.for_the_cluster`.
        let pages = Pages::new(db.clone(), origin.clone(), config.cache_ttl);
        let limits = Limits { idle: as_ms(config.session_idle), max: as_ms(config.session_max) };
        Ok(Site { db, news, origin, pages, limits, lease: config.lease })
    }
}

/// Function 2. The user of the session `id`, which is used now; `None` if there is none, or it has ended.
///
/// 1. Every worker must find it, so ask the table `sessions`: promise 4 ("honoured by every worker").
/// 2. It has ended if `used` is not less than `limits.idle` ago: promise 5 ("ends at logout").
/// 3. It has ended, too, if `born` is not less than `limits.max` ago, however much it is used.
/// 4. If it has not ended, set `used` to now. Never insert a row: what has ended must stay so.
fn touch(tx: &Transaction, id: &SessionId, limits: Limits) -> rusqlite::Result<Option<String>> {
    todo!("is {id:?} a session that has not ended? Then it is used now")
}

/// What is in the cart of the session `id`, in order.
fn cart_of(tx: &Transaction, id: &SessionId) -> rusqlite::Result<Vec<String>> {
    let mut items = tx.prepare("SELECT item FROM carts WHERE session = ?1 ORDER BY rowid")?;
    items.query_map([id], |row| row.get(0))?.collect()
}

impl SharedState for Site {
    /// Function 1. Adds 1 to the counter `key`, and returns its value.
    ///
    /// 1. The row may be missing. Insert it with 1, or add 1 to the row that is there
    ///    (`ON CONFLICT DO UPDATE`), and take the value from `RETURNING`: promise 2 ("exactly once").
    /// 2. Do it in one `write`. What an earlier `read` has returned may be wrong by now.
    async fn count(&self, key: String) -> Result<i64, Failure> {
        todo!("add 1 to the counter {key:?}, in one statement")
    }

    async fn counter(&self, key: String) -> Result<i64, Failure> {
        let sql = "SELECT value FROM counters WHERE key = ?1";
        let read = move |tx: &Transaction| tx.query_row(sql, [key], |row| row.get(0)).optional();
        Ok(self.db.read(read).await?.unwrap_or(0))
    }

    /// A new id at each login: another client may know the id that this one came with.
    async fn log_in(&self, user: String, old: Option<SessionId>) -> Result<SessionId, Failure> {
        let (id, now) = (SessionId::random(), now_ms());
        let row = id.clone();
        let log_in = move |tx: &Transaction| {
            if let Some(old) = old {
                tx.execute("DELETE FROM sessions WHERE id = ?1", [old])?;
            }
            let sql = "INSERT INTO sessions (id, user, born, used) VALUES (?1, ?2, ?3, ?3)";
            tx.execute(sql, params![row, user, now])
        };
        self.db.write(log_in).await?;
        Ok(id)
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, Failure> {
        let limits = self.limits;
        let read = move |tx: &Transaction| {
            let Some(user) = touch(tx, &id, limits)? else { return Ok(None) };
            Ok(Some(Session { cart: cart_of(tx, &id)?, user, id }))
        };
        self.db.write(read).await
    }

    async fn log_out(&self, id: SessionId) -> Result<bool, Failure> {
        let sql = "DELETE FROM sessions WHERE id = ?1";
        self.db.write(move |tx| Ok(tx.execute(sql, [id])? == 1)).await
    }

    /// Function 3. Adds `item` to the cart of `session`, and returns the cart.
    ///
    /// 1. `session` was read a while ago. Another request may have changed the cart since: insert a row
    ///    into `carts`, and leave the other rows alone: promise 6 ("both count").
    /// 2. The session may have ended since. Look with `touch`, in the same `write`; return `None` if it has
    ///    ended: promise 5 ("ends at logout").
    async fn add_to_cart(
        &self,
        session: Session,
        item: String,
    ) -> Result<Option<Vec<String>>, Failure> {
        todo!("has the session ended meanwhile? If not, add {item:?} to its cart")
    }

    async fn page(&self, key: String) -> Result<Page, Failure> {
        self.pages.page(key, self.news.has_word()).await
    }

    /// Function 6. Changes the value of `key`, and tells all workers.
    ///
    /// 1. Write the row of `config`: version 1 if there is none yet, otherwise one more than before.
    /// 2. Then tell all workers, and wait for them: promise 7 ("When PUT has answered"). A worker that is
    ///    told before the commit would load the old value again.
    async fn change(&self, key: String, value: String) -> Result<Change, Failure> {
        todo!("write {value:?}, then tell all workers that {key:?} has changed")
    }

    /// News: `key` has changed. Requests that wait for its load get that; no later request finds it.
    fn forget(&self, key: &str) {
        self.pages.cache().remove(key);
    }

    fn forget_all(&self) {
        self.pages.cache().clear();
    }

    /// Function 7. Runs the job `name`, unless another request runs it.
    ///
    /// 1. Claim it in one `write`: a row of `jobs` whose `until` is in the future is held. The closure then
    ///    returns `None`, and you return `Failure::Held`: promise 10 ("run a job once").
    /// 2. Otherwise set `until` to now and the lease, and `token` to one more than before. Never delete the
    ///    row: tokens only grow.
    /// 3. Do the work, `self.origin.work(&name, token)`, outside of any transaction.
    /// 4. Then, in one `write`: if the row still has your token, keep the result (`done` is the token of the
    ///    run that counts) and set `until` to 0. If it has another token, the lease has passed to another
    ///    request: return `Failure::Lost`, and change nothing: promise 11 ("frozen past its lease").
    /// 5. If the work failed, do the same, but leave `done` and `result`; then return its failure.
    async fn run_job(&self, name: String) -> Result<JobDone, Failure> {
        todo!("claim the job {name:?}, do the work, and finish it if the lease is still yours")
    }

    async fn last_job(&self, name: String) -> Result<Option<JobDone>, Failure> {
        let sql = "SELECT done, result FROM jobs WHERE name = ?1 AND done IS NOT NULL";
        let job = |row: &rusqlite::Row| Ok(JobDone { token: row.get(0)?, result: row.get(1)? });
        self.db.read(move |tx| tx.query_row(sql, [name], job).optional()).await
    }

    // An extra, promise 15 ("A backup"): the function `backup` of the trait, with that of `self.db`.
}

#[derive(Clone)]
struct Pages {
    db: Database,
    origin: Origin,
    ttl: Duration,
    /// By key. News of a change remove the entry of that key, also while its page is being loaded.
    cache: Arc<Mutex<HashMap<String, Entry>>>,
    loads: Arc<AtomicU64>,
}

#[derive(Default)]
struct Entry {
    /// The last page that was loaded, and when its load began. It may have expired.
    page: Option<(Page, Instant)>,
    /// The load that is under way.
    load: Option<Load>,
}

#[derive(Clone)]
struct Load {
    /// No two loads of a worker have the same number.
    number: u64,
    began: Instant,
    /// Await a clone of it. It goes on when all those that wait have hung up.
    outcome: Shared<BoxFuture<'static, Result<Page, Failure>>>,
}

impl Entry {
    /// The page, if its load began less than `ttl` ago.
    fn young(&self, ttl: Duration) -> Option<Page> {
        let young = self.page.as_ref().filter(|(_, began)| began.elapsed() < ttl);
        young.map(|(page, _)| page.clone())
    }

    /// The page, also if it has expired.
    fn any(&self) -> Option<Page> {
        self.page.as_ref().map(|(page, _)| page.clone())
    }
}

impl Pages {
    fn new(db: Database, origin: Origin, ttl: Duration) -> Self {
        Pages { db, origin, ttl, cache: Arc::default(), loads: Arc::default() }
    }

    /// Never held over an `await`.
    fn cache(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page as it is now, from the database and the origin. Nothing is cached.
    async fn load(&self, key: &str) -> Result<Page, Failure> {
        let (sql, row) = ("SELECT value, version FROM config WHERE key = ?1", key.to_owned());
        let read = move |tx: &Transaction| {
            tx.query_row(sql, [row], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        };
        let (value, version): (String, i64) = self.db.read(read).await?.unwrap_or_default();
        Ok(Page { value: self.origin.render(key, &value).await?, version })
    }

    /// Begins to load a page on a task of its own, which calls `keep` at its end.
    fn begin_load(&self, key: &str) -> Load {
        let number = self.loads.fetch_add(1, Ordering::Relaxed);
        let (pages, key) = (self.clone(), key.to_owned());
        let task = tokio::spawn(async move {
            let loaded = pages.load(&key).await;
            pages.keep(&key, number, &loaded);
            loaded
        });
        let panicked = |_| Err(Failure::Broken("a panic".to_owned()));
        let outcome = task.map(move |done| done.unwrap_or_else(panicked)).boxed().shared();
        Load { number, began: Instant::now(), outcome }
    }

    /// Function 4. The page of `key`. `has_word`: this worker has heard from the primary lately.
    ///
    /// 1. A cached page may be used only while it has the word. A worker that was frozen has not heard what
    ///    changed meanwhile, and does not know that it was frozen. So without the word, `load` the page past
    ///    the cache: promise 7 ("When PUT has answered").
    /// 2. If the entry of `key` has a young page, return that.
    /// 3. Otherwise wait for the load that is under way. If there is none, begin one, and put it into the
    ///    entry: promise 9 ("asked for once"). Don't hold the lock while you wait.
    /// 4. If the load fails, return the page that the entry has, also if it has expired. Without one return
    ///    the failure.
    async fn page(&self, key: String, has_word: bool) -> Result<Page, Failure> {
        todo!("may the cached page of {key:?} be used? If not, which load brings it?")
    }

    /// Function 5. The load with this `number` has come to its end.
    ///
    /// 1. If the entry of `key` is gone, or has another load, the value has changed since this load began:
    ///    do nothing: promise 8 ("A load that began before a change").
    /// 2. Otherwise the entry has no load any more, whatever came of it: the next request tries again.
    /// 3. If a page came of it, keep that, with the moment at which the load began.
    fn keep(&self, key: &str, number: u64, loaded: &Result<Page, Failure>) {
        todo!("does the entry of {key:?} still wait for load {number}?")
    }
}
