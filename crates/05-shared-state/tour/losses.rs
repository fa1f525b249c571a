//! Step 4: everything is killed at once, and started again. What was acknowledged, and is not there?

use harness::{Cluster, Kept, RedisServer, Signal, Stage};

use crate::{
    Homes, ONE_HOME,
    clients::{LIMIT, in_file},
    counting::{Counting, counter, settle},
};

/// Increments before the end comes.
const ENOUGH: usize = 400;

pub(crate) fn everything_is_killed(stage: &mut Stage, homes: &Homes) -> Kept {
    stage.step("Everything is killed while all count, and started again");
    stage.say("home                             acknowledged     there      lost");
    if homes.are_there {
        row(stage, "primary", ("STORE", "primary"), None, Loss::All)?;
    }
    let (setting, file) = in_file(stage, "lost.db");
    row(stage, "sqlite", (setting, &file), None, Loss::Nothing)?;
    if !homes.are_there || homes.no_redis.is_some() {
        stage.say(homes.no_redis.filter(|_| homes.are_there).unwrap_or(ONE_HOME));
        return Ok(());
    }
    let settings = [
        ("redis, as it comes", "", Loss::All),
        ("redis, appendonly everysec", "--appendonly yes", Loss::Nothing),
        ("redis, appendonly always", "--appendonly yes --appendfsync always", Loss::Nothing),
    ];
    for (index, (name, settings, loss)) in settings.into_iter().enumerate() {
        let folder = stage.trial().path(&format!("redis-{index}"));
        let server = std::fs::create_dir_all(&folder)
            .and_then(|()| RedisServer::start(&folder, settings))
            .map_err(|error| stage.trial().broken("a redis-server", error.to_string()))?;
        let store = server.url("lost");
        row(stage, name, ("STORE", &store), Some(server), loss)?;
    }
    Ok(())
}

/// What a home is expected to lose.
#[derive(Clone, Copy)]
enum Loss {
    Nothing,
    All,
}

fn row(
    stage: &mut Stage,
    name: &str,
    home: (&str, &str),
    mut server: Option<RedisServer>,
    expected: Loss,
) -> Kept {
    let first = stage.start(&[home])?;
    let counting = Counting::start(&first);
    counting.more(ENOUGH);
    kill_all(&first)?;
    if let Some(server) = &mut server {
        server.kill();
    }
    let (acknowledged, unknown) = settle(&counting.finish(stage));
    if let Some(server) = &mut server {
        let back = server.start_again();
        back.map_err(|error| stage.trial().broken("a redis-server", error.to_string()))?;
    }
    // The first cluster is dropped after the second one: it ends everything that the tour has started.
    let second = stage.start(&[home])?;
    let there = processes::until(LIMIT, || counter(&second));
    let there = there.unwrap_or_default();
    let lost = acknowledged.saturating_sub(there);
    let is_right = match expected {
        Loss::Nothing => lost == 0 && there <= acknowledged + unknown,
        Loss::All => there == 0,
    };
    stage.finding(is_right, format!("{name:<30} {acknowledged:>12} {there:>9} {lost:>9}"));
    stage.figure(&format!("lost: {name}"), lost);
    drop(second);
    drop(first);
    Ok(())
}

/// SIGKILL to the primary and to each worker.
fn kill_all(cluster: &Cluster) -> Kept {
    let workers = harness::who::children(cluster);
    cluster.signal(Signal::SIGKILL);
    for worker in workers {
        // It may have ended with its primary.
        let _ = cluster.signal_process(worker, Signal::SIGKILL);
    }
    cluster.wait_exit(LIMIT).map(drop)
}
