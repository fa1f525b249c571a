//! A cluster with a log of its own, and what a step waits for.

use std::{fs, path::PathBuf};

use harness::{Cluster, Kept, Stage, patience};
use serde_json::Value;

use crate::clients::{LIMIT, operate};

pub(crate) const OLD: &str = "1.0.0";
pub(crate) const NEW: &str = "1.1.0";
pub(crate) const WORKERS: usize = 4;

/// Starts a cluster that knows of no deploy before, in which slowness is no verdict unless `settings` say so.
pub(crate) fn start(stage: &Stage, settings: &[(&str, &str)]) -> Kept<Cluster> {
    let _ = fs::remove_file(log(stage));
    let usual = [("SLOWER_BY_MS", "60000"), ("LAME_DUCK_MS", "50"), ("MIN_READY_MS", "0")];
    let is_set = |name: &str| settings.iter().any(|(set, _)| *set == name);
    let usual = usual.iter().filter(|(name, _)| !is_set(name));
    let all: Vec<_> = usual.chain(settings).copied().collect();
    let cluster = stage.start(&all)?;
    harness::who::meet_all(stage.trial(), &cluster, "/", WORKERS)?;
    Ok(cluster)
}

fn log(stage: &Stage) -> PathBuf {
    stage.trial().path("deploys.log")
}

pub(crate) fn deploy(stage: &Stage, cluster: &Cluster, version: &str) -> Kept {
    let (status, said) = operate(stage, cluster, "POST", &format!("/deploy?version={version}"))?;
    stage.trial().expect(status == 202, "202: a deploy begins", format!("{status}: {said}"))
}

/// Waits until `GET /deploy` says that this is so, and does `meanwhile` in between.
pub(crate) fn until(
    stage: &Stage,
    cluster: &Cluster,
    what: &str,
    is_so: impl Fn(&Value) -> bool,
    mut meanwhile: impl FnMut(),
) -> Kept<Value> {
    let mut last = Ok((0, Value::Null));
    let done = processes::until(patience(LIMIT), || {
        last = operate(stage, cluster, "GET", "/deploy");
        let is_over = last.as_ref().map_or(true, |(_, said)| is_so(said));
        if !is_over {
            meanwhile();
        }
        is_over.then_some(())
    });
    let (_, said) = last?;
    stage.trial().expect(done.is_some(), what, said.to_string())?;
    Ok(said)
}

/// The lines of the log.
pub(crate) fn entries(stage: &Stage) -> Vec<Value> {
    let text = fs::read_to_string(log(stage)).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The line that says how the last deploy ended, once it is there.
pub(crate) fn end(stage: &Stage) -> Option<Value> {
    let ends = |entry: &Value| entry["did"] == "promoted" || entry["did"] == "sent-back";
    entries(stage).into_iter().find(ends)
}
