//! How long calls took: percentiles over all workers.

use std::time::Duration;

use harness::{Kept, Trial, patience};
use serde_json::{Value, json};

use crate::scene::{Doors, FAR, WORKERS, ask, door, doors, get};

/// How long a slow call takes. A fast one waits for nothing, and takes less.
const SLOW: Duration = Duration::from_secs(3);

pub(crate) fn stats_have_percentiles_of_all_calls(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let (mut doors, _) = doors(trial, &cluster, 3)?;
    let none = Percentiles { p50: Value::Null, p99: Value::Null };
    let first = everywhere(trial, &mut doors)?;
    trial.expect(first == none, "null before the first call", first.describe())?;
    fast(trial, &mut doors, 98)?;
    two_slow_ones(trial, &mut doors)?;
    let slow = patience(SLOW);
    let millis = slow.as_millis();
    let of_100 = everywhere(trial, &mut doors)?;
    let is_right = of_100.is_below(&of_100.p50, slow) && !of_100.is_below(&of_100.p99, slow);
    let expected = format!("98 fast calls, and 2 of {millis} ms: p50 is below that, p99 isn't");
    trial.expect(is_right, expected, of_100.describe())?;
    fast(trial, &mut doors, 100)?;
    let of_200 = everywhere(trial, &mut doors)?;
    let is_right = of_200.is_below(&of_200.p99, slow);
    let expected = format!("198 fast calls, and 2 of {millis} ms: p99 is below that");
    trial.expect(is_right, expected, of_200.describe())?;
    one_without_an_answer(trial, &mut doors)?;
    let of_201 = everywhere(trial, &mut doors)?;
    let is_right = of_201.is_below(&of_201.p50, slow) && !of_201.is_below(&of_201.p99, slow);
    let expected = format!("one more of {millis} ms, which was 504: p99 isn't below that");
    trial.expect(is_right, expected, of_201.describe())
}

#[derive(PartialEq)]
struct Percentiles {
    p50: Value,
    p99: Value,
}

impl Percentiles {
    /// Whether `value` is a number of milliseconds, and less than `limit`.
    fn is_below(&self, value: &Value, limit: Duration) -> bool {
        self.p50.is_number()
            && value.as_f64().is_some_and(|millis| millis < limit.as_secs_f64() * 1000.0)
    }

    fn describe(&self) -> String {
        format!("p50_ms {}, p99_ms {}", self.p50, self.p99)
    }
}

/// What every worker says, which must be the same: each asks all of them.
fn everywhere(trial: &Trial, doors: &mut Doors) -> Kept<Percentiles> {
    let mut all = Vec::new();
    for slot in 1..=WORKERS {
        let (connection, stats) = get(trial, door(trial, doors, slot)?, "/stats", 200)?;
        doors.entry(slot).or_default().push(connection);
        let has_both = ["p50_ms", "p99_ms"].iter().all(|name| stats.get(name).is_some());
        trial.expect(has_both, "/stats with p50_ms and p99_ms", stats.to_string())?;
        all.push(json!([stats["p50_ms"], stats["p99_ms"]]));
    }
    let observed = json!(all).to_string();
    let is_same = all.iter().all(|one| *one == all[0]);
    trial.expect(is_same, "the same from each worker", observed)?;
    let percentiles = Percentiles { p50: all[0][0].clone(), p99: all[0][1].clone() };
    trial.recorder.observe(format!("/stats of each worker: {}", percentiles.describe()));
    Ok(percentiles)
}

/// Worker 1 makes `number` calls, one after the other.
fn fast(trial: &Trial, doors: &mut Doors, number: usize) -> Kept {
    let mut connection = door(trial, doors, 1)?;
    for _ in 0..number {
        let ended = ask(connection, format!("/ask/2?text=x&{FAR}")).ended();
        trial.expect(ended.status() == 200, "200", ended.describe())?;
        connection = ended.connection;
    }
    trial.recorder.observe(format!("worker 1 made {number} fast calls"));
    doors.entry(1).or_default().push(connection);
    Ok(())
}

/// Worker 3 makes two calls that take long.
fn two_slow_ones(trial: &Trial, doors: &mut Doors) -> Kept {
    let path = format!("/ask/2?text=x&ms={}&{FAR}", patience(SLOW).as_millis());
    let calls = [door(trial, doors, 3)?, door(trial, doors, 3)?];
    for call in calls.map(|connection| ask(connection, path.clone())) {
        let ended = call.ended();
        trial.expect(ended.status() == 200, "200", ended.describe())?;
        doors.entry(3).or_default().push(ended.connection);
    }
    trial.recorder.observe("worker 3 made two slow calls");
    Ok(())
}

/// A call that took until its deadline is the slowest of all, and counts.
fn one_without_an_answer(trial: &Trial, doors: &mut Doors) -> Kept {
    let path = format!("/ask/2?fault=never&timeout_ms={}", patience(SLOW).as_millis());
    let (connection, _) = get(trial, door(trial, doors, 3)?, &path, 504)?;
    doors.entry(3).or_default().push(connection);
    Ok(())
}
