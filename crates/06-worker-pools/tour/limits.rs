//! Steps 4 and 5: a task that would never end, and a queue that does not grow.

use std::time::Instant;

use harness::{Kept, Stage};

use crate::{
    clients::{Client, count, millis},
    evidence::Evidence,
};

pub(crate) fn a_task_without_an_end(stage: &mut Stage) -> Kept {
    stage.step("A task that never ends; each may run for 1000 ms");
    let evidence = Evidence::new(stage, "deadline")?;
    let settings = [("WORKERS", "1"), ("TASK_TIMEOUT_MS", "1000")];
    let cluster = evidence.start(stage, &settings)?;
    let mut client = Client::of(&cluster);
    let began = Instant::now();
    let endless = client.submit_all("spin", 1..=1);
    let next = client.submit_all("prime", [7]);
    let failed = client.ended(stage, &endless)?;
    let took = millis(began.elapsed());
    let error = &failed[0]["error"];
    stage.finding(*error == "deadline", format!("it failed after {took} ms: {error}"));
    let began = Instant::now();
    let tasks = client.ended(stage, &next)?;
    let waited = millis(began.elapsed());
    let starts = evidence.starts();
    let pid = |id: &[u64]| id.first().and_then(|id| starts.get(id)?.first()).map(|line| line.pid);
    let is_new = pid(&endless) != pid(&next);
    stage.finding(
        is_new && tasks[0]["attempts"] == 1,
        format!("the next task is done {waited} ms later, by a new process"),
    );
    stage.figure("failed_after_ms", took);
    stage.account(&client.ledger);
    Ok(())
}

pub(crate) fn more_tasks_than_places(stage: &mut Stage) -> Kept {
    stage.step("Sixty tasks come while four run, and twenty may wait");
    let evidence = Evidence::new(stage, "full")?;
    let cluster = evidence.start(stage, &[("QUEUE_LIMIT", "20")])?;
    let mut client = Client::of(&cluster);
    let running = client.submit_all("hold", 1..=4);
    evidence.wait_started(stage, 4)?;
    let waiting = client.submit_all("hold", 5..=64);
    let refused = 60 - waiting.len();
    stage.finding(
        waiting.len() == 20,
        format!("{} are accepted, {refused} are answered 429", waiting.len()),
    );
    evidence.release(1);
    evidence.wait_started(stage, 5)?;
    let more = client.submit_all("hold", 65..=70);
    stage.finding(more.len() == 1, format!("one task ends, and {} more finds a place", more.len()));
    (1..=70).for_each(|n| evidence.release(n));
    let accepted = [running, waiting, more].concat();
    let tasks = client.ended(stage, &accepted)?;
    let done = count(&tasks, "completed");
    let text = format!("{done} of {} that were accepted are done", accepted.len());
    stage.finding(done == accepted.len(), text);
    stage.figure("accepted", accepted.len());
    stage.account(&client.ledger);
    Ok(())
}
