//! Workers that are handed on lose no word and no death, and nothing is left of those that aren't.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::Duration,
};

use cluster_basics::{Cluster, Notice};
use events::{Exit, Pid, Slot};
use nix::{
    errno::Errno,
    sys::{
        signal::{Signal::SIGKILL, kill},
        wait::{WaitStatus, waitpid},
    },
    unistd,
};
use processes::Stat;
use tempfile::TempDir;
use tokio::{runtime::Builder, time::timeout};

type Workers = Cluster<String, String>;

const SLOT: Slot = Slot(1);
const GENEROUS: Duration = Duration::from_secs(30);

/// Says "up" and half of "ok"; says the other half when it is told something; stays.
const IN_TWO_HALVES: &str = r#"
printf '\000\000\000\004"up"\000\000\000\004"o' >&4
head -c 8 <&4 >/dev/null
printf 'k"' >&4
exec sleep 600
"#;

/// A program, which is a script.
fn script(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("worker");
    fs::write(&path, format!("#!/bin/sh\n{text}")).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    path
}

/// A cluster with one worker that executes `text`, and that worker's pid.
fn start(text: &str) -> (Workers, Pid, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let mut cluster = Workers::new(listener);
    let pid = cluster.spawn_program(&script(&folder, text), SLOT, &[]).expect("a process");
    (cluster, pid, folder)
}

async fn next(cluster: &mut Workers) -> Notice<String> {
    timeout(GENEROUS, cluster.next()).await.expect("something happens")
}

async fn hear(cluster: &mut Workers) -> String {
    match next(cluster).await {
        Notice::Said { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

fn unix(pid: Pid) -> unistd::Pid {
    unistd::Pid::from_raw(i32::try_from(pid.0).expect("a pid"))
}

/// The primary starts others meanwhile, and hears of the death before it hears of the end of the channel.
#[tokio::test]
async fn a_worker_that_is_dead_when_the_primary_first_looks_has_closed_nothing_by_itself() {
    let (mut cluster, pid, _folder) = start("exit 1");
    let is_dead = || Stat::of(pid.0).is_some_and(|stat| stat.state == 'Z').then_some(());
    assert!(processes::until(GENEROUS, is_dead).is_some(), "it ends");
    let notice = next(&mut cluster).await;
    assert!(matches!(notice, Notice::Exited { exit: Exit::Code(1), .. }), "{notice:?}");
}

#[tokio::test]
async fn the_same_worker_is_told_and_heard_before_and_after() {
    let (mut cluster, pid, _folder) = start(IN_TWO_HALVES);
    assert_eq!(hear(&mut cluster).await, "up");
    let (handover, before) = cluster.take_apart().await;
    assert!(before.is_empty(), "{before:?}");
    assert_eq!(handover.workers.len(), 1);
    assert_eq!(handover.workers[0].id.pid, pid);
    let mut cluster = Workers::put_together(handover).expect("all of it");
    cluster.tell(pid, &"go".to_owned()).expect("a worker");
    assert_eq!(hear(&mut cluster).await, "ok");
    cluster.kill(pid);
    let notice = next(&mut cluster).await;
    assert!(matches!(notice, Notice::Exited { exit: Exit::Signal(9), .. }), "{notice:?}");
    assert!(cluster.is_empty());
}

#[tokio::test]
async fn a_worker_that_dies_in_between_is_reaped_afterwards() {
    let (cluster, pid, _folder) = start("exec sleep 600");
    let (handover, _) = cluster.take_apart().await;
    kill(unix(pid), SIGKILL).expect("it is ours");
    let mut cluster = Workers::put_together(handover).expect("all of it");
    let notice = next(&mut cluster).await;
    let is_that = matches!(&notice, Notice::Exited { id, exit: Exit::Signal(9) } if id.pid == pid);
    assert!(is_that, "{notice:?}");
    assert_eq!(kill(unix(pid), None), Err(Errno::ESRCH));
}

#[tokio::test]
async fn what_was_said_and_who_died_before_the_standstill_comes_out_with_it() {
    let (cluster, pid, _folder) = start(r#"printf '\000\000\000\005"bye"' >&4; exit 3"#);
    // The queue is full of nothing, so the notices wait in it.
    timeout(GENEROUS, async {
        while kill(unix(pid), None).is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it ends, and is reaped");
    let (handover, before) = cluster.take_apart().await;
    assert!(handover.workers.is_empty());
    let told: Vec<_> = before.iter().map(|notice| format!("{notice:?}")).collect();
    assert!(
        matches!(&before[..], [Notice::Said { .. }, Notice::Exited { exit: Exit::Code(3), .. }]),
        "{told:?}"
    );
}

#[test]
fn a_primary_that_ends_kills_its_workers() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (_, pid, _folder) = runtime.block_on(async { start("exec sleep 600") });
    drop(runtime);
    // By SIGKILL: `waitpid` returns when it is over.
    let status = waitpid(unix(pid), None).expect("a child that was not reaped");
    assert!(matches!(status, WaitStatus::Signaled(_, SIGKILL, _)), "{status:?}");
}
