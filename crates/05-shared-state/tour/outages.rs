//! Steps 10 and 11: a server that has too many clients, and a server that is away.

use std::time::Instant;

use harness::{Cluster, Kept, RedisServer, Signal, Stage, patience, who::children};

use crate::{
    Homes,
    clients::{Done, LIMIT, WORKERS, crowd, millis, quantile},
    counting::{COUNT, Counting, counter, settle},
};

/// Clients that count at once.
const CROWD: usize = 80;

fn start_redis(stage: &Stage, name: &str, settings: &str) -> Kept<RedisServer> {
    let folder = stage.trial().path(name);
    let started =
        std::fs::create_dir_all(&folder).and_then(|()| RedisServer::start(&folder, settings));
    started.map_err(|error| stage.trial().broken("a redis-server", error.to_string()))
}

pub(crate) fn of_connections(stage: &mut Stage, homes: &Homes) -> Kept {
    stage.step("A server takes 20 connections, and each of four workers wants 10");
    if !homes.has_redis(stage) {
        return Ok(());
    }
    let server = start_redis(stage, "full", "--maxclients 20")?;
    let store = server.url("full");
    let greedy = stage.start(&[("STORE", &store), ("POOL", "10")])?;
    // Each worker opens its connections as requests come, and the first crowd may meet two workers alone.
    let mut refused = 0;
    let _ = processes::until(patience(LIMIT), || {
        refused = self::refused(&crowd(stage, &greedy, CROWD, 1, COUNT));
        (refused > 0).then_some(())
    });
    stage.finding(refused > 0, format!("4 × 10 asked for: {refused} of {CROWD} requests fail"));
    stage.figure("refused_without_a_budget", refused);
    // It ends everything that the tour has started, the server included.
    drop((greedy, server));
    let server = start_redis(stage, "budget", "--maxclients 20")?;
    let store = server.url("full");
    let cluster = stage.start(&[("STORE", &store), ("DB_CONNECTIONS", "20")])?;
    let refused = self::refused(&crowd(stage, &cluster, CROWD, 1, COUNT));
    stage.finding(refused == 0, format!("a budget of 20 for all: {refused} of {CROWD} fail"));
    let done = in_a_roll(stage, &cluster)?;
    let (number, refused) = (done.len(), self::refused(&done));
    stage.finding(refused == 0, format!("the same in a roll: {refused} of {number} fail"));
    stage.figure("refused_with_a_budget", refused);
    Ok(())
}

fn refused(done: &[Done]) -> usize {
    done.iter().filter(|one| one.status() != 200).count()
}

/// Counts while each worker gets a successor.
fn in_a_roll(stage: &mut Stage, cluster: &Cluster) -> Kept<Vec<Done>> {
    let counting = Counting::start(cluster);
    let old = children(cluster);
    cluster.signal(Signal::SIGUSR2);
    let is_over = || {
        let now = children(cluster);
        (now.len() == WORKERS && now.is_disjoint(&old)).then_some(())
    };
    let rolled = processes::until(patience(LIMIT), is_over);
    let done = counting.finish(stage);
    stage.trial().expect(rolled.is_some(), "a successor for each worker", "fewer")?;
    Ok(done)
}

pub(crate) fn of_redis(stage: &mut Stage, homes: &Homes) -> Kept {
    stage.step("Redis is stopped, killed, and back, while all count");
    if !homes.has_redis(stage) {
        return Ok(());
    }
    let mut server = start_redis(stage, "away", "--appendonly yes --appendfsync always")?;
    let store = server.url("away");
    let cluster = stage.start(&[("STORE", &store)])?;
    let counting = Counting::start(&cluster);
    counting.more(200);
    server.signal(Signal::SIGSTOP);
    let is_told = counting.more_fail(16);
    server.signal(Signal::SIGCONT);
    let (began, is_back) = (Instant::now(), counting.more(1));
    let recovered = millis(began.elapsed());
    stage.finding(
        is_told && is_back,
        format!("stopped: 16 requests fail; it runs again: {recovered} ms until the next counts"),
    );
    stage.figure("recovered_after_a_stop_ms", recovered);
    counting.more(100);
    server.kill();
    let is_told = counting.more_fail(16);
    let back = server.start_again();
    back.map_err(|error| stage.trial().broken("a redis-server", error.to_string()))?;
    let (began, is_back) = (Instant::now(), counting.more(1));
    let recovered = millis(began.elapsed());
    stage.finding(
        is_told && is_back,
        format!("killed: 16 requests fail; it is back: {recovered} ms until the next counts"),
    );
    stage.figure("recovered_after_a_kill_ms", recovered);
    counting.more(100);
    let done = counting.finish(stage);
    let (acknowledged, unknown) = settle(&done);
    let [p99, longest] = [0.99, 1.0].map(|share| quantile(&done, share));
    let text = format!("{} answers: p99 {p99:.1} ms, the slowest {longest:.0} ms", done.len());
    stage.finding(longest < 10_000.0, text);
    let counter = processes::until(LIMIT, || counter(&cluster)).unwrap_or_default();
    let is_right = (acknowledged..=acknowledged + unknown).contains(&counter);
    let text = format!("{acknowledged} acknowledged, {unknown} unknown; counter {counter}");
    stage.finding(is_right, text);
    Ok(())
}
