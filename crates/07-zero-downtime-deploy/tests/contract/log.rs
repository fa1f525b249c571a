//! Who deployed what, and what became of it.

use std::{fs, io::Write};

use harness::{Kept, Signal, Trial};
use serde_json::Value;

use crate::{
    scene::{PROMPT, fresh, told},
    site::{NEW, Site, WORKERS},
};

const STEPS: [(&str, &str); 2] = [("STEPS", "25"), ("STEP_ANSWERS", "8")];

pub(crate) fn the_log_tells_each_step_and_verdict(trial: &Trial) -> Kept {
    let mut before = three_deploys(trial)?;
    // A line that was cut short by the end of the machine.
    let torn = r#"{"deploy":3,"di"#;
    append(trial, torn)?;
    before.push_str(torn);
    before.push('\n');
    started_again(trial, &before)?;
    let folder = trial.path("deploys.log.d");
    fs::create_dir(&folder).map_err(|error| trial.broken("a folder", error.to_string()))?;
    trial.refuses("DEPLOY_LOG", &folder.display().to_string())?;
    fresh(trial);
    a_full_disk(trial).map_err(|broken| broken.during("a log that can't be written"))
}

/// What is refused has not happened: neither its version nor its number is taken.
fn a_full_disk(trial: &Trial) -> Kept {
    let [steps, answers] = STEPS;
    let site = Site::start_on_a_small_disk(trial, &[steps, answers])?;
    trial.limit_files(&site.cluster, Some(0))?;
    let path = format!("/deploy?version={NEW}&by=anna");
    site.operates("POST", &path, 503)?;
    let said = site.operates("GET", "/deploy", 200)?.json;
    let is_so = said["phase"] == "steady" && said["deploy"] == 0;
    trial.expect(is_so, "steady, and no deploy", said.to_string())?;
    trial.limit_files(&site.cluster, None)?;
    let said = site.operates("POST", &path, 202)?.json;
    trial.expect(said["deploy"] == 1, "deploy 1", said.to_string())?;
    site.log_is(1, &["accepted"])
}

/// One is sent back, one is promoted, and one is under way when everything is killed.
fn three_deploys(trial: &Trial) -> Kept<String> {
    let [steps, answers] = STEPS;
    let faults = "1.1.0:crash-on:1";
    let site = Site::start(trial, &[steps, answers, ("FAULTS", faults)])?;
    site.operates("POST", &format!("/deploy?version={NEW}&by=ben"), 202)?;
    site.asks_until_it_ends(1, "sent-back", |site| site.ask_all(None).map(drop))?;
    site.log_is(1, &["accepted", "sent-back"])?;
    let early = text(trial);
    site.deploy_to("1.2.0", 25)?;
    site.asks_until_it_ends(2, "promoted", |site| site.ask_all(None).map(drop))?;
    site.log_is(2, &["accepted", "step", "promoted"])?;
    site.deploy_to("1.3.0", 25)?;
    site.log_is(3, &["accepted"])?;
    site.cluster.signal(Signal::SIGKILL);
    site.cluster.wait_gone(PROMPT)?;
    let late = text(trial);
    trial.expect(late.starts_with(&early), "a log whose lines never change", "they changed")?;
    each_line_is_full(&site)?;
    Ok(late)
}

fn each_line_is_full(site: &Site<'_>) -> Kept {
    let log = site.log()?;
    let mut last = 0;
    for entry in &log {
        let (by, version) = match entry["deploy"].as_u64() {
            Some(1) => ("ben", NEW),
            Some(2) => ("anna", "1.2.0"),
            _ => ("anna", "1.3.0"),
        };
        let at = entry["at_ms"].as_u64().unwrap_or_default();
        // The year 2020: milliseconds, and not seconds.
        let is_a_time = at >= last.max(1_577_836_800_000);
        let is_so = entry["by"] == by && entry["version"] == version && is_a_time;
        let expected = format!("a line with by={by}, version={version} and its time");
        site.trial.expect(is_so, expected, entry.to_string())?;
        last = at;
    }
    let has_reason = |entry: &&Value| entry["reason"].is_string();
    let reasons = log.iter().filter(has_reason).count();
    site.trial.expect(
        reasons == 1,
        "a reason in the line of what was sent back",
        format!("{reasons} lines"),
    )
}

/// The version that was promoted serves, and the deploy that was under way is over.
fn started_again(trial: &Trial, before: &str) -> Kept {
    let [steps, answers] = STEPS;
    let site = Site::start(trial, &[steps, answers])?;
    let first = [site.ask_all(None)?, site.ask_many(0, 20)?].concat();
    site.are_all(&first, "1.2.0")?;
    let now = text(trial);
    let expected = "the log as it was, a line feed after half a line, and one line more";
    let lines = now.strip_prefix(before).map(|more| more.lines().count());
    let observed = format!("{now:?}");
    trial.expect(lines == Some(1), expected, observed)?;
    let last: Value = now
        .lines()
        .next_back()
        .and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_default();
    let is_so = last["deploy"] == 3 && last["did"] == "abandoned" && last["version"] == "1.3.0";
    trial.expect(is_so, "deploy 3 abandoned", told(&last))?;
    let said = site.operates("GET", "/deploy", 200)?;
    let is_so = said.json["phase"] == "steady" && said.json["version"] == "1.2.0";
    trial.expect(is_so, "steady, with version 1.2.0", said.to_string())?;
    site.operates("POST", "/deploy?version=1.3.0", 422)?;
    let said = site.operates("POST", "/deploy?version=1.4.0", 202)?;
    trial.expect(said.json["deploy"] == 4, "deploy number 4", said.to_string())?;
    site.has_share(25)?;
    site.has_children(WORKERS + 1)?;
    site.stops()?;
    let now = text(trial);
    let is_mine =
        |line: &&str| serde_json::from_str::<Value>(line).is_ok_and(|entry| entry["deploy"] == 4);
    let mine = now.lines().filter(is_mine).count();
    trial.expect(
        mine == 1,
        "nothing more about a deploy that SIGTERM ended",
        format!("{mine} lines"),
    )
}

fn text(trial: &Trial) -> String {
    fs::read_to_string(trial.path("deploys.log")).unwrap_or_default()
}

fn append(trial: &Trial, text: &str) -> Kept {
    let file = fs::OpenOptions::new().append(true).open(trial.path("deploys.log"));
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| trial.broken("a log that is there", error.to_string()))
}
