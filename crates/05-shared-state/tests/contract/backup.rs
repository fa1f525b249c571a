//! A backup: all that was acknowledged, in one file.

use std::{fs, path::PathBuf};

use harness::{Cluster, Kept, Trial, patience};

use crate::{
    counting::{Increments, holds},
    scene::{Door, Doors, PROMPT, WORKERS},
    sessions::log_in,
};

const CLIENTS: usize = 4;
const BACKUP: &str = "POST /backup/monday";

pub(crate) fn a_backup_has_what_was_acknowledged(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let mut all = Doors::open(trial, &cluster, 1)?.one_each(trial)?;
    let cookie = log_in(trial, &mut all[0], None)?;
    all[1].ask_as(trial, "POST /cart?item=a", Some(&cookie), "")?.is(trial, 200)?;
    let load = Increments::start(cluster.address, CLIENTS, None);
    goes_on(trial, &load)?;
    let before = load.acknowledged();
    let reply = all[2].ask(trial, BACKUP)?.is(trial, 200)?;
    goes_on(trial, &load)?;
    let account = load.finish();
    let file = PathBuf::from(reply.json["file"].as_str().unwrap_or_default());
    trial.expect(file.is_file(), "the file of the answer is there", reply.to_string())?;
    let bytes = fs::read(&file).ok();
    all[3].ask(trial, BACKUP)?.is(trial, 409)?;
    trial.expect(fs::read(&file).ok() == bytes, "a backup that stays as it is", "other bytes")?;
    for door in &mut all {
        holds(trial, door, &account)
            .map_err(|broken| broken.during("what the backup was made of"))?;
    }
    drop(cluster);
    let most = account.acknowledged.len() + account.unknown;
    let restored = trial.start(&[("DATABASE", &file.to_string_lossy())])?;
    has_all(trial, &restored, before, most, &cookie)
        .map_err(|broken| broken.during("a start with the backup as DATABASE"))
}

fn goes_on(trial: &Trial, load: &Increments) -> Kept {
    let so_far = load.acknowledged();
    let more = || (load.acknowledged() >= so_far + 100).then_some(());
    let goes_on = processes::until(patience(PROMPT), more).is_some();
    trial.expect(goes_on, "100 more increments", "the load does not go on")
}

fn has_all(trial: &Trial, cluster: &Cluster, least: usize, most: usize, cookie: &str) -> Kept {
    let mut all: Vec<Door> = Doors::open(trial, cluster, 1)?.one_each(trial)?;
    let value = all[0].ask(trial, "GET /counter?key=k")?.is(trial, 200)?.number(trial, "value")?;
    let is_right = usize::try_from(value).is_ok_and(|value| (least..=most).contains(&value));
    let expected = format!("the counter: {least} (acknowledged before the backup) to {most}");
    trial.expect(is_right, expected, format!("the counter says {value}"))?;
    let next = all[1].ask(trial, "POST /counter?key=k")?;
    next.has(trial, "value", value + 1)?;
    let me = all[WORKERS as usize - 1].ask_as(trial, "GET /me", Some(cookie), "")?;
    me.has(trial, "cart", vec!["a"]).map(drop)
}
