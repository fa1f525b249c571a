//! The first step and the last one: tasks that are done, and an end that loses none.

use std::collections::BTreeSet;

use events::Exit;
use harness::{Kept, Signal, Stage};
use serde_json::Value;

use crate::{
    clients::{Client, LIMIT, count},
    evidence::{Evidence, lanes},
};

const TASKS: u64 = 18;

pub(crate) fn who_works_on_what(stage: &mut Stage) -> Kept {
    stage.step("Four workers and eighteen tasks: who works on what");
    let evidence = Evidence::new(stage, "work")?;
    let cluster = evidence.start(stage, &[])?;
    let mut client = Client::of(&cluster);
    // Short and long ones: each worker takes the next one when it is free.
    let rounds = |n: u64| if n.is_multiple_of(3) { 20_000 } else { 2_000 };
    let ids: Vec<u64> = (0..TASKS).filter_map(|n| client.submit("hash", rounds(n))).collect();
    let tasks = client.ended(stage, &ids)?;
    let journal = evidence.journal();
    stage.say("one column for each start or end that a worker wrote down, one letter for a task");
    for lane in lanes(&journal) {
        stage.say(&lane);
    }
    let right = tasks.iter().filter(|task| task["result"].as_str().is_some()).count();
    let workers: BTreeSet<u32> = journal.iter().map(|line| line.pid).collect();
    let (done, workers) = (count(&tasks, "completed"), workers.len());
    stage.finding(
        done == ids.len() && right == done,
        format!("{done} of {TASKS} tasks are done, by {workers} workers"),
    );
    let order: Vec<u64> =
        journal.iter().filter(|line| line.is_start()).map(|line| line.task).collect();
    // Two workers may write their lines in another order than the primary has handed out the tasks.
    stage.finding(order.len() == ids.len(), "each was started once");
    stage.figure("done", done);
    stage.account(&client.ledger);
    Ok(())
}

pub(crate) fn the_end(stage: &mut Stage) -> Kept {
    stage.step("SIGTERM while four tasks run and six wait, then the next start");
    let evidence = Evidence::new(stage, "end")?;
    let cluster = evidence.start(stage, &[])?;
    let mut client = Client::of(&cluster);
    let ids = client.submit_all("hold", 1..=10);
    evidence.wait_started(stage, 4)?;
    cluster.signal(Signal::SIGTERM);
    // Its answer says that the primary has heard of it.
    let refused = processes::until(LIMIT, || (client.submit("prime", 7).is_none()).then_some(()));
    stage.finding(refused.is_some(), "a new task is refused");
    (1..=4).for_each(|n| evidence.release(n));
    let exit = cluster.wait_exit(LIMIT)?;
    let started = evidence.starts().len();
    stage.finding(
        exit == Exit::Code(0) && started == 4,
        format!("{exit}: four were finished, {} others were started", started.saturating_sub(4)),
    );
    stage.account(&client.ledger);
    let cluster = evidence.start(stage, &[])?;
    (5..=10).for_each(|n| evidence.release(n));
    let mut client = Client::of(&cluster);
    let tasks = client.ended(stage, &ids)?;
    let once = |task: &&Value| task["status"] == "completed" && task["attempts"] == 1;
    let once = tasks.iter().filter(once).count();
    stage.finding(once == 10, format!("after the next start {once} of 10 are done, once each"));
    cluster.signal(Signal::SIGTERM);
    cluster.wait_exit(LIMIT)?;
    let gone = cluster.wait_gone(LIMIT);
    stage.finding(gone.is_ok(), "no process is left behind");
    stage.account(&client.ledger);
    Ok(())
}
