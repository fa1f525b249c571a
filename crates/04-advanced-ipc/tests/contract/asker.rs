//! A worker that asks, and then does not read the answers.

use std::time::Duration;

use harness::{Kept, Trial, patience, wire::request};

use crate::scene::{self, Asked, FAR, ask, door, doors, freeze, get, post_rest, take, thaw};

const CALLS: usize = 60;
/// A call that has nothing to wait for takes less.
const FAR_ENOUGH: Duration = Duration::from_secs(5);

/// Worker 2 answers all calls of worker 1 while that is frozen: more than its socket holds.
pub(crate) fn a_frozen_asker_costs_others_nothing(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let (mut doors, _) = doors(trial, &cluster, CALLS + 1)?;
    let [first, second] =
        [scene::pid_of(trial, &mut doors, 1)?, scene::pid_of(trial, &mut doors, 2)?];
    freeze(trial, &cluster, second)?;
    let text = "x".repeat(16_384);
    let question = request("POST", &format!("/ask/2?{FAR}"), &text);
    let mut calls = Vec::new();
    for mut connection in take(trial, &mut doors, &[1], CALLS)? {
        let sent = connection.send(question.as_bytes());
        sent.map_err(|failure| trial.broken("a request that is sent", failure.to_string()))?;
        calls.push(post_rest(connection, ""));
    }
    trial.recorder.observe(format!("{CALLS} calls of 16 KiB from worker 1 to worker 2 are sent"));
    // Worker 1 has read those requests before this one.
    get(trial, door(trial, &mut doors, 1)?, &format!("/ask/3?text=x&{FAR}"), 200)?;
    freeze(trial, &cluster, first)?;
    thaw(&cluster, second)?;
    let path = format!("/ask/2?text=well&timeout_ms={}", patience(FAR_ENOUGH).as_millis());
    // Their questions come after those of worker 1.
    for _ in 0..3 {
        let ended = ask(door(trial, &mut doors, 3)?, path.clone()).ended();
        let expected = "200 for a call from worker 3, which is well, to worker 2";
        trial.expect(ended.text().as_deref() == Some("well"), expected, ended.describe())?;
        doors.entry(3).or_default().push(ended.connection);
    }
    thaw(&cluster, first)?;
    all_have(trial, calls, &text)
}

fn all_have(trial: &Trial, calls: Vec<Asked>, text: &str) -> Kept {
    for call in calls {
        let ended = call.ended();
        let expected = "200 for each call of worker 1, once it runs again";
        trial.expect(ended.text().as_deref() == Some(text), expected, ended.describe())?;
    }
    trial.recorder.observe(format!("worker 1 runs again, and each of its {CALLS} calls: 200"));
    Ok(())
}
