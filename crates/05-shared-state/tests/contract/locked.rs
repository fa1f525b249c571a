//! A database that another process has locked, and files that aren't ours.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use harness::{Cluster, Kept, Signal, Trial, patience};
use shared_state::rusqlite::{self, Connection};

use crate::{
    changes::{change, lock_writes, page},
    scene::{Door, Doors, PROMPT, Reply, database, millis},
    sessions::log_in,
};

const BUSY_TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) fn a_locked_database_costs_writes_503_and_others_nothing(trial: &Trial) -> Kept {
    let busy = millis(BUSY_TIMEOUT);
    let settings = [("BUSY_TIMEOUT_MS", busy.as_str()), ("ACK_TIMEOUT_MS", "60000")];
    let cluster = trial.start(&settings)?;
    let mut doors = Doors::open(trial, &cluster, 9)?;
    let mut first = doors.take(trial, 1)?;
    first.ask(trial, "POST /counter?key=k")?.has(trial, "value", 1)?;
    change(trial, &mut first, "a", "before")?;
    for mut door in doors.one_each(trial)? {
        page(trial, &mut door, "a", "before")?;
    }
    while_it_is_locked(trial, &mut doors)?;
    first.ask(trial, "POST /counter?key=k")?.has(trial, "value", 2)?;
    page(trial, &mut first, "a", "before")?;
    change(trial, &mut first, "a", "after")?.has(trial, "version", 2)?;
    ends(&cluster)?;
    refuses_what_is_not_ours(trial)
}

/// Each request, with its worker and its body. They wait side by side.
const WRITES: [(u32, &str, &str); 5] = [
    // The time of each counts from its request, and not from the end of the one before.
    (1, "POST /counter?key=k", ""),
    (1, "POST /counter?key=k", ""),
    (1, "POST /counter?key=k", ""),
    (2, "PUT /config/a", "lost"),
    (3, "POST /login", "user=anna"),
];

fn while_it_is_locked(trial: &Trial, doors: &mut Doors) -> Kept {
    let mut late = doors.take(trial, 1)?;
    let cookie = log_in(trial, &mut late, None)?;
    late.send_as(trial, &format!("POST /cart?item=late&ms={PAUSE_MS}"), Some(&cookie), "")?;
    let head = late.head(trial)?;
    let lock = lock_writes(trial)?;
    let mut waiting = Vec::new();
    for (slot, request, body) in WRITES {
        let mut door = doors.take(trial, slot)?;
        door.send_as(trial, request, None, body)?;
        waiting.push((door, request));
    }
    for (door, request) in &mut waiting {
        let mut other = doors.take(trial, door.worker)?;
        for path in ["/", "/page/a", "/counter?key=k", "/jobs/j", "/"] {
            other.ask(trial, &format!("GET {path}"))?.is(trial, 200)?;
        }
        let expected = "GETs that are answered while a write waits for the lock";
        let observed = format!("{request} is over before them");
        trial.expect(!door.has_news(), expected, observed)?;
    }
    for (door, _) in &mut waiting {
        is_503(trial, door)?;
    }
    let reply = late.rest(trial, &head)?;
    drop(lock);
    trial.recorder.observe("the write lock is free again");
    says_that_it_failed(trial, &mut late, &reply, &cookie)
        .map_err(|broken| broken.during("a cart whose answer had begun before the lock"))
}

/// Longer than it takes to lock the database.
const PAUSE_MS: u32 = 500;

/// Its head is out by then, so its body says that nothing was added.
fn says_that_it_failed(trial: &Trial, door: &mut Door, reply: &Reply, cookie: &str) -> Kept {
    let says_so = reply.json["error"].is_string() && reply.json.get("cart").is_none();
    trial.expect(says_so, "a body with `error` instead of `cart`", reply.to_string())?;
    let me = door.ask_as(trial, "GET /me", Some(cookie), "")?;
    me.has(trial, "cart", Vec::<String>::new()).map(drop)
}

fn is_503(trial: &Trial, door: &mut Door) -> Kept {
    let reply = door.answer(trial)?.is(trial, 503)?;
    let observed = reply.to_string();
    trial.expect(reply.retry_after.is_some(), "Retry-After with a 503", observed)?;
    let most = patience(BUSY_TIMEOUT) * 2;
    let observed = format!("503 after {:.1} s", reply.after.as_secs_f64());
    trial.expect(reply.after < most, "503 after BUSY_TIMEOUT_MS", observed)
}

fn ends(cluster: &Cluster) -> Kept {
    cluster.signal(Signal::SIGTERM);
    cluster.wait_exit(PROMPT)?;
    cluster.wait_gone(PROMPT)
}

/// Each is one file, in a folder of its own.
fn refuses_what_is_not_ours(trial: &Trial) -> Kept {
    let made = files(trial).map_err(|error| trial.broken("files to refuse", error.to_string()))?;
    for (what, file) in made {
        let bytes = fs::read(&file).ok();
        trial
            .refuses("DATABASE", &file.to_string_lossy())
            .map_err(|broken| broken.during(&format!("a file that is {what}")))?;
        let is_same = fs::read(&file).ok() == bytes;
        trial.expect(is_same, format!("the bytes of a file that is {what} stay"), "others")?;
    }
    Ok(())
}

type Made = Result<Vec<(&'static str, PathBuf)>, Box<dyn std::error::Error>>;

fn files(trial: &Trial) -> Made {
    let place = |name: &str| {
        let folder = trial.path(name);
        fs::create_dir(&folder).map(|()| folder.join("state.db"))
    };
    let text = place("text")?;
    fs::write(&text, "What must be done on Monday:\n".repeat(200))?;
    let foreign = place("foreign")?;
    make(&foreign, "CREATE TABLE notes (text); INSERT INTO notes VALUES ('Monday');")?;
    let newer = place("newer")?;
    fs::copy(database(trial), &newer)?;
    make(&newer, "PRAGMA user_version = 99;")?;
    let damaged = place("damaged")?;
    fs::copy(database(trial), &damaged)?;
    damage(&damaged)?;
    Ok(vec![
        ("a text", text),
        ("a database of another program", foreign),
        ("a database of a newer version", newer),
        ("a damaged database", damaged),
    ])
}

fn make(file: &Path, sql: &str) -> rusqlite::Result<()> {
    let connection = Connection::open(file)?;
    connection.execute_batch(sql)?;
    connection.close().map_err(|(_, error)| error)
}

/// Its first page, with the schema, stays; the rest is overwritten.
fn damage(file: &Path) -> std::io::Result<()> {
    let mut bytes = fs::read(file)?;
    let page = usize::from(u16::from_be_bytes([bytes[16], bytes[17]])).max(512);
    let rest = bytes.len().min(page);
    bytes[rest..].fill(0x5a);
    fs::write(file, bytes)
}
