//! Step 7: two clusters share a queue in Redis, and one of them is killed.

use std::time::Instant;

use harness::{Kept, RedisServer, Signal, Stage, patience};

use crate::{
    clients::{Client, LIMIT, millis},
    evidence::Evidence,
};

const TASKS: u64 = 600;

pub(crate) fn two_share_a_queue(stage: &mut Stage) -> Kept {
    stage.step("Two clusters share a queue in Redis, and one is killed");
    // A program that knows the setting refuses what makes no sense.
    let is_known = stage.trial().refuses("QUEUE", "nonsense").is_ok();
    let one_home = "skipped: this program has one home for its queue, the file";
    if let Some(why) = if is_known { RedisServer::missing() } else { Some(one_home) } {
        stage.say(why);
        return Ok(());
    }
    let server = RedisServer::start(stage.trial().path("."), "--appendonly yes");
    let server =
        server.map_err(|error| stage.trial().broken("a redis-server", error.to_string()))?;
    let evidence = Evidence::new(stage, "machines")?;
    let queue = server.url("tour");
    let settings = [("QUEUE", &*queue), ("QUEUE_LIMIT", "1000"), ("LEASE_MS", "1000")];
    let (first, second) = (evidence.start(stage, &settings)?, evidence.start(stage, &settings)?);
    let mut client = Client::of(&second);
    let ids = client.submit_all("hash", (0..TASKS).map(|n| 1000 + n));
    let completed = |client: &mut Client| client.stats()["completed"].as_u64().unwrap_or(0);
    let third = || (completed(&mut client) >= TASKS / 3).then_some(());
    let is_busy = processes::until(patience(LIMIT), third).is_some();
    stage.trial().expect(is_busy, "a third of the tasks done", "fewer")?;
    first.signal(Signal::SIGKILL);
    let began = Instant::now();
    let all = || (completed(&mut client) >= TASKS).then_some(());
    let is_done = processes::until(patience(LIMIT), all).is_some();
    let took = millis(began.elapsed());
    let counts = client.stats();
    let starts = evidence.starts();
    let twice = starts.values().filter(|starts| starts.len() > 1).count();
    let lost = TASKS - counts["completed"].as_u64().unwrap_or(0);
    stage.finding(
        is_done && lost == 0 && ids.len() == starts.len(),
        format!(
            "{} of {TASKS} tasks are done, {twice} of them twice, {lost} lost",
            counts["completed"]
        ),
    );
    stage.say(&format!("the last one {took} ms after the death; a lease lasts for 1000 ms"));
    stage.figure("twice", twice);
    stage.figure("lost", lost);
    stage.account(&client.ledger);
    Ok(())
}
