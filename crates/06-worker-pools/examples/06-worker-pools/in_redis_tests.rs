//! The queue in Redis, with several machines: each is one [`InRedis`] of this process.

use std::{
    io::Write,
    sync::{Arc, Once},
    time::Duration,
};

use harness::{RedisServer, Signal, patience};
use tempfile::TempDir;
use worker_pools::Id;

use crate::{
    in_redis::{End, Found, InRedis, Limits, Taken},
    redis_failures::Failure,
    redis_machine::Machine,
};

/// No test waits for the end of a lease that is this long.
const FAR: Duration = Duration::from_hours(1);
/// A lease that is over at once.
const NONE: Duration = Duration::ZERO;

struct Scene {
    server: RedisServer,
    _folder: TempDir,
}

impl Scene {
    /// A Redis of its own; `None`, and a line that says why, where none is installed.
    fn new() -> Option<Self> {
        static SAID: Once = Once::new();
        if let Some(why) = RedisServer::missing() {
            // Not `eprintln`: a test that passes shows nothing of that.
            SAID.call_once(|| drop(writeln!(std::io::stderr(), "tests of the queue: {why}")));
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let server = RedisServer::start(folder.path(), "").expect("it starts");
        Some(Scene { server, _folder: folder })
    }

    fn machine(&self, name: &str, lease: Duration) -> InRedis {
        let call = patience(Duration::from_secs(5));
        self.machine_with(name, Limits { waiting: 3, ended: 2, lease, call })
    }

    fn machine_with(&self, name: &str, limits: Limits) -> InRedis {
        InRedis::open(&self.server.address(), "pool", name, limits).expect("an address")
    }

    fn ask(&self, command: &str) -> String {
        self.server.ask(command).expect("an answer")
    }
}

async fn submit(machine: &InRedis, work: &str) -> Id {
    machine.submit(work, None).await.expect("an answer").expect("a free place")
}

async fn take_one(machine: &InRedis) -> Taken {
    let mut taken = machine.take(1).await.expect("an answer");
    assert_eq!(taken.len(), 1);
    taken.remove(0)
}

fn done() -> End {
    End::Completed("done".to_owned())
}

#[tokio::test]
async fn a_full_queue_takes_no_more_and_a_task_that_is_taken_makes_room() {
    let Some(scene) = Scene::new() else { return };
    let machine = scene.machine("a", FAR);
    for id in 1..=3 {
        assert_eq!(submit(&machine, "w").await, Id(id));
    }
    assert_eq!(machine.submit("w", None).await, Ok(None));
    assert_eq!(take_one(&machine).await.id, Id(1), "the oldest");
    assert_eq!(submit(&machine, "w").await, Id(4));
    let counts = machine.counts().await.expect("an answer");
    assert_eq!((counts.submitted, counts.waiting, counts.taken), (4, 3, 1));
}

#[tokio::test]
async fn each_task_goes_to_one_machine_and_leaves_nothing_behind() {
    let Some(scene) = Scene::new() else { return };
    let (a, b) = (scene.machine("a", FAR), scene.machine("b", FAR));
    let first = submit(&a, "first").await;
    submit(&a, "second").await;
    let (of_a, of_b) = (take_one(&a).await, take_one(&b).await);
    assert_eq!((of_a.work.as_str(), of_b.work.as_str()), ("first", "second"));
    assert_eq!(a.start(&of_a, 1).await, Ok(true));
    assert_eq!(a.finish(&of_a, &done()).await, Ok(true));
    assert_eq!(a.finish(&of_a, &done()).await, Ok(false), "it has ended");
    assert_eq!(b.finish(&of_b, &done()).await, Ok(true));
    assert!(scene.ask("XLEN {pool}:tasks").starts_with(":0"), "the stream is empty again");
    let Ok(Found::Task(task)) = a.find(first).await else { panic!("it is remembered") };
    assert_eq!((task["status"].as_str(), task["result"].as_str()), ("completed", "done"));
    assert_eq!(task["attempts"], "1");
}

#[tokio::test]
async fn a_machine_that_lost_its_lease_neither_ends_the_task_nor_takes_it_back() {
    let Some(scene) = Scene::new() else { return };
    let (frozen, other) = (scene.machine("frozen", NONE), scene.machine("other", NONE));
    let id = submit(&frozen, "w").await;
    let before = take_one(&frozen).await;
    assert_eq!(frozen.start(&before, 1).await, Ok(true));
    let after = other.take_over(4).await.expect("an answer");
    assert_eq!((after.len(), after[0].id, after[0].attempts), (1, id, 1), "it was started once");
    assert_eq!(frozen.renew(&before).await, Ok(false));
    assert_eq!(frozen.start(&before, 2).await, Ok(false));
    assert_eq!(frozen.finish(&before, &done()).await, Ok(false));
    assert_eq!(other.start(&after[0], 2).await, Ok(true), "it still has it");
    assert_eq!(other.finish(&after[0], &done()).await, Ok(true));
}

#[tokio::test]
async fn a_lease_that_is_renewed_does_not_end() {
    let Some(scene) = Scene::new() else { return };
    let (a, b) = (scene.machine("a", FAR), scene.machine("b", FAR));
    submit(&a, "w").await;
    let task = take_one(&a).await;
    assert_eq!(a.renew(&task).await, Ok(true));
    assert_eq!(b.take_over(4).await, Ok(Vec::new()));
    assert_eq!(a.finish(&task, &done()).await, Ok(true));
}

#[tokio::test]
async fn what_is_given_back_is_taken_at_once_although_its_lease_was_long() {
    let Some(scene) = Scene::new() else { return };
    let (a, b) = (scene.machine("a", FAR), scene.machine("b", FAR));
    let id = submit(&a, "w").await;
    let task = take_one(&a).await;
    assert_eq!(a.give_back(&task).await, Ok(true));
    assert_eq!(a.finish(&task, &done()).await, Ok(false), "it is not its own any more");
    let taken = b.take_over(4).await.expect("an answer");
    assert_eq!((taken[0].id, taken[0].attempts), (id, 0), "it was never started");
}

#[tokio::test]
async fn a_machine_that_leaves_gives_back_what_it_has_asked_for() {
    let Some(scene) = Scene::new() else { return };
    let (leaving, other) = (Arc::new(scene.machine("a", FAR)), scene.machine("b", FAR));
    let id = submit(&leaving, "w").await;
    let mut machine = Machine::join(&leaving, FAR);
    machine.ask_for(1);
    machine.leave(patience(Duration::from_secs(30))).await;
    let taken = other.take_over(4).await.expect("an answer");
    assert_eq!(taken.first().map(|task| task.id), Some(id), "it does not wait for the lease");
}

#[tokio::test]
async fn the_oldest_results_are_forgotten_and_known_to_be() {
    let Some(scene) = Scene::new() else { return };
    let machine = scene.machine("a", FAR);
    for _ in 1..=3 {
        submit(&machine, "w").await;
        assert_eq!(machine.finish(&take_one(&machine).await, &done()).await, Ok(true));
    }
    assert_eq!(machine.find(Id(1)).await, Ok(Found::Forgotten));
    assert!(matches!(machine.find(Id(2)).await, Ok(Found::Task(_))));
    assert_eq!(machine.find(Id(4)).await, Ok(Found::Unknown));
    assert_eq!(machine.find(Id(0)).await, Ok(Found::Unknown));
}

#[tokio::test]
async fn a_task_without_a_chance_is_work_for_a_person() {
    let Some(scene) = Scene::new() else { return };
    let machine = scene.machine("a", FAR);
    submit(&machine, "w").await;
    let end = End::Failed("attempts");
    assert_eq!(machine.finish(&take_one(&machine).await, &end).await, Ok(true));
    assert!(scene.ask("XLEN {pool}:dead").starts_with(":1"));
    assert_eq!(machine.counts().await.expect("an answer").failed, 1);
}

#[tokio::test]
async fn the_same_key_is_the_same_task_until_it_is_forgotten() {
    let Some(scene) = Scene::new() else { return };
    let machine = scene.machine("a", FAR);
    assert_eq!(machine.submit("w", Some("k")).await, Ok(Some(Id(1))));
    assert_eq!(machine.submit("w", Some("k")).await, Ok(Some(Id(1))));
    assert_eq!(machine.submit("w", Some("other")).await, Ok(Some(Id(2))));
    for _ in 1..=2 {
        machine.finish(&take_one(&machine).await, &done()).await.expect("an answer");
    }
    submit(&machine, "w").await;
    machine.finish(&take_one(&machine).await, &done()).await.expect("an answer");
    assert_eq!(machine.submit("w", Some("k")).await, Ok(Some(Id(4))), "task 1 is forgotten");
}

/// On one connection the submission would wait behind the read.
#[tokio::test]
async fn a_read_that_waits_holds_up_nothing() {
    let Some(scene) = Scene::new() else { return };
    let machine = scene.machine("a", FAR);
    let (taken, submitted) = tokio::join!(machine.take(1), machine.submit("w", None));
    assert_eq!(submitted, Ok(Some(Id(1))));
    let taken = taken.expect("an answer");
    assert!(taken.is_empty() || taken[0].id == Id(1), "{taken:?}");
}

#[tokio::test]
async fn after_a_flush_the_group_is_made_again() {
    let Some(scene) = Scene::new() else { return };
    let machine = scene.machine("a", FAR);
    submit(&machine, "w").await;
    let lost = take_one(&machine).await;
    scene.ask("FLUSHALL");
    assert_eq!(machine.finish(&lost, &done()).await, Ok(false), "nothing is known of it");
    let refusal = machine.take(1).await.expect_err("there is no group");
    assert!(refusal.to_string().contains("NOGROUP"), "{refusal}");
    assert_eq!(machine.take(1).await, Ok(Vec::new()), "the next read makes it");
    assert_eq!(submit(&machine, "w").await, Id(1));
    assert_eq!(take_one(&machine).await.id, Id(1));
}

#[tokio::test]
async fn a_machine_that_is_gone_is_forgotten_once_it_holds_nothing() {
    let Some(scene) = Scene::new() else { return };
    let (gone, other) = (scene.machine("gone", NONE), scene.machine("other", NONE));
    submit(&gone, "w").await;
    take_one(&gone).await;
    other.tidy(NONE).await.expect("an answer");
    let consumers = || scene.ask("XINFO CONSUMERS {pool}:tasks pool");
    assert!(consumers().contains("gone"), "its task would vanish with it");
    assert_eq!(other.take_over(4).await.expect("an answer").len(), 1);
    other.tidy(NONE).await.expect("an answer");
    assert!(!consumers().contains("gone"));
}

#[tokio::test]
async fn a_server_that_is_stopped_or_gone_holds_up_no_call() {
    let Some(mut scene) = Scene::new() else { return };
    let call = Duration::from_millis(500);
    let limits = Limits { waiting: 3, ended: 2, lease: FAR, call };
    let machine = scene.machine_with("a", limits);
    submit(&machine, "w").await;
    scene.server.signal(Signal::SIGSTOP);
    assert_eq!(machine.submit("w", None).await, Err(Failure::Unknown), "perhaps it is done");
    assert_eq!(machine.take(1).await, Err(Failure::Unknown));
    scene.server.signal(Signal::SIGCONT);
    scene.server.kill();
    assert!(machine.submit("w", None).await.is_err());
    scene.server.start_again().expect("it starts again");
    let back = async {
        while machine.submit("w", None).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    let limit = patience(Duration::from_secs(30));
    tokio::time::timeout(limit, back).await.expect("it connects again by itself");
}
