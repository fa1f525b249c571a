//! Steps 6 and 7: the primary becomes another program, or refuses to.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::Duration,
};

use events::{Event, PrimaryEvent};
use harness::{
    Cluster, Kept, Signal, Stage,
    descriptors::open_files,
    load::{Clients, Connections, Load},
    patience,
    who::children,
};

use crate::{
    clients::{LIMIT, millis},
    scene::start,
};

const REPLACEMENTS: usize = 10;
/// The bit of SIGUSR1 in a mask of /proc.
const SIGUSR1: u64 = 1 << 9;

/// Whether the primary has a handler for SIGUSR1. A program without one is not asked.
fn hears_sigusr1(cluster: &Cluster) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", cluster.pid)).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & SIGUSR1 != 0)
}

/// A cluster whose next program is what the link leads to.
fn linked(stage: &mut Stage, title: &str, settings: &[(&str, &str)]) -> Kept<Option<Cluster>> {
    stage.step(title);
    let link = stage.trial().path("next").to_string_lossy().into_owned();
    let cluster = start(stage, &[settings, &[("NEXT_PROGRAM", &link)]].concat())?;
    if hears_sigusr1(&cluster) {
        return Ok(Some(cluster));
    }
    stage.say("skipped: this program has no handler for SIGUSR1");
    Ok(None)
}

fn turn_to(stage: &Stage, program: &Path) -> Kept {
    let (fresh, link) = (stage.trial().path("fresh-link"), stage.trial().path("next"));
    let turned = symlink(program, &fresh).and_then(|()| fs::rename(&fresh, &link));
    turned.map_err(|error| stage.trial().broken("a link", error.to_string()))
}

/// Turns the link and asks; what the primary says of it.
fn ask(stage: &Stage, cluster: &Cluster, program: &Path) -> Kept<PrimaryEvent> {
    turn_to(stage, program)?;
    let asked = cluster.signal(Signal::SIGUSR1);
    let since = stage.trial().recorder.time_of(asked);
    let said = stage.trial().recorder.wait(patience(LIMIT), |entries| {
        let mut later = entries.iter().filter(|entry| entry.at >= since);
        later.find_map(|entry| match &entry.event {
            Some(Event::Primary(PrimaryEvent::Rehearses { .. })) | None => None,
            Some(Event::Primary(event)) => Some(event.clone()),
            Some(_) => None,
        })
    });
    said.ok_or_else(|| stage.trial().broken("a report of the primary", "none"))
}

pub(crate) fn replaces_itself_in_place(stage: &mut Stage) -> Kept {
    let title = "The primary becomes another program, ten times under load: SIGUSR1";
    let Some(cluster) = linked(stage, title, &[])? else { return Ok(()) };
    let copies = [copy(stage, &cluster, "release-a")?, copy(stage, &cluster, "release-b")?];
    let (workers, files) = (children(&cluster), open_files(cluster.pid).len());
    let load = Load::start(
        cluster.address,
        &[
            Clients::new(3, Connections::KeptAlive, "/", 2),
            Clients::new(3, Connections::OnePerRequest, "/", 3),
        ],
    );
    let mut deaf = Vec::new();
    for copy in copies.iter().cycle().take(REPLACEMENTS) {
        if let PrimaryEvent::Replaced { micros, .. } = ask(stage, &cluster, copy)? {
            let exe = fs::read_link(format!("/proc/{}/exe", cluster.pid)).unwrap_or_default();
            deaf.extend((exe == *copy).then_some(micros));
        }
    }
    let is_same = children(&cluster) == workers && cluster.is_running();
    stage.finding(
        deaf.len() == REPLACEMENTS && is_same,
        format!(
            "{} replacements: the same process, the same {} workers",
            deaf.len(),
            workers.len()
        ),
    );
    deaf.sort_unstable();
    let at = |index: usize| deaf.get(index).copied().map(Duration::from_micros).map_or(0.0, millis);
    let (p50, max) = (at(deaf.len() / 2), at(deaf.len().saturating_sub(1)));
    stage.say(&format!("it heard no worker for {p50} ms (p50), {max} ms at most"));
    stage.figure("deaf_p50_ms", p50);
    stage.figure("deaf_max_ms", max);
    let settled = || (open_files(cluster.pid).len() == files).then_some(());
    let settled = processes::until(patience(LIMIT), settled).is_some();
    stage.finding(settled, format!("{files} descriptors before and after"));
    for ledger in load.finish() {
        let (lost, all) = (ledger.lost() + ledger.refused, ledger.answered_in_all());
        stage.finding(lost == 0, format!("{lost} of {all} requests lost or refused"));
        stage.figure("lost", lost);
        stage.account(&ledger);
    }
    Ok(())
}

pub(crate) fn refuses(stage: &mut Stage) -> Kept {
    let title = "Five programs that are not fit, and why";
    let within = [("READY_TIMEOUT_MS", "2000")];
    let Some(cluster) = linked(stage, title, &within)? else { return Ok(()) };
    let workers = children(&cluster);
    let own = fs::read_link(format!("/proc/{}/exe", cluster.pid)).unwrap_or_default();
    let bad = [
        ("no file", PathBuf::from("/nonexistent")),
        ("true", PathBuf::from("/bin/true")),
        ("no answer", script(stage, "sleeps", "sleep 600")?),
        (
            "its settings",
            script(stage, "settings", &format!("STEPS=soon exec '{}'", own.display()))?,
        ),
        ("gone again", script(stage, "vanishes", "rm \"$0\"; echo ok >&0")?),
    ];
    for (what, program) in bad {
        let said = ask(stage, &cluster, &program)?;
        let reason = match &said {
            PrimaryEvent::Kept { reason, .. } => reason.clone(),
            PrimaryEvent::Replaced { .. } | PrimaryEvent::Rehearses { .. } => "not refused".into(),
        };
        let reason = events::timeline::clip(&reason, 56);
        let is_kept = matches!(said, PrimaryEvent::Kept { .. }) && children(&cluster) == workers;
        stage.finding(is_kept, format!("{what}: {reason}"));
    }
    let good = copy(stage, &cluster, "release-a")?;
    let said = ask(stage, &cluster, &good)?;
    let is_replaced = matches!(said, PrimaryEvent::Replaced { .. });
    stage.finding(is_replaced && children(&cluster) == workers, "a good one is taken next");
    Ok(())
}

fn copy(stage: &Stage, cluster: &Cluster, name: &str) -> Kept<PathBuf> {
    let path = stage.trial().path(name);
    let _ = fs::remove_file(&path);
    let copied = fs::copy(format!("/proc/{}/exe", cluster.pid), &path);
    copied.map(|_| path).map_err(|error| stage.trial().broken("a copy", error.to_string()))
}

fn script(stage: &Stage, name: &str, text: &str) -> Kept<PathBuf> {
    let path = stage.trial().path(name);
    let written = fs::write(&path, format!("#!/bin/sh\n{text}\n"))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)));
    written.map(|()| path).map_err(|error| stage.trial().broken("a script", error.to_string()))
}
