//! A primary that replaces itself: beside a restart, and a hundred times under load.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use events::{Event, PrimaryEvent};
use harness::{
    Cluster, Kept, Signal, Trial,
    descriptors::open_files,
    ledger::Ledger,
    load::Load,
    who::{children, greet_one},
};

use crate::scene::{LIMIT, LOAD, bad, start, start_again, sum};

const ROUNDS: usize = 20;
const HUNDRED: usize = 100;

/// Both under the same load, as long as it takes.
pub(crate) fn beside_a_restart(trial: &Trial) -> Kept {
    println!("another program for the primary");
    let cluster = start(trial, &[])?;
    let load = Load::start(cluster.address, &LOAD);
    let mut deaf = Vec::new();
    for _ in 0..ROUNDS {
        deaf.push(replaced(trial, &cluster)?);
    }
    println!("  in place   the primary hears no worker: {}", line(deaf));
    tell(&sum(&load.finish()));
    let port = cluster.address.port().to_string();
    let mut cluster = cluster;
    let load = Load::start(cluster.address, &LOAD);
    let mut down = Vec::new();
    for _ in 0..ROUNDS / 4 {
        let began = Instant::now();
        cluster.signal(Signal::SIGTERM);
        cluster.wait_exit(LIMIT)?;
        drop(cluster);
        cluster = start_again(trial, &[("PORT", &port)])?;
        processes::until(LIMIT, || greet_one(&cluster, "/").map(|_| ()));
        down.push(began.elapsed());
        // Clients whose SYN was dropped come again after a second (RFC 6298).
        let _ = load.wait_for(load.finished() + 1000, LIMIT);
    }
    println!("  a restart  from the signal to an answer: {}", line(down));
    tell(&sum(&load.finish()));
    Ok(())
}

fn tell(ledger: &Ledger) {
    let (bad, all, wait) = (bad(ledger), ledger.answered_in_all(), ledger.max().as_millis());
    println!("             {bad} of {all} requests lost or refused, {wait} ms the longest wait");
}

/// Signals come all the time, but for the last ones the link is turned.
pub(crate) fn hundred(trial: &Trial) -> Kept {
    let link = trial.path("next");
    let named = link.to_string_lossy().into_owned();
    let cluster = start(trial, &[("NEXT_PROGRAM", &named)])?;
    let copies = [copy(trial, &cluster, "a")?, copy(trial, &cluster, "b")?];
    let (pid, workers, files) = (cluster.pid, children(&cluster), open_files(cluster.pid).len());
    let load = Load::start(cluster.address, &LOAD);
    let mut signals = 0;
    for copy in copies.iter().cycle().take(HUNDRED) {
        turn(trial, &link, copy)?;
        let exe = || fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        let became = processes::until(LIMIT, || {
            signals += 1;
            let _ = processes::sweep::send(pid, Signal::SIGUSR1);
            (exe() == *copy || !cluster.is_running()).then_some(())
        });
        trial.expect(became.is_some() && cluster.is_running(), "the next program", "it is not")?;
    }
    // One signal more may have been heard: then a program rehearses, which is a child, too.
    let same = || (children(&cluster) == workers).then_some(());
    let same = processes::until(LIMIT, same).is_some();
    let ledger = sum(&load.finish());
    let settled = processes::until(LIMIT, || (open_files(pid).len() == files).then_some(()));
    println!("{HUNDRED} replacements and {signals} signals under load:");
    println!("  the same process {}, the same {} workers: {same}", pid, workers.len());
    println!("  {} of {} requests lost", bad(&ledger), ledger.answered_in_all());
    println!("  {files} descriptors before and after: {}", settled.is_some());
    cluster.signal(Signal::SIGTERM);
    println!("  SIGTERM: {}", cluster.wait_exit(LIMIT)?);
    trial.expect(same && bad(&ledger) == 0 && settled.is_some(), "all of that", "not all of it")
}

/// One replacement; how long no worker was heard, as the primary says.
fn replaced(trial: &Trial, cluster: &Cluster) -> Kept<Duration> {
    let asked = cluster.signal(Signal::SIGUSR1);
    let since = trial.recorder.time_of(asked);
    let micros = trial.recorder.wait(LIMIT, |entries| {
        let mut later = entries.iter().filter(|entry| entry.at >= since);
        later.find_map(|entry| match &entry.event {
            Some(Event::Primary(PrimaryEvent::Replaced { micros, .. })) => Some(*micros),
            Some(_) | None => None,
        })
    });
    let micros = micros.ok_or_else(|| trial.broken("a replacement", "none"))?;
    Ok(Duration::from_micros(micros))
}

fn copy(trial: &Trial, cluster: &Cluster, name: &str) -> Kept<PathBuf> {
    let path = trial.path(name);
    let copied = fs::copy(format!("/proc/{}/exe", cluster.pid), &path);
    copied.map(|_| path).map_err(|error| trial.broken("a copy", error.to_string()))
}

fn turn(trial: &Trial, link: &Path, program: &Path) -> Kept {
    let fresh = trial.path("fresh");
    let turned = symlink(program, &fresh).and_then(|()| fs::rename(&fresh, link));
    turned.map_err(|error| trial.broken("a link", error.to_string()))
}

fn line(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |index: usize| times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e3);
    let (p50, max) = (at(times.len() / 2), at(times.len().saturating_sub(1)));
    format!("p50 {p50:.1} ms, at most {max:.1} ms")
}
