//! Whose answer is whose.

use std::time::Duration;

use harness::{Cluster, Kept, Trial};

use crate::scene::{self, Asked, Doors, FAR, ask, door, doors, post, take};

/// More calls than a check ever opens.
const ROOM: (&str, &str) = ("MAX_IN_FLIGHT", "512");

pub(crate) fn answers_reach_their_own_callers(trial: &Trial) -> Kept {
    let cluster = trial.start(&[ROOM])?;
    let (mut doors, _) = doors(trial, &cluster, 50)?;
    the_last_asked_is_answered_first(trial, &mut doors)
        .map_err(|broken| broken.during("calls that end in the reverse order"))?;
    long_texts_both_ways(trial, &mut doors)
        .map_err(|broken| broken.during("texts of 16 KiB in both directions"))?;
    a_frame_in_two_halves(trial, &mut doors)
        .map_err(|broken| broken.during("an answer that comes in two halves"))
}

/// Workers 1 and 3 ask worker 2 at the same time, each with calls of its own.
fn the_last_asked_is_answered_first(trial: &Trial, doors: &mut Doors) -> Kept {
    let connections = take(trial, doors, &[1, 3], 80)?;
    let asked: Vec<(String, Asked)> = connections
        .into_iter()
        .enumerate()
        .map(|(index, connection)| {
            let (text, ms) = (format!("call-{index}"), (80 - index) * 10);
            let path = format!("/ask/2?text={text}&ms={ms}&{FAR}");
            (text, ask(connection, path))
        })
        .collect();
    trial.recorder.observe("80 calls to worker 2 are sent");
    all_get_their_own(trial, doors, asked, |index| if index % 2 == 0 { 1 } else { 3 })
}

/// What is written in one direction must not keep the other direction from being read.
fn long_texts_both_ways(trial: &Trial, doors: &mut Doors) -> Kept {
    let (to_second, to_first) = (take(trial, doors, &[1], 40)?, take(trial, doors, &[2], 40)?);
    let mut asked = Vec::new();
    for (index, (one, other)) in to_second.into_iter().zip(to_first).enumerate() {
        for (connection, to) in [(one, 2), (other, 1)] {
            let text = format!("{index}-{to}-").repeat(4096)[..16_384].to_owned();
            let path = format!("/ask/{to}?{FAR}");
            asked.push((text.clone(), post(connection, "POST", path, text)));
        }
    }
    trial.recorder.observe("80 calls with 16 KiB each are sent, half of them in each direction");
    all_get_their_own(trial, doors, asked, |index| if index % 2 == 0 { 1 } else { 2 })
}

fn a_frame_in_two_halves(trial: &Trial, doors: &mut Doors) -> Kept {
    for round in 1..=2 {
        let connections = take(trial, doors, &[1, 3], 20)?;
        let asked = connections.into_iter().enumerate().map(|(index, connection)| {
            let fault = if index == 0 { "fault=split&" } else { "" };
            let text = format!("half-{round}-{index}");
            let path = format!("/ask/2?{fault}text={text}&{FAR}");
            (text, ask(connection, path))
        });
        let asked = asked.collect();
        all_get_their_own(trial, doors, asked, |index| if index % 2 == 0 { 1 } else { 3 })?;
    }
    Ok(())
}

/// Each call is answered with its own text, by the worker that was asked; `caller` says which
/// worker asked. The connections go back.
fn all_get_their_own(
    trial: &Trial,
    doors: &mut Doors,
    asked: Vec<(String, Asked)>,
    caller: impl Fn(usize) -> u32,
) -> Kept {
    let number = asked.len();
    for (index, (text, asked)) in asked.into_iter().enumerate() {
        let ended = asked.ended();
        let is_own =
            ended.text().as_ref() == Some(&text) && ended.json()["worker"] == caller(index);
        let short: String = text.chars().take(20).collect();
        let observed = format!("call {}: {}", index + 1, ended.describe());
        trial.expect(is_own, format!("200, with its own text: {short}"), observed)?;
        doors.entry(caller(index)).or_default().push(ended.connection);
    }
    trial.recorder.observe(format!("{number} calls: each has its own answer"));
    Ok(())
}

pub(crate) fn a_late_reply_is_given_to_no_caller(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let (mut doors, _) = doors(trial, &cluster, 2)?;
    let mut before = Vec::new();
    for slot in 1..=scene::WORKERS {
        before.push(scene::pid_of(trial, &mut doors, slot)?);
    }
    before.sort_unstable();
    the_late_one(trial, &mut doors).map_err(|broken| broken.during("a late reply"))?;
    the_second_one(trial, &mut doors).map_err(|broken| broken.during("a second reply"))?;
    scene::same_processes(trial, &cluster, &before)?;
    still_answers(trial, &cluster, &mut doors)
}

/// A gives up, and B asks on the same way. A's answer comes while B waits.
fn the_late_one(trial: &Trial, doors: &mut Doors) -> Kept {
    let late = "/ask/2?text=A&timeout_ms=300&fault=late&ms=1500";
    let connection = door(trial, doors, 1)?;
    let (connection, _) = scene::get(trial, connection, late, 504)?;
    let path = format!("/ask/2?text=B&ms=3000&{FAR}");
    own_text(trial, doors, ask(connection, path), "B")
}

fn the_second_one(trial: &Trial, doors: &mut Doors) -> Kept {
    let connection = door(trial, doors, 1)?;
    let twice = format!("/ask/2?text=A&fault=twice&{FAR}");
    own_text(trial, doors, ask(connection, twice), "A")?;
    let connection = door(trial, doors, 1)?;
    let path = format!("/ask/2?text=B&ms=1500&{FAR}");
    own_text(trial, doors, ask(connection, path), "B")
}

fn own_text(trial: &Trial, doors: &mut Doors, asked: Asked, text: &str) -> Kept {
    let ended = asked.ended();
    let observed = format!("the call of {text}: {}", ended.describe());
    trial.expect(ended.text().as_deref() == Some(text), format!("200, with {text}"), observed)?;
    trial.recorder.observe(format!("the call of {text}: 200, with {text}"));
    doors.entry(1).or_default().push(ended.connection);
    Ok(())
}

fn still_answers(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let is_up = processes::until(Duration::ZERO, || cluster.is_running().then_some(()));
    trial.expect(is_up.is_some(), "a primary that runs", "it has ended")?;
    let connection = door(trial, doors, 3)?;
    let ended = ask(connection, format!("/ask/2?text=C&{FAR}")).ended();
    trial.expect(ended.text().as_deref() == Some("C"), "200, with C", ended.describe())
}
