//! Steps 2, 3 and 6: a worker is killed, a task kills workers, everything is killed.

use std::time::Instant;

use harness::{Kept, Signal, Stage, patience};
use serde_json::Value;

use crate::{
    clients::{Client, LIMIT, count, millis},
    evidence::Evidence,
};

fn attempts(tasks: &[Value], number: u64) -> usize {
    tasks.iter().filter(|task| task["attempts"] == number).count()
}

pub(crate) fn a_worker_is_killed(stage: &mut Stage) -> Kept {
    stage.step("A worker is killed in its task: SIGKILL");
    let evidence = Evidence::new(stage, "killed")?;
    let cluster = evidence.start(stage, &[])?;
    let mut client = Client::of(&cluster);
    let ids = client.submit_all("hold", 1..=10);
    evidence.wait_started(stage, 4)?;
    let victim = evidence.starts().remove(&ids[0]).and_then(|mut starts| starts.pop());
    let victim = victim.map_or(0, |start| start.pid);
    cluster.signal_process(victim, Signal::SIGKILL)?;
    let began = Instant::now();
    evidence.wait_started(stage, 5)?;
    let took = millis(began.elapsed());
    let again = evidence.journal().iter().rfind(|line| line.is_start()).map(|line| line.task);
    stage.finding(
        again == ids.first().copied(),
        format!("its task is started again after {took} ms, before the six that wait"),
    );
    stage.figure("redelivered_after_ms", took);
    (1..=10).for_each(|n| evidence.release(n));
    let tasks = client.ended(stage, &ids)?;
    let (done, once) = (count(&tasks, "completed"), attempts(&tasks, 1));
    stage.finding(
        done == 10 && once == 9,
        format!("{done} of 10 are done; {once} of them were started once"),
    );
    stage.account(&client.ledger);
    Ok(())
}

pub(crate) fn a_task_kills_its_workers(stage: &mut Stage) -> Kept {
    stage.step("A task that kills its worker, and two that wait behind it in the same worker");
    let evidence = Evidence::new(stage, "poison")?;
    let cluster = evidence.start(stage, &[("WORKERS", "1"), ("CREDIT", "3")])?;
    let mut client = Client::of(&cluster);
    let poison = client.submit_all("crash", 1..=1);
    let innocent = client.submit_all("prime", [7, 11]);
    let tasks = client.ended(stage, &[&poison[..], &innocent].concat())?;
    let starts = evidence.starts().remove(&poison[0]).map_or(0, |starts| starts.len());
    let verdict = &tasks[0]["error"];
    stage.finding(
        *verdict == "attempts" && starts == 3,
        format!("it was started {starts} times, then failed: {verdict}"),
    );
    let once = attempts(&tasks[1..], 1);
    let done = count(&tasks[1..], "completed");
    stage.finding(
        done == 2 && once == 2,
        format!("the other two are done, and were charged {once} attempts in all"),
    );
    stage.account(&client.ledger);
    Ok(())
}

pub(crate) fn everything_is_killed(stage: &mut Stage) -> Kept {
    stage.step("Everything is killed while four tasks run and six wait, and started again");
    let evidence = Evidence::new(stage, "everything")?;
    let cluster = evidence.start(stage, &[])?;
    let mut client = Client::of(&cluster);
    let ids = client.submit_all("hold", 1..=10);
    evidence.wait_started(stage, 4)?;
    // A start that the primary has not heard of yet does not count as an attempt.
    let is_known = || (client.stats()["processing"] == 4).then_some(());
    let known = processes::until(patience(LIMIT), is_known);
    stage.trial().expect(known.is_some(), "four tasks in processing", "fewer")?;
    cluster.signal(Signal::SIGKILL);
    let gone = cluster.wait_gone(LIMIT);
    stage.finding(gone.is_ok(), "the workers have ended with their primary");
    stage.account(&client.ledger);
    let cluster = evidence.start(stage, &[])?;
    (1..=10).for_each(|n| evidence.release(n));
    let mut client = Client::of(&cluster);
    let tasks = client.ended(stage, &ids)?;
    let (done, twice) = (count(&tasks, "completed"), attempts(&tasks, 2));
    let starts: usize = evidence.starts().values().map(Vec::len).sum();
    stage.finding(
        done == 10 && twice == 4,
        format!("{done} of 10 are done; {twice} of them were started twice"),
    );
    stage
        .say("an effect of each start, such as a payment, and the same with the task's id as key:");
    let keyed = evidence.starts().len();
    stage.finding(
        starts == 14 && keyed == 10,
        format!("{starts} payments without a key, {keyed} with one"),
    );
    stage.figure("effects_without_a_key", starts);
    stage.figure("effects_with_a_key", keyed);
    stage.account(&client.ledger);
    Ok(())
}
