//! Step 5: blue-green, which is a canary with one step of 100 %.

use std::time::Instant;

use harness::{Kept, Stage, who::children};

use crate::{
    clients::{Clients, millis, operate},
    scene::{NEW, OLD, WORKERS, deploy, start, until},
};

pub(crate) fn two_colours(stage: &mut Stage) -> Kept {
    stage.step("Two colours: everything at once, and back at once");
    let keep = [("STEPS", "100"), ("STEP_ANSWERS", "40"), ("KEEP_MS", "60000")];
    let cluster = start(stage, &keep)?;
    let mut clients = Clients::of(&cluster);
    deploy(stage, &cluster, NEW)?;
    until(stage, &cluster, "the switch", |said| said["share"] == 100, || {})?;
    let new = clients.count(300, NEW);
    let there = children(&cluster).len();
    stage.finding(new == 300, format!("after the switch {new} of 300 answers are of {NEW}"));
    stage.finding(
        there == 2 * WORKERS,
        format!("{there} workers: the old colour is there, and idle"),
    );
    until(stage, &cluster, "keeping", |said| said["phase"] == "keeping", || {})?;
    let asked = Instant::now();
    let (status, _) = operate(stage, &cluster, "POST", "/back")?;
    let took = millis(asked.elapsed());
    let old = clients.count(300, OLD);
    stage.finding(
        status == 200 && old == 300,
        format!("back after {took} ms: {old} of 300 answers are of {OLD}"),
    );
    stage.figure("back_after_ms", took);
    until(stage, &cluster, "steady", |said| said["phase"] == "steady", || {})?;
    let there = children(&cluster).len();
    stage.finding(there == WORKERS, format!("{there} workers once the new colour has drained"));
    stage.account(&clients.ledger);
    Ok(())
}
