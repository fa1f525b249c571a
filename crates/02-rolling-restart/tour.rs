//! The tour of chapter 02: a cluster changes its version under load, gives a broken one up, and loses
//! no request.
//!
//! `cargo xtask run 02-rolling-restart` plays it against the example, `cargo xtask run exercise-2`
//! against a learner's program.

use std::{
    collections::BTreeSet,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use events::{
    Exit,
    lanes::{Frame, LEGEND, lanes, share},
    numbers::thousands,
};
use harness::{
    Cluster, Kept, Signal, Stage,
    client::ask,
    load::{Clients, Connections, Load},
    recorder::Recorder,
    who::{Poll, children},
    wire::Answer,
};

const WORKERS: usize = 4;
/// How long a roll may take until the tour gives up on it.
const LIMIT: Duration = Duration::from_mins(1);
/// Empty columns left of a picture.
const MARGIN: u16 = 3;
/// Consecutive rolls in the long run.
const ROLLS: u32 = 20;

/// Quick requests: the tour reports their latencies.
const QUICK: &[Clients] = &[
    Clients::new(20, Connections::KeptAlive, "/", 4),
    Clients::new(4, Connections::OnePerRequest, "/", 8),
];

/// Slow ones, and some that keep an event loop busy: an idle loop hides races.
const SLOW: &[Clients] = &[Clients::new(4, Connections::KeptAlive, "/slow?ms=300", 10), BUSY];

/// Not as slow, so that twenty rolls take half a minute.
const BRISK: &[Clients] = &[Clients::new(4, Connections::KeptAlive, "/slow?ms=150", 10), BUSY];

const BUSY: Clients = Clients::new(2, Connections::OnePerRequest, "/busy?ms=2", 50);

fn main() -> ExitCode {
    harness::tour(
        "02-rolling-restart",
        play,
        &[
            ("curl {url}/", "which worker answers, and with which version?"),
            ("kill -USR2 {pid}", "roll to the next version; again, if you like"),
            ("curl {url}/roll", "how the last roll went"),
            ("kill -9 WORKER_PID", "its slot is filled again"),
        ],
    )
}

fn play(stage: &mut Stage) -> Kept {
    stage.step("Four workers under load change from 1.0.0 to 1.1.0");
    let cluster = stage.start(&[("FAULTS", "1.2.0:never-ready"), ("READY_TIMEOUT_MS", "1500")])?;
    roll_out(stage, &cluster);
    refuse_a_broken_version(stage, &cluster);
    roll_on_and_on(stage, &cluster);
    end(stage, &cluster)
}

fn roll_out(stage: &mut Stage, cluster: &Cluster) {
    stage.say("30 clients: 20 keep a connection, 4 connect each time, 4 ask for 300 ms,");
    stage.say("and 2 for work that keeps an event loop busy.");
    let traffic = Traffic::start(stage, cluster, SLOW);
    stage.run_load(&traffic.quick, 4000);
    traffic.next_phase();
    let arrived = roll(stage, cluster, &traffic, "1.1.0", |_| ());
    stage.finding(arrived, "every worker was replaced, and every answer says 1.1.0");
    traffic.account(stage, ["before the roll", "during the roll"]);
}

fn refuse_a_broken_version(stage: &mut Stage, cluster: &Cluster) {
    stage.step("Version 1.2.0 starts, and is never ready");
    let traffic = Traffic::start(stage, cluster, SLOW);
    stage.run_load(&traffic.quick, 1000);
    traffic.next_phase();
    let before = children(cluster);
    let mut failed = None;
    let arrived = roll(stage, cluster, &traffic, "1.1.0", |cluster| {
        failed = failed.or_else(|| children(cluster).difference(&before).next().copied());
    });
    let is_gone = failed.is_some_and(|pid| !processes::is_alive(pid));
    stage.finding(arrived && is_gone, "it was given up after 1.5 s, and every answer says 1.1.0");
    if let Ok((200, roll)) = ask(cluster.address, "/roll") {
        let text = |name: &str| roll["last"][name].as_str().unwrap_or("?").to_owned();
        let (to, outcome, reason) = (text("to"), text("outcome"), text("reason"));
        stage.say(&format!("The operator learns of it: GET /roll says {to} was {outcome},"));
        stage.say(&format!("because {reason}."));
    }
    traffic.account(stage, ["before the roll", "during the roll"]);
}

fn roll_on_and_on(stage: &mut Stage, cluster: &Cluster) {
    stage.step("Twenty rolls in a row");
    let traffic = Traffic::start(stage, cluster, BRISK);
    stage.run_load(&traffic.quick, 8000);
    traffic.next_phase();
    stage.tell_events(false);
    let began = Instant::now();
    let version = |roll: u32| format!("1.{}.0", roll + 2);
    let arrives = |roll: &u32| {
        cluster.signal(Signal::SIGUSR2);
        let mut poll = Poll::default();
        let line = |_| vec![traffic.progress(*roll)];
        let agree = || poll.ask(cluster, "/", WORKERS) == Some(version(*roll));
        if *roll % 5 == 1 {
            stage.say(&format!("rolls {roll} to {} …", roll + 4));
        }
        stage.watch_live(LIMIT, line, agree)
    };
    let done = (1..=ROLLS).take_while(arrives).count();
    stage.tell_events(true);
    let took = began.elapsed().as_secs_f64();
    let workers = done * WORKERS;
    let text = format!("{done} rolls, {workers} workers replaced one by one, in {took:.1} s");
    stage.finding(done == ROLLS as usize, text);
    stage.figure("rolls", done);
    traffic.account(stage, ["before the rolls", "during the rolls"]);
}

fn end(stage: &mut Stage, cluster: &Cluster) -> Kept {
    stage.step("SIGTERM: every generation drains");
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(Duration::from_secs(15))?;
    stage.finding(exit == Exit::Code(0), exit.to_string());
    let gone = cluster.wait_gone(Duration::from_secs(5));
    stage.finding(gone.is_ok(), "no process is left behind");
    Ok(())
}

/// Asks for a roll, shows it as it goes, and waits until every worker says `version`. `look` is
/// called again and again meanwhile.
fn roll(
    stage: &Stage,
    cluster: &Cluster,
    traffic: &Traffic,
    version: &str,
    mut look: impl FnMut(&Cluster),
) -> bool {
    stage.say(&format!("kill -USR2 {}", cluster.pid));
    stage.tell_events(false);
    let before = children(cluster);
    let recorder = &stage.trial().recorder;
    let from = recorder.now();
    cluster.signal(Signal::SIGUSR2);
    let mut poll = Poll::default();
    let mut has_begun = false;
    let arrived = stage.watch(
        LIMIT,
        |width| {
            let to = recorder.now().max(from + 1.0);
            traffic.picture(recorder, Frame { from, to, width: width - MARGIN })
        },
        || {
            look(cluster);
            has_begun |= children(cluster) != before;
            has_begun && poll.ask(cluster, "/", WORKERS).is_some_and(|said| said == version)
        },
    );
    stage.tell_events(true);
    arrived
}

/// The clients of one step, in two phases.
struct Traffic {
    quick: Load,
    slow: Load,
    /// Which version was seen when.
    seen: Arc<Mutex<Vec<(f64, String)>>>,
}

impl Traffic {
    fn start(stage: &Stage, cluster: &Cluster, slow: &[Clients]) -> Self {
        let seen: Arc<Mutex<Vec<(f64, String)>>> = Arc::default();
        let (notes, recorder) = (seen.clone(), stage.trial().recorder.clone());
        let watcher = move |answer: &Answer| {
            let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
            let version = body["version"].as_str().unwrap_or("?").to_owned();
            notes.lock().unwrap_or_else(PoisonError::into_inner).push((recorder.now(), version));
        };
        let quick = Load::watched(cluster.address, QUICK, Some(Arc::new(watcher)));
        Traffic { quick, slow: Load::start(cluster.address, slow), seen }
    }

    fn next_phase(&self) {
        self.quick.next_phase();
        self.slow.next_phase();
    }

    fn progress(&self, roll: u32) -> String {
        let sent = thousands(self.quick.finished() + self.slow.finished());
        let failed = self.quick.failed() + self.slow.failed();
        format!("   roll {roll} of {ROLLS}: {sent} requests so far, {failed} without an answer")
    }

    /// The lanes of the workers, and below them which versions the clients see.
    fn picture(&self, recorder: &Recorder, frame: Frame) -> Vec<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen: Vec<_> = seen.iter().filter(|(at, _)| *at >= frame.from).collect();
        let versions: BTreeSet<&str> = seen.iter().map(|(_, said)| said.as_str()).collect();
        let bars = versions.into_iter().enumerate().map(|(nth, version)| {
            let is_it: Vec<_> = seen.iter().map(|(at, said)| (*at, said == version)).collect();
            share(if nth == 0 { "clients see" } else { "" }, version, &is_it, frame, nth)
        });
        let lines = lanes(&recorder.entries(), frame).into_iter().chain(bars);
        let margin = " ".repeat(usize::from(MARGIN));
        lines.chain([LEGEND.to_owned()]).map(|line| format!("{margin}{line}")).collect()
    }

    /// Ends the traffic: every request of both phases must have been answered, and the latencies of
    /// the quick ones are compared.
    fn account(self, stage: &mut Stage, phases: [&str; 2]) {
        let (quick, slow) = (self.quick.finish(), self.slow.finish());
        let mut p99 = Vec::new();
        for (phase, (quick, slow)) in phases.iter().zip(quick.iter().zip(&slow)) {
            let mut all = quick.clone();
            all.add(slow);
            stage.account(&all);
            p99.push(quick.quantile(0.99).as_secs_f64() * 1e3);
            let is_whole = all.lost() + all.refused == 0 && all.balances();
            stage.finding(is_whole, format!("{phase}  {all}"));
        }
        let [before, during] = p99[..] else { return };
        let ratio = during / before.max(f64::EPSILON);
        let text = format!("p99 of the quick ones: {before:.1} ms before, {during:.1} ms during");
        let times = if ratio > 1.0 { format!("{ratio:.1} times") } else { "no slower".into() };
        stage.say(&format!("{text} ({times})"));
        for (name, value) in
            [("p99_before_ms", before), ("p99_during_ms", during), ("p99_ratio", ratio)]
        {
            stage.figure(name, (value * 100.0).round() / 100.0);
        }
    }
}
