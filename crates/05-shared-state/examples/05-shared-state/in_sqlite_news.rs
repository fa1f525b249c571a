//! News of changes in a file. A database that is a file tells other processes nothing, so they ask it.
//!
//! A look costs one read of shared memory while nothing has changed. That makes it cheap enough to look
//! often, and it stays a look: between two of them a process does not know.

use std::time::Duration;

use shared_state::{Database, Transaction, rusqlite};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use crate::store::{Change, Changes};

/// How old news can be.
const EACH: Duration = Duration::from_millis(20);

/// Looks for news until its subscriber is gone.
pub(crate) fn listen(database: Database) -> Changes {
    let (told, changes) = Changes::channel();
    tokio::spawn(async move {
        let mut seen = None;
        let mut ticks = interval(EACH);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = told.closed() => return,
            }
            // What could not be read now is read at the next look.
            if let Ok(news) = database.read(move |db| since(db, seen)).await {
                seen = Some(news.last);
                if tell(&told, news.changes).await.is_err() {
                    return;
                }
            }
        }
    });
    changes
}

struct News {
    /// The number of the last one.
    last: i64,
    changes: Vec<Change>,
}

/// What there is after the number `seen`. At first that is anything.
fn since(db: &Transaction, seen: Option<i64>) -> rusqlite::Result<News> {
    const LAST: &str = "SELECT coalesce(max(number), 0) FROM news";
    const SINCE: &str = "SELECT number, key FROM news WHERE number > ?1 ORDER BY number";
    let Some(seen) = seen else {
        let last = db.prepare_cached(LAST)?.query_row([], |row| row.get(0))?;
        return Ok(News { last, changes: vec![Change::OfAnything] });
    };
    let mut since = db.prepare_cached(SINCE)?;
    let rows: rusqlite::Result<Vec<(i64, String)>> =
        since.query_map([seen], |row| Ok((row.get(0)?, row.get(1)?)))?.collect();
    let rows = rows?;
    let Some((last, _)) = rows.last() else { return Ok(News { last: seen, changes: Vec::new() }) };
    let last = *last;
    // Numbers have no gaps but where old rows were deleted.
    let has_missed = rows.first().is_some_and(|(first, _)| *first > seen + 1);
    let changes = if has_missed {
        vec![Change::OfAnything]
    } else {
        rows.into_iter().map(|(_, key)| Change::Of(key)).collect()
    };
    Ok(News { last, changes })
}

async fn tell(told: &mpsc::Sender<Change>, changes: Vec<Change>) -> Result<(), ()> {
    for change in changes {
        told.send(change).await.map_err(drop)?;
    }
    Ok(())
}
