//! When a session ends that no client ends.

use std::time::{Duration, Instant};

use harness::{Cluster, Kept, Trial, patience, wire::Head};

use crate::{
    scene::{Door, Doors, PROMPT, millis},
    sessions::{has_ended_meanwhile, log_in, me},
};

const IDLE: Duration = Duration::from_secs(2);
const MAX: Duration = Duration::from_secs(5);

/// One session is not used, the other one again and again.
pub(crate) fn ends_in_time(trial: &Trial) -> Kept {
    let (idle, max) = (millis(IDLE), millis(MAX));
    let settings = [("SESSION_IDLE_MS", idle.as_str()), ("SESSION_MAX_MS", max.as_str())];
    let cluster = trial.start(&settings)?;
    let mut doors = Doors::open(trial, &cluster, 2)?;
    let (mut idles, mut busy) = (doors.take(trial, 1)?, doors.take(trial, 2)?);
    let mut late = doors.take(trial, 3)?;
    let head = is_over_before_its_request(trial, &mut late)?;
    let unused = log_in(trial, &mut idles, None)?;
    let unused_since = Instant::now();
    let begins = Instant::now();
    let used = log_in(trial, &mut busy, None)?;
    busy.is_quiet = true;
    let mut session =
        Used { cookie: used, begins, since: Instant::now(), last: Instant::now(), uses: 0 };
    // What is used is honoured for longer than `IDLE`, and what is not used isn't.
    let goes_on = "a session that is used goes on";
    let mut rarely = Rarely::log_in(trial, doors.take(trial, 4)?)?;
    for tenths in [4, 12] {
        let soon = || unused_since.elapsed() > patience(IDLE) * tenths / 10;
        let waited = use_until(trial, &mut busy, &mut session, soon)?;
        trial.expect(waited, goes_on, "it has ended")?;
        rarely.is_used(trial)?;
    }
    let is_too_late = || unused_since.elapsed() > patience(IDLE) * 5 / 4;
    let waited = use_until(trial, &mut busy, &mut session, is_too_late)?;
    trial.expect(waited, goes_on, "it has ended")?;
    me(trial, &mut idles, &unused, 401)
        .map_err(|broken| broken.during("a session that was not used for SESSION_IDLE_MS"))?;
    is_over_in_the_end(trial, &cluster, &mut busy, session)?;
    has_ended_meanwhile(trial, &late.rest(trial, &head)?)
        .map_err(|broken| broken.during("a request that took longer than SESSION_IDLE_MS"))
}

/// A request that waits for longer than its session lasts without use.
fn is_over_before_its_request(trial: &Trial, door: &mut Door) -> Kept<Head> {
    let cookie = log_in(trial, door, None)?;
    let path = format!("POST /cart?item=late&ms={}", millis(IDLE * 3 / 2));
    door.send_as(trial, &path, Some(&cookie), "")?;
    door.head(trial)
}

/// A session that is used now and then, and lasts for `IDLE` from each use on.
struct Rarely {
    door: Door,
    cookie: String,
    used: Instant,
}

impl Rarely {
    fn log_in(trial: &Trial, mut door: Door) -> Kept<Self> {
        let used = Instant::now();
        let cookie = log_in(trial, &mut door, None)?;
        Ok(Rarely { door, cookie, used })
    }

    fn is_used(&mut self, trial: &Trial) -> Kept {
        let used = Instant::now();
        let reply = self.door.ask_as(trial, "GET /me", Some(&self.cookie), "")?;
        // On a machine that was busy for that long, it has not been used for long enough.
        if self.used.elapsed() < patience(IDLE) {
            reply
                .is(trial, 200)
                .map_err(|broken| broken.during("a session that is used rarely"))?;
        }
        self.used = used;
        Ok(())
    }
}

/// A session that is in use.
struct Used {
    cookie: String,
    /// Its login was sent at the first, and answered at the second of these.
    begins: Instant,
    since: Instant,
    /// When its last use was sent.
    last: Instant,
    uses: u32,
}

/// Uses the session again and again, until `is_enough`. Whether it is still there.
fn use_until(
    trial: &Trial,
    door: &mut Door,
    session: &mut Used,
    is_enough: impl Fn() -> bool,
) -> Kept<bool> {
    let mut outcome = Ok(true);
    let done = processes::until(patience(MAX) + patience(PROMPT), || {
        if is_enough() {
            return Some(());
        }
        let sent = Instant::now();
        let gap = session.last.elapsed();
        // Each way to use it.
        session.uses += 1;
        let request = if session.uses.is_multiple_of(32) { "POST /cart?item=a" } else { "GET /me" };
        let reply = match door.ask_as(trial, request, Some(&session.cookie), "") {
            Ok(reply) => reply,
            Err(broken) => {
                outcome = Err(broken);
                return Some(());
            }
        };
        if reply.status == 200 {
            session.last = sent;
            if sent.duration_since(session.since) > patience(MAX) {
                let expected = "401 once SESSION_MAX_MS is over";
                outcome = Err(trial.broken(expected, reply.to_string()));
                return Some(());
            }
            return None;
        }
        // A machine that was busy for that long has let the session become idle.
        let is_early = session.begins.elapsed() < patience(MAX) && gap < patience(IDLE) / 2;
        outcome = if is_early {
            let expected = "200: the session is in use, and SESSION_MAX_MS is not over";
            Err(trial.broken(expected, reply.to_string()))
        } else {
            Ok(false)
        };
        Some(())
    });
    trial.expect(done.is_some(), "an end", "none")?;
    outcome
}

fn is_over_in_the_end(
    trial: &Trial,
    cluster: &Cluster,
    door: &mut Door,
    mut session: Used,
) -> Kept {
    let goes_on = use_until(trial, door, &mut session, || false)?;
    trial.expect(!goes_on, "401 once SESSION_MAX_MS is over", "200")?;
    for mut door in Doors::open(trial, cluster, 1)?.one_each(trial)? {
        me(trial, &mut door, &session.cookie, 401)?;
    }
    Ok(())
}
