//! The origin counts what it is asked, and answers when it is told.

#![expect(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::{thread, time::Duration};

use harness::{
    origin::{Manner, Origin},
    recorder::Recorder,
    wire::{Connection, request},
};

const LIMIT: Duration = Duration::from_secs(20);

/// Asks in a thread of its own, and returns the status and the body.
fn ask(
    origin: &Origin,
    path: &'static str,
    body: &'static str,
) -> thread::JoinHandle<(u16, String)> {
    let address = origin.url().trim_start_matches("http://").parse().unwrap();
    thread::spawn(move || {
        let mut connection = Connection::open(address, LIMIT).unwrap();
        connection.send(request("POST", path, body).as_bytes()).unwrap();
        let answer = connection.answer().unwrap();
        (answer.status, answer.body)
    })
}

#[test]
fn it_sends_back_what_it_was_sent_and_counts_each_path() {
    let origin = Origin::start(&Recorder::default()).unwrap();
    assert_eq!(ask(&origin, "/page/a?pid=7", "one").join().unwrap(), (200, "one".to_owned()));
    assert_eq!(ask(&origin, "/page/b", "two").join().unwrap(), (200, "two".to_owned()));
    let asked = origin.asked("/page/a");
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].path.as_str(), asked[0].body.as_str()), ("/page/a?pid=7", "one"));
}

#[test]
fn a_held_answer_comes_when_it_is_released_and_holds_up_no_other_path() {
    let origin = Origin::start(&Recorder::default()).unwrap();
    origin.set("/page/a", Manner::Holds);
    let held = ask(&origin, "/page/a", "old");
    assert!(origin.was_asked("/page/a", 1, LIMIT), "the request arrives");
    assert_eq!(ask(&origin, "/page/b", "two").join().unwrap().0, 200);
    assert!(!held.is_finished(), "the answer is held");
    origin.set("/page/a", Manner::Answers);
    assert_eq!(held.join().unwrap(), (200, "old".to_owned()));
}

#[test]
fn a_path_that_fails_fails_until_it_is_told_otherwise() {
    let origin = Origin::start(&Recorder::default()).unwrap();
    origin.set("/page/a", Manner::Fails);
    assert_eq!(ask(&origin, "/page/a", "one").join().unwrap().0, 500);
    origin.set("/page/a", Manner::Answers);
    assert_eq!(ask(&origin, "/page/a", "two").join().unwrap().0, 200);
    assert!(!origin.was_asked("/page/a", 3, Duration::ZERO), "it was asked twice");
}
