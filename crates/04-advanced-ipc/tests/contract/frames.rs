//! A worker that sends bytes that aren't a frame.

use harness::{Cluster, Kept, Trial};

use crate::scene::{
    self, Asked, Doors, FAR, ask, door, doors, post, successor, take, wait_for_holding,
};

const AT_ONCE: [(&str, &str); 2] = [("RESTART_DELAY_MS", "1"), ("RESTART_DELAY_MAX_MS", "1")];

pub(crate) fn bad_frames_end_that_worker_and_nothing_else(trial: &Trial) -> Kept {
    let cluster = trial.start(&AT_ONCE)?;
    let (mut doors, _) = doors(trial, &cluster, 8)?;
    for kind in ["garbage", "truncated", "oversized"] {
        misbehaves(trial, &cluster, &mut doors, kind).map_err(|broken| broken.during(kind))?;
    }
    too_long_texts_cost_nothing(trial, &cluster, &mut doors)
        .map_err(|broken| broken.during("texts that are too long"))
}

fn misbehaves(trial: &Trial, cluster: &Cluster, doors: &mut Doors, kind: &str) -> Kept {
    let others = [scene::pid_of(trial, doors, 1)?, scene::pid_of(trial, doors, 3)?];
    let second = scene::pid_of(trial, doors, 2)?;
    let open = |connection| ask(connection, format!("/ask/2?ms=240000&{FAR}"));
    let ending: Vec<Asked> = take(trial, doors, &[1, 3], 4)?.into_iter().map(open).collect();
    let connection = wait_for_holding(trial, door(trial, doors, 2)?, 4)?;
    let living = ask(door(trial, doors, 1)?, format!("/ask/3?text=well&ms=3000&{FAR}"));
    let path = format!("/fault?kind={kind}");
    let ended = post(connection, "POST", path, "").ended();
    // It may be killed before its answer is out.
    trial.recorder.observe(format!("POST /fault?kind={kind}: {}", ended.describe()));
    for (index, call) in ending.into_iter().enumerate() {
        let ended = call.ended();
        trial.expect(ended.status() == 502, "502 for a call to that worker", ended.describe())?;
        doors.entry([1, 3][index % 2]).or_default().push(ended.connection);
    }
    let ended = living.ended();
    let expected = "200 for a call to worker 3, which was open meanwhile";
    trial.expect(ended.text().as_deref() == Some("well"), expected, ended.describe())?;
    doors.entry(1).or_default().push(ended.connection);
    doors.remove(&2);
    for _ in 0..3 {
        let (_, connection) = successor(trial, cluster, 2, &[second])?;
        doors.entry(2).or_default().push(connection);
    }
    let there = harness::who::children(cluster);
    let observed = format!("the processes {there:?}; workers 1 and 3 were {others:?}");
    let is_right = others.iter().all(|pid| there.contains(pid)) && !there.contains(&second);
    trial.expect(is_right, "a new process in slot 2 alone", observed)
}

/// 16 KiB are the limit, in whatever way the text comes.
fn too_long_texts_cost_nothing(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let mut before = Vec::new();
    for slot in 1..=scene::WORKERS {
        before.push(scene::pid_of(trial, doors, slot)?);
    }
    before.sort_unstable();
    for (path, status) in [("/ask/2", 200), ("/send/2", 202), ("/broadcast", 200)] {
        for (length, status) in [(16_384, status), (16_385, 413), (40_960, 413)] {
            // Each of these bytes becomes six in JSON.
            let text = "\u{1}".repeat(length);
            // A refused body may cost the connection.
            let ended = post(cluster.connect()?, "POST", format!("{path}?{FAR}"), &text).ended();
            let expected = format!("{path}: {status} for a text of {length} bytes");
            trial.expect(ended.status() == status, expected, ended.describe())?;
        }
    }
    scene::same_processes(trial, cluster, &before)
}
