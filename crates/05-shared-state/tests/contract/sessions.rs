//! Sessions: honoured by every worker, and not for longer than they last.

use std::time::Duration;

use harness::{Kept, Signal, Trial};

use crate::{
    scene::{Door, Doors, Reply, kill_all, millis, successor},
    session_end::ends_in_time,
};

/// The user of every session here.
const USER: &str = "user=anna";

/// Logs in by `door`, and returns the cookie.
pub(crate) fn log_in(trial: &Trial, door: &mut Door, old: Option<&str>) -> Kept<String> {
    let reply = door.ask_as(trial, "POST /login", old, USER)?.is(trial, 200)?;
    let cookie = reply.cookie.clone().filter(|cookie| cookie.starts_with("sid="));
    cookie.ok_or_else(|| trial.broken("Set-Cookie: sid=ID", reply.to_string()))
}

/// `GET /me` must have this status.
pub(crate) fn me(trial: &Trial, door: &mut Door, cookie: &str, status: u16) -> Kept {
    door.ask_as(trial, "GET /me", Some(cookie), "")?.is(trial, status).map(drop)
}

pub(crate) fn a_session_is_honoured_by_every_worker(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("RESTART_DELAY_MS", "1")])?;
    let mut doors = Doors::open(trial, &cluster, 2)?;
    let mut first = doors.take(trial, 1)?;
    let cookie = log_in(trial, &mut first, None)?;
    for mut door in doors.one_each(trial)? {
        let reply = door.ask_as(trial, "GET /me", Some(&cookie), "")?;
        reply.is(trial, 200)?.has(trial, "user", "anna")?;
        me(trial, &mut door, "sid=0123456789abcdef0123456789abcdef", 401)?;
        door.ask(trial, "GET /me")?.is(trial, 401)?;
    }
    // The worker that knows the session best.
    cluster.signal_process(first.pid, Signal::SIGKILL)?;
    let mut next = successor(trial, &cluster, 1, first.pid)?;
    me(trial, &mut next, &cookie, 200)?;
    kill_all(&cluster)?;
    let cluster = trial.start(&[])?;
    for mut door in Doors::open(trial, &cluster, 1)?.one_each(trial)? {
        me(trial, &mut door, &cookie, 200)
            .map_err(|broken| broken.during("after all processes were killed and started again"))?;
    }
    Ok(())
}

/// Longer than a logout takes, so that a request that is under way ends after it.
const UNDER_WAY: Duration = Duration::from_secs(3);

pub(crate) fn a_session_ends_when_it_must(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let mut doors = Doors::open(trial, &cluster, 3)?;
    ends_at_logout(trial, &mut doors)?;
    stays_ended(trial, &mut doors)?;
    drop(cluster);
    ends_in_time(trial)
}

fn ends_at_logout(trial: &Trial, doors: &mut Doors) -> Kept {
    let mut all = doors.one_each(trial)?;
    let cookie = log_in(trial, &mut all[0], None)?;
    let other = log_in(trial, &mut all[3], None)?;
    for door in &mut all {
        me(trial, door, &cookie, 200)?;
    }
    all[1].ask_as(trial, "POST /logout", Some(&cookie), "")?.is(trial, 200)?;
    for door in &mut all {
        me(trial, door, &cookie, 401)?;
        me(trial, door, &other, 200)?;
    }
    Ok(())
}

/// A request that read the session before the logout, and ends after it, must not bring it back.
fn stays_ended(trial: &Trial, doors: &mut Doors) -> Kept {
    let mut all = doors.one_each(trial)?;
    let cookie = log_in(trial, &mut all[0], None)?;
    let path = format!("POST /cart?item=late&ms={}", millis(UNDER_WAY));
    all[0].send_as(trial, &path, Some(&cookie), "")?;
    let head = all[0].head(trial)?;
    all[1].ask_as(trial, "POST /logout", Some(&cookie), "")?.is(trial, 200)?;
    let reply = all[0].rest(trial, &head)?;
    for door in &mut all {
        let broken = |broken: harness::Broken| broken.during("after a slow request has ended");
        me(trial, door, &cookie, 401).map_err(broken)?;
    }
    has_ended_meanwhile(trial, &reply)
}

pub(crate) fn has_ended_meanwhile(trial: &Trial, reply: &Reply) -> Kept {
    let has_none = reply.json.get("cart").is_some_and(serde_json::Value::is_null);
    trial.expect(has_none, "cart=null: the session has ended", reply.to_string())
}

pub(crate) fn a_login_gives_a_new_id_and_both_requests_count(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let mut doors = Doors::open(trial, &cluster, 2)?;
    let mut all = doors.one_each(trial)?;
    let first = log_in(trial, &mut all[0], None)?;
    let second = log_in(trial, &mut all[1], Some(&first))?;
    let known = "sid=00000000000000000000000000000000";
    let fresh = log_in(trial, &mut all[2], Some(known))?;
    let is_new = first != second && second != fresh && fresh != known;
    let observed = format!("{first}, then {second}, and {fresh} instead of {known}");
    trial.expect(is_new, "a new id at each login", observed)?;
    me(trial, &mut all[3], known, 401)?;
    me(trial, &mut all[2], &first, 401)
        .map_err(|broken| broken.during("the session that the second login came with"))?;
    me(trial, &mut all[3], &second, 200)?;
    keeps_the_order(trial, &mut all, &second)?;
    let mut all = doors.one_each(trial)?;
    let third = log_in(trial, &mut all[0], None)?;
    let paths =
        ["a", "b", "c"].map(|item| format!("POST /cart?item={item}&ms={}", millis(UNDER_WAY)));
    let mut heads = Vec::new();
    for (door, path) in all.iter_mut().zip(&paths) {
        door.send_as(trial, path, Some(&third), "")?;
        heads.push(door.head(trial)?);
    }
    let none_is_over = all.iter_mut().take(3).all(|door| !door.has_news());
    trial.recorder.observe(if none_is_over {
        "three requests have read the same cart, and none has added to it yet"
    } else {
        "three requests, one after the other"
    });
    for (door, head) in all.iter_mut().zip(&heads) {
        door.rest(trial, head)?;
    }
    let cart = all[3].ask_as(trial, "GET /me", Some(&third), "")?.is(trial, 200)?;
    let mut items: Vec<&str> = cart.json["cart"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_str())
        .collect();
    items.sort_unstable();
    let expected = "a cart with a, b and c";
    trial.expect(items == ["a", "b", "c"], expected, cart.to_string())
}

/// An item that is added twice is there twice, and each answer has the cart as it is then.
fn keeps_the_order(trial: &Trial, all: &mut [Door], cookie: &str) -> Kept {
    let mut cart = Vec::new();
    for (door, item) in all.iter_mut().zip(["b", "a", "b"]) {
        cart.push(item);
        let path = format!("POST /cart?item={item}");
        door.ask_as(trial, &path, Some(cookie), "")?.has(trial, "cart", cart.clone())?;
    }
    all[3].ask_as(trial, "GET /me", Some(cookie), "")?.has(trial, "cart", cart).map(drop)
}
