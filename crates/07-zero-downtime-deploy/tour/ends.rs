//! Step 8: the end, in the middle of a deploy.

use events::Exit;
use harness::{
    Kept, Signal, Stage,
    load::{Clients, Connections, Load},
};

use crate::{
    clients::LIMIT,
    scene::{NEW, deploy, start, until},
};

pub(crate) fn the_end(stage: &mut Stage) -> Kept {
    stage.step("SIGTERM in the middle of a deploy, under load");
    let cluster = start(stage, &[("STEPS", "50"), ("STEP_ANSWERS", "1000")])?;
    let clients = Clients::new(6, Connections::OnePerRequest, "/slow?ms=100", 1);
    deploy(stage, &cluster, NEW)?;
    until(stage, &cluster, "the share", |said| said["share"] == 50, || {})?;
    let load = Load::start(cluster.address, &[clients]);
    let _ = load.wait_for(40, LIMIT);
    load.next_phase_drains();
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(LIMIT)?;
    let lost: u64 = load
        .finish()
        .iter()
        .map(|ledger| {
            stage.account(ledger);
            ledger.lost()
        })
        .sum();
    stage.finding(lost == 0, format!("{lost} requests lost, of either version"));
    let gone = cluster.wait_gone(LIMIT).is_ok();
    stage.finding(exit == Exit::Code(0) && gone, format!("{exit}, and no process is left behind"));
    Ok(())
}
