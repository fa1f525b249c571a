//! Step 7: the same requests, once with a cache that is right in the end, and once with one that is right.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use harness::{Kept, Stage, patience, wire::Connection};

use crate::{
    Homes,
    clients::{Ask, Done, LIMIT, account, ask, doors, in_file, millis},
};

const PUT: &str = "PUT /config/menu";
const GET: &str = "GET /page/menu";
/// How long a worker serves a page.
const TTL: Duration = Duration::from_secs(1);

pub(crate) fn of_one_page(stage: &mut Stage, homes: &Homes) -> Kept {
    stage.step("Two clients and two workers: a change that is told, and one that isn't");
    if homes.are_there {
        stage.say("TELL=none, CACHE_TTL_MS=1000: no other worker is told");
        let old = history(stage, "untold.db", &[("TELL", "none")])?;
        stage.finding(old > 0, format!("{old} old answers after the change; it ends with the TTL"));
        stage.figure("old_answers_untold", old);
    }
    stage.say("CACHE_TTL_MS=1000: all workers are told");
    let old = history(stage, "told.db", &[])?;
    stage.finding(old == 0, format!("{old} old answers after the change"));
    stage.figure("old_answers_told", old);
    Ok(())
}

/// A client at each of two workers.
struct Clients {
    workers: BTreeMap<u32, (u32, Connection)>,
    began: Instant,
}

/// Client A changes the page at worker 2, client B reads it. How many of B's answers were old.
fn history(stage: &mut Stage, file: &str, more: &[(&str, &str)]) -> Kept<usize> {
    let (setting, file) = in_file(stage, file);
    let ttl = TTL.as_millis().to_string();
    let mut settings = vec![(setting, file.as_str()), ("CACHE_TTL_MS", ttl.as_str())];
    settings.extend(more);
    let cluster = stage.start(&settings)?;
    let mut clients = Clients { workers: doors(stage, &cluster)?, began: Instant::now() };
    clients.put("soup");
    clients.get(1);
    clients.began = Instant::now();
    let changed = clients.put("stew");
    let new = changed.json()["version"].clone();
    stage.say(&clients.line("A", PUT, 2, &new.to_string()));
    account(stage, &[changed]);
    let mut old = 0;
    for worker in [1, 2, 1] {
        let version = clients.get(worker);
        old += usize::from(version != new);
        stage.say(&clients.line("B", GET, worker, &version.to_string()));
    }
    let is_new = || (clients.get(1) == new).then_some(());
    let in_the_end = processes::until(patience(LIMIT), is_new);
    stage.trial().expect(in_the_end.is_some(), "the new page in the end", "the old one")?;
    if old > 0 {
        stage.say(&clients.line("B", GET, 1, &new.to_string()));
    }
    Ok(old)
}

impl Clients {
    fn put(&mut self, value: &'static str) -> Done {
        self.ask(2, Ask { method: "PUT", body: value, ..Ask::get("/config/menu") })
    }

    /// The version that this worker answers with.
    fn get(&mut self, worker: u32) -> serde_json::Value {
        self.ask(worker, Ask::get("/page/menu")).json()["version"].clone()
    }

    fn ask(&mut self, worker: u32, what: Ask) -> Done {
        let connection = self.workers.get_mut(&worker).map(|(_, connection)| connection);
        ask(connection.expect("a connection to each worker"), what)
    }

    fn line(&self, client: &str, request: &str, worker: u32, version: &str) -> String {
        let ms = millis(self.began.elapsed());
        format!("{ms:>7.1} ms  client {client}  {request:<16}  worker {worker}  version {version}")
    }
}
