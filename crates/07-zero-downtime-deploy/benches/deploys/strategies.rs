//! The same bad version, deployed in four ways. An operator who looks at dashboards takes it back after 1,000
//! requests; the canary does that by itself. After 4,000 requests the bad answers are counted.

use harness::{Kept, Signal, Trial, ledger::Ledger, load::Load};

use crate::scene::{FAULTS, LIMIT, LOAD, bad, deploy, operate, start, start_again, sum, until};

/// Requests until the operator sees that something is wrong.
const NOTICED: usize = 1000;
const REQUESTS: usize = 4000;

pub(crate) fn compare(trial: &Trial) -> Kept {
    println!("bad answers of {REQUESTS}, of a version that fails each tenth request");
    println!("                bad   beside the canary   longest wait");
    let canary = canary(trial)?;
    let rows = [
        ("all at once", all_at_once(trial)?),
        ("a roll", roll(trial)?),
        ("blue-green", colours(trial)?),
        ("the canary", canary.clone()),
    ];
    for (name, ledger) in rows {
        let tenths = bad(&ledger) * 10 / bad(&canary).max(1);
        let (times, tenth, wait) = (tenths / 10, tenths % 10, ledger.max().as_millis());
        println!("  {name:12} {:5}   {times:10}.{tenth} times   {wait:9} ms", bad(&ledger));
    }
    Ok(())
}

/// Stopped, and started with the new version; stopped, and started with the old one. The port stays.
fn all_at_once(trial: &Trial) -> Kept<Ledger> {
    let cluster = start(trial, &[FAULTS])?;
    let (address, port) = (cluster.address, cluster.address.port().to_string());
    let settings = [FAULTS, ("PORT", port.as_str())];
    let load = Load::start(address, &LOAD);
    stop(&cluster)?;
    log(trial, r#"{"deploy":1,"did":"promoted","version":"1.1.0","by":"a","at_ms":0}"#)?;
    let cluster = start_again(trial, &settings)?;
    let _ = load.wait_for(NOTICED, LIMIT);
    stop(&cluster)?;
    let cluster = start(trial, &settings)?;
    let _ = load.wait_for(REQUESTS, LIMIT);
    let ledger = sum(&load.finish());
    stop(&cluster)?;
    Ok(ledger)
}

fn stop(cluster: &harness::Cluster) -> Kept {
    cluster.signal(Signal::SIGTERM);
    cluster.wait_exit(LIMIT).map(|_| ())
}

fn log(trial: &Trial, line: &str) -> Kept {
    let written = std::fs::write(trial.path("deploys.log"), format!("{line}\n"));
    written.map_err(|error| trial.broken("a log", error.to_string()))
}

/// One worker after the other: a step that ends with its first answer. The way back is a roll, too.
fn roll(trial: &Trial) -> Kept<Ledger> {
    let cluster = start(trial, &[FAULTS, ("STEPS", "1"), ("STEP_ANSWERS", "1")])?;
    let load = Load::start(cluster.address, &LOAD);
    deploy(trial, &cluster, "1.1.0")?;
    until(trial, &cluster, |said| said["phase"] == "steady")?;
    let _ = load.wait_for(NOTICED, LIMIT);
    deploy(trial, &cluster, "1.2.0")?;
    let _ = load.wait_for(REQUESTS, LIMIT);
    Ok(sum(&load.finish()))
}

fn colours(trial: &Trial) -> Kept<Ledger> {
    let settings = [FAULTS, ("STEPS", "100"), ("STEP_ANSWERS", "1000"), ("KEEP_MS", "60000")];
    let cluster = start(trial, &settings)?;
    let load = Load::start(cluster.address, &LOAD);
    deploy(trial, &cluster, "1.1.0")?;
    until(trial, &cluster, |said| said["share"] == 100)?;
    let _ = load.wait_for(NOTICED, LIMIT);
    operate(trial, &cluster, "POST", "/back")?;
    let _ = load.wait_for(REQUESTS, LIMIT);
    Ok(sum(&load.finish()))
}

fn canary(trial: &Trial) -> Kept<Ledger> {
    let cluster = start(trial, &[FAULTS])?;
    let load = Load::start(cluster.address, &LOAD);
    deploy(trial, &cluster, "1.1.0")?;
    let _ = load.wait_for(REQUESTS, LIMIT);
    Ok(sum(&load.finish()))
}
