//! No request is lost, whichever way a deploy goes.

use std::time::Duration;

use events::Exit;
use harness::{
    Kept, Signal, Trial,
    load::{Clients, Connections, Load},
    patience,
    who::{self, children},
};

use serde_json::Value;

use crate::{
    scene::{PROMPT, fault, fresh, millis},
    site::{NEW, OLD, Site, WORKERS},
};

/// A request that is under way when the signal comes.
const HELD: &str = "/slow?ms=500";

/// Some of each kind: kept connections, new ones, and requests that take their time.
const CLIENTS: [Clients; 3] = [
    Clients::new(3, Connections::KeptAlive, "/", 3),
    Clients::new(3, Connections::OnePerRequest, "/", 5),
    Clients::new(4, Connections::OnePerRequest, "/slow?ms=100", 5),
];

pub(crate) fn no_request_is_lost(trial: &Trial) -> Kept {
    forward_and_back(trial)?;
    fresh(trial);
    the_share_goes_first(trial)
        .map_err(|broken| broken.during("a frozen worker on the way back"))?;
    for phase in ["starting", "canary", "promoting", "rolling-back"] {
        fresh(trial);
        at_the_end(trial, phase)
            .map_err(|broken| broken.during(&format!("SIGTERM while {phase}")))?;
    }
    fresh(trial);
    operators_are_told(trial).map_err(|broken| broken.during("operators in a shutdown"))
}

/// A frozen worker can't drain, so the program is still there.
fn operators_are_told(trial: &Trial) -> Kept {
    let site = Site::start(trial, &[("DRAIN_TIMEOUT_MS", "60000")])?;
    let frozen = site.ask_on(3, None)?.pid;
    site.freeze(frozen)?;
    site.cluster.signal(Signal::SIGTERM);
    let has_heard = || {
        let said = site.operate("GET", "/deploy");
        said.map_or(true, |said| said.status != 200).then_some(())
    };
    processes::until(patience(PROMPT), has_heard);
    for (method, path) in [("GET", "/deploy"), ("POST", "/deploy?version=1.1.0"), ("POST", "/back")]
    {
        site.operates(method, path, 503)?;
    }
    site.cluster.signal_process(frozen, Signal::SIGCONT)?;
    let exit = site.cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(0), "exit code 0", exit.to_string())?;
    site.cluster.wait_gone(PROMPT)
}

/// One version is promoted under load, and the next one is sent back.
fn forward_and_back(trial: &Trial) -> Kept {
    let faults = "1.2.0:errors:3";
    // A client that was accepted has this long to send its request, on a busy machine too.
    let lame_duck = ("LAME_DUCK_MS", "300");
    let settings = [("STEPS", "25,50"), ("STEP_ANSWERS", "40"), lame_duck, ("FAULTS", faults)];
    let site = Site::start(trial, &settings)?;
    let load = Load::start(site.cluster.address, &CLIENTS);
    let deploy = site.deploy(NEW)?;
    site.ends(deploy, "promoted")?;
    load.next_phase();
    let deploy = site.deploy_to("1.2.0", 25)?;
    site.ends(deploy, "sent-back")?;
    let phases = load.finish();
    for (ledger, what) in phases.iter().zip(["forward", "back"]) {
        trial.recorder.observe(format!("{what}: {ledger}"));
        let is_so = ledger.balances() && ledger.lost() == 0 && ledger.refused == 0;
        let expected = format!("no request lost or refused on the way {what}");
        trial.expect(is_so, expected, ledger.to_string())?;
    }
    let good = phases.first().and_then(|ledger| ledger.answered.get(&200).copied());
    let expected = "200 for each request on the way forward";
    let forward = phases.first().map(harness::ledger::Ledger::answered_in_all);
    trial.expect(good == forward, expected, format!("{good:?} of {forward:?}"))?;
    site.stops()
}

/// While a worker still knows the old share, the candidate must be there for its requests.
fn the_share_goes_first(trial: &Trial) -> Kept {
    let timeout = millis(Duration::from_millis(500));
    let faults = fault("errors:1");
    let settings =
        [("STEPS", "25"), ("ACK_TIMEOUT_MS", timeout.as_str()), ("FAULTS", faults.as_str())];
    let site = Site::start(trial, &settings)?;
    let frozen = site.ask_on(3, None)?.pid;
    let deploy = site.deploy_to(NEW, 25)?;
    let candidate = site.candidate()?;
    site.freeze(frozen)?;
    let mut is_left_alone = false;
    site.asks_until_it_ends(deploy, "sent-back", |site| {
        let there = children(&site.cluster);
        is_left_alone |= there.contains(&frozen) && !there.contains(&candidate);
        site.ask_on(0, None).map(drop)
    })?;
    let expected = "the candidate's worker for as long as a worker knows the old share";
    trial.expect(!is_left_alone, expected, "it was gone before")
}

/// Requests are held by both versions when the signal comes. Each is answered whole, by the one that has it.
fn at_the_end(trial: &Trial, phase: &str) -> Kept {
    let (steps, answers, faults) = match phase {
        "starting" => ("50", "1000", "1.1.0/6:never-ready"),
        "promoting" => ("25", "6", "1.1.0/1:never-ready,1.1.0/2:never-ready,1.1.0/3:never-ready"),
        "rolling-back" => ("25", "1000", "1.1.0:errors-after:2"),
        _ => ("25", "1000", ""),
    };
    let settings = [("STEPS", steps), ("STEP_ANSWERS", answers), ("FAULTS", faults)];
    let site = Site::start(trial, &settings)?;
    site.deploy(NEW)?;
    let mut held = Vec::new();
    if phase == "starting" {
        site.has_children(WORKERS + 2)?;
    } else {
        site.has_share(25)?;
        let name = site.name_that_is_in()?;
        held.push((site.pends(HELD, &name)?.in_flight()?, NEW));
    }
    let name = site.name_that_is_out()?;
    held.push((site.pends(HELD, &name)?.in_flight()?, OLD));
    comes_to(&site, phase)?;
    site.cluster.signal(Signal::SIGTERM);
    for (pending, version) in held {
        let (got, _) = who::whole(trial, pending)?;
        let expected = format!("a whole answer of {version}, which had the request");
        trial.expect(got.version == version, expected, got.version)?;
    }
    let exit = site.cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(0), "exit code 0", exit.to_string())?;
    site.cluster.wait_gone(PROMPT)
}

/// Asks, in turn, until the program says that it is in this phase.
fn comes_to(site: &Site<'_>, phase: &str) -> Kept {
    let is_it = |json: &Value| json["phase"] == phase;
    for _ in 0..100 {
        if is_it(&site.operate("GET", "/deploy")?.json) {
            break;
        }
        site.ask_all(None)?;
    }
    site.until(&format!("the deploy is {phase}"), is_it)
}
