//! Whose answer is whose.

use std::collections::BTreeMap;

use harness::{Kept, Trial};

use crate::scene::{self, Asked, Doors, FAR, WORKERS, ask, door, doors, post};

/// More calls than a check ever opens.
const ROOM: (&str, &str) = ("MAX_IN_FLIGHT", "512");

/// A call that is under way, and what its answer must name.
struct Call {
    from: u32,
    to: u32,
    text: String,
    asked: Asked,
}

/// The process of each worker, by slot.
type Pids = BTreeMap<u32, u32>;

pub(crate) fn answers_reach_their_own_callers(trial: &Trial) -> Kept {
    let cluster = trial.start(&[ROOM])?;
    let (mut doors, _) = doors(trial, &cluster, 50)?;
    let mut pids = Pids::new();
    for slot in 1..=WORKERS {
        pids.insert(slot, scene::pid_of(trial, &mut doors, slot)?);
    }
    the_last_asked_is_answered_first(trial, &mut doors, &pids)
        .map_err(|broken| broken.during("calls that end in the reverse order"))?;
    long_texts_both_ways(trial, &mut doors, &pids)
        .map_err(|broken| broken.during("texts of 16 KiB in both directions"))?;
    a_frame_in_two_halves(trial, &mut doors, &pids)
        .map_err(|broken| broken.during("an answer that comes in two halves"))
}

/// All workers ask worker 2 at the same time, itself too, each with calls of its own.
fn the_last_asked_is_answered_first(trial: &Trial, doors: &mut Doors, pids: &Pids) -> Kept {
    let mut calls = Vec::new();
    for index in 0..90 {
        let (from, ms) = (index % WORKERS + 1, (90 - index) * 10);
        let text = format!("call-{index}");
        let path = format!("/ask/2?text={text}&ms={ms}&{FAR}");
        calls.push(Call { from, to: 2, text, asked: ask(door(trial, doors, from)?, path) });
    }
    trial.recorder.observe("90 calls to worker 2 are sent");
    all_get_their_own(trial, doors, pids, calls)
}

/// What is written in one direction must not keep the other direction from being read.
fn long_texts_both_ways(trial: &Trial, doors: &mut Doors, pids: &Pids) -> Kept {
    let mut calls = Vec::new();
    for index in 0..40 {
        for (from, to) in [(1, 2), (2, 1)] {
            let text = format!("{index}-{to}-").repeat(4096)[..16_384].to_owned();
            let (connection, path) = (door(trial, doors, from)?, format!("/ask/{to}?{FAR}"));
            calls.push(Call { from, to, asked: post(connection, "POST", path, &text), text });
        }
    }
    trial.recorder.observe("80 calls with 16 KiB each are sent, half of them in each direction");
    all_get_their_own(trial, doors, pids, calls)
}

fn a_frame_in_two_halves(trial: &Trial, doors: &mut Doors, pids: &Pids) -> Kept {
    for round in 1..=2 {
        let mut calls = Vec::new();
        for index in 0..20 {
            let (from, fault) = (index % 2 * 2 + 1, if index == 0 { "fault=split&" } else { "" });
            let text = format!("half-{round}-{index}");
            let path = format!("/ask/2?{fault}text={text}&{FAR}");
            calls.push(Call { from, to: 2, text, asked: ask(door(trial, doors, from)?, path) });
        }
        all_get_their_own(trial, doors, pids, calls)?;
    }
    Ok(())
}

/// Each call is answered with its own text, by the worker that was asked, to the client that asked. The
/// connections go back.
fn all_get_their_own(trial: &Trial, doors: &mut Doors, pids: &Pids, calls: Vec<Call>) -> Kept {
    let number = calls.len();
    for (index, Call { from, to, text, asked }) in calls.into_iter().enumerate() {
        let ended = asked.ended();
        let json = ended.json();
        let is_own = ended.text().as_ref() == Some(&text)
            && json["worker"] == from
            && json["pid"] == pids[&from]
            && json["answer"]["worker"] == to
            && json["answer"]["pid"] == pids[&to];
        let short: String = text.chars().take(20).collect();
        let expected = format!("200, with its own text: {short}, from worker {to} to {from}");
        let observed = format!("call {}: {}", index + 1, ended.describe());
        trial.expect(is_own, expected, observed)?;
        doors.entry(from).or_default().push(ended.connection);
    }
    trial.recorder.observe(format!("{number} calls: each has its own answer"));
    Ok(())
}
