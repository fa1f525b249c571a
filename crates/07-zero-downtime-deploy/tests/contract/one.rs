//! One deploy at a time, and one that is over is over.

use std::thread;

use harness::{
    Kept, Trial,
    exchange::Pending,
    who::{self, children},
};

use crate::{
    scene::told,
    site::{NEW, OLD, Said, Site, WORKERS},
};

pub(crate) fn a_second_deploy_is_refused(trial: &Trial) -> Kept {
    let faults = "1.1.0:errors-after:3,1.4.0:errors-after:1";
    let settings = [("STEPS", "25"), ("STEP_ANSWERS", "12"), ("FAULTS", faults)];
    let site = Site::start(trial, &settings)?;
    for version in [OLD, "0.9.9", OLD] {
        site.operates("POST", &format!("/deploy?version={version}"), 422)?;
    }
    two_at_once(&site)?;
    site.has_share(25)?;
    let there = site.has_children(WORKERS + 1)?;
    site.operates("POST", "/deploy?version=1.2.0", 409)?;
    site.operates("POST", &format!("/deploy?version={NEW}"), 409)?;
    let now = children(&site.cluster);
    trial.expect(now == there, "the same workers as before", format!("{} workers", now.len()))?;
    on_its_way_back(&site)?;
    site.is_as_before()?;
    // A refusal changes nothing: not even what is refused after it.
    for version in [NEW, "1.0.5", NEW] {
        site.operates("POST", &format!("/deploy?version={version}"), 422)?;
    }
    the_next_ones(&site)?;
    site.stops()
}

/// Two operators ask in the same moment.
fn two_at_once(site: &Site<'_>) -> Kept {
    let path = format!("/deploy?version={NEW}&by=anna");
    let said: Vec<Said> = thread::scope(|scope| {
        let (admin, path) = (site.cluster.admin, &path);
        let both = [(); 2].map(|()| scope.spawn(move || Said::ask(admin?, "POST", path).ok()));
        both.into_iter().filter_map(|one| one.join().ok()?).collect()
    });
    let mut statuses: Vec<u16> = said.iter().map(|said| said.status).collect();
    statuses.sort_unstable();
    let expected = "two POSTs of the same deploy at once: 202 for one, 409 for the other";
    site.trial.expect(statuses == [202, 409], expected, format!("{statuses:?}"))?;
    site.log_is(1, &["accepted"])
}

/// Its last request is still being answered, so it is not over.
fn on_its_way_back(site: &Site<'_>) -> Kept {
    let name = site.name_that_is_in()?;
    let short = site.pends("/slow?ms=700", &name)?.in_flight()?;
    let long = site.pends("/slow?ms=1500", &name)?.in_flight()?;
    for _ in 0..100 {
        site.ask_all(None)?;
        if site.operate("GET", "/deploy")?.json["phase"] != "canary" {
            break;
        }
    }
    is_whole(site, short)?;
    site.operates("POST", "/deploy?version=1.2.0", 409)?;
    site.log_is(1, &["accepted"])?;
    is_whole(site, long)?;
    let end = site.ends(1, "sent-back")?;
    let is_so = end["errors"].as_u64().is_some_and(|errors| (4..=8).contains(&errors));
    site.trial.expect(is_so, "sent back after 4 to 8 errors", told(&end))
}

fn is_whole(site: &Site<'_>, held: Pending) -> Kept {
    let (got, _) = who::whole(site.trial, held)?;
    let expected = format!("the request that {NEW} had begun is answered by it");
    site.trial.expect(got.version == NEW, expected, got.version)
}

/// What became of the first one changes nothing about the next ones, and they are judged by their own answers.
fn the_next_ones(site: &Site<'_>) -> Kept {
    for (version, number, end) in [("1.2.0", 2, "promoted"), ("1.3.0", 3, "promoted")] {
        let deploy = site.deploy_to(version, 25)?;
        let observed = format!("{deploy}");
        site.trial.expect(deploy == number, format!("number {number}"), observed)?;
        site.asks_until_it_ends(deploy, end, |site| site.ask_all(None).map(drop))?;
        site.log_is(deploy, &["accepted", "step", "promoted"])?;
        let log = site.log()?;
        let is_step =
            |entry: &&serde_json::Value| entry["deploy"] == deploy && entry["did"] == "step";
        let step = log.iter().find(is_step).cloned().unwrap_or_default();
        let is_so = step["answers"] == 12 && step["errors"] == 0;
        site.trial.expect(is_so, "a step of 12 answers and no error", told(&step))?;
        site.are_all(&site.ask_all(None)?, version)?;
        let said = site.operates("GET", "/deploy", 200)?.json;
        let expected = "no reason after a deploy that was promoted";
        site.trial.expect(said["reason"].is_null(), expected, said["reason"].to_string())?;
    }
    // Back is to the version before it, not to the first one.
    let deploy = site.deploy_to("1.4.0", 25)?;
    site.asks_until_it_ends(deploy, "sent-back", |site| site.ask_all(None).map(drop))?;
    site.are_all(&[site.ask_all(None)?, site.ask_many(0, 20)?].concat(), "1.3.0")
}
