//! Steps 1 to 3, and the end: a counter.

use std::{collections::BTreeSet, time::Duration};

use events::Exit;
use harness::{Cluster, Kept, RedisServer, Signal, Stage, patience, who::children};

use crate::{
    Homes, ONE_HOME,
    clients::{Ask, LIMIT, WORKERS, ask, crowd, doors, in_file},
    counting::{COUNT, Counting, counter, settle},
};

const CLIENTS: usize = 8;
const EACH: usize = 50;
const ALL: usize = CLIENTS * EACH;

pub(crate) fn one_for_each_process(stage: &mut Stage, homes: &Homes) -> Kept {
    stage.step("A counter in the memory of each worker: STORE=worker");
    if !homes.are_there {
        stage.say(ONE_HOME);
        return Ok(());
    }
    let cluster = stage.start(&[("STORE", "worker")])?;
    let acknowledged = count(stage, &cluster);
    let said = said_by_each(stage, &cluster)?;
    let sum: usize = said.iter().sum();
    let numbers: Vec<_> = said.iter().map(ToString::to_string).collect();
    stage.finding(
        acknowledged == ALL && sum == ALL && said.iter().all(|one| *one < ALL),
        format!("{acknowledged} acknowledged; the four workers say {}", numbers.join(", ")),
    );
    stage.figure("each_says", said);
    Ok(())
}

pub(crate) fn one_for_all(stage: &mut Stage, homes: &Homes) -> Kept {
    stage.step("The same in each home that all workers share");
    if homes.are_there {
        one_in(stage, "primary", ("STORE", "primary"))?;
    }
    let (setting, file) = in_file(stage, "all.db");
    one_in(stage, "sqlite", (setting, &file))?;
    if homes.has_redis(stage) {
        let server = RedisServer::start(stage.trial().path("."), "")
            .map_err(|error| stage.trial().broken("a redis-server", error.to_string()))?;
        one_in(stage, "redis", ("STORE", &server.url("all")))?;
    }
    Ok(())
}

fn one_in(stage: &mut Stage, name: &str, home: (&str, &str)) -> Kept {
    let cluster = stage.start(&[home])?;
    let acknowledged = count(stage, &cluster);
    let said: BTreeSet<_> = said_by_each(stage, &cluster)?.into_iter().collect();
    let is_right = acknowledged == ALL && said == BTreeSet::from([ALL]);
    let said: Vec<_> = said.iter().map(ToString::to_string).collect();
    let text =
        format!("{name:<8} {acknowledged} acknowledged; each worker says {}", said.join(" or "));
    stage.finding(is_right, text);
    Ok(())
}

/// Counts from many clients, and returns how many increments were acknowledged.
fn count(stage: &mut Stage, cluster: &Cluster) -> usize {
    settle(&crowd(stage, cluster, CLIENTS, EACH, COUNT)).0
}

fn said_by_each(stage: &Stage, cluster: &Cluster) -> Kept<Vec<usize>> {
    let said = |(_, mut connection)| {
        let said = ask(&mut connection, Ask::get("/counter?key=k")).json();
        said["value"].as_u64().and_then(|value| usize::try_from(value).ok()).unwrap_or_default()
    };
    Ok(doors(stage, cluster)?.into_values().map(said).collect())
}

pub(crate) fn three_workers_are_killed(stage: &mut Stage) -> Kept {
    stage.step("Three workers are killed while all count");
    let (setting, file) = in_file(stage, "killed.db");
    let cluster = stage.start(&[(setting, &file), ("RESTART_DELAY_MS", "100")])?;
    let counting = Counting::start(&cluster);
    for _ in 0..3 {
        counting.more(100);
        let before = children(&cluster);
        let Some(victim) = before.first().copied() else { break };
        cluster.signal_process(victim, Signal::SIGKILL)?;
        let is_replaced = || {
            let now = children(&cluster);
            (now.len() == WORKERS && !now.contains(&victim)).then_some(())
        };
        let replaced = processes::until(patience(LIMIT), is_replaced);
        stage.trial().expect(replaced.is_some(), "a new worker in its place", "none")?;
    }
    counting.more(100);
    let (acknowledged, unknown) = settle(&counting.finish(stage));
    let counter = counter(&cluster).unwrap_or_default();
    let is_right = (acknowledged..=acknowledged + unknown).contains(&counter);
    let text =
        format!("{acknowledged} acknowledged, {unknown} without an answer; counter {counter}");
    stage.finding(is_right, text);
    stage.figure("acknowledged", acknowledged);
    stage.figure("unknown", unknown);
    stage.figure("counter", counter);
    Ok(())
}

pub(crate) fn the_end(stage: &mut Stage) -> Kept {
    stage.step("SIGTERM: all of them drain");
    let cluster = stage.start(&[])?;
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(Duration::from_secs(20))?;
    stage.finding(exit == Exit::Code(0), exit.to_string());
    let gone = cluster.wait_gone(Duration::from_secs(5));
    stage.finding(gone.is_ok(), "no process is left behind");
    Ok(())
}
