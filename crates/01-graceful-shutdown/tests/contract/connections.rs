//! What happens to connections: new ones, kept-alive ones, and those of clients that misbehave.

use std::{
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use harness::{Broken, Cluster, Kept, Signal, Trial, wire::Connection};

use crate::scene::{self, ENDLESS, NO_HURRY, NewConnection, PROMPT};

/// A request that does not end keeps the drain going, so that the check can look at it.
pub(crate) fn a_new_connection_while_draining_is_refused(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY])?;
    let _held = cluster.get(ENDLESS)?.in_flight()?;
    cluster.signal(Signal::SIGTERM);
    scene::wait_until_draining(trial, &cluster)?;
    trial.expect(
        cluster.is_running(),
        "the cluster drains for as long as a request is in flight",
        "it has exited already",
    )?;
    for _ in 0..8 {
        let new = scene::connect_anew(&cluster);
        trial.expect(
            new == NewConnection::TurnedAway,
            "every new connection is refused, or told 503, while the cluster drains",
            format!("a new connection is {new}, after others were turned away"),
        )?;
    }
    Ok(())
}

/// The answer to a request in flight says `Connection: close`, and the connection is closed.
pub(crate) fn a_kept_alive_connection_is_told_to_close(trial: &Trial) -> Kept {
    // The check must see that the drain has begun before the answer is due. If the machine is too
    // slow for that, the check asks again, for an answer that takes longer.
    let mut told = false;
    for millis in [2500, 10_000] {
        told = is_told_to_close(trial, millis)?;
        if told {
            break;
        }
        trial.recorder.observe("the answer came before the drain was seen: again, more slowly");
    }
    trial.expect(told, "a drain that begins within 10 s", "after 10 s it had not begun")?;
    idle_does_not_hold_the_exit(trial)
}

/// `false` when the answer came before the drain was seen to have begun.
fn is_told_to_close(trial: &Trial, millis: u32) -> Kept<bool> {
    let cluster = trial.start(&[NO_HURRY, ("LAME_DUCK_MS", "60000")])?;
    let (_, kept) = scene::meet(trial, &cluster)?;
    let (_, idle) = scene::meet(trial, &cluster)?;
    let _held = cluster.get(ENDLESS)?.in_flight()?;
    let asked = cluster.get_on(kept, &format!("/?ms={millis}")).sent()?;
    cluster.signal(Signal::SIGTERM);
    scene::wait_until_draining(trial, &cluster)?;
    let was_early = asked.is_over();
    let (_, mut reply) = scene::whole(trial, asked)?;
    if was_early && !reply.answer.closes {
        return Ok(false);
    }
    if !reply.answer.closes {
        let expected = "an answer with `Connection: close`, while the cluster drains";
        let broken = Broken::new(expected, "200, whole, and no Connection: close");
        return Err(broken
            .at(reply.moment)
            .advice("The client may use this connection again. What in `drain` tells it not to?"));
    }
    reply.connection.wait_closed().map_err(|failure| {
        trial.broken("the connection is closed after that answer", failure.to_string())
    })?;
    a_lame_duck_serves(trial, &cluster, idle)?;
    Ok(true)
}

/// A client can't know that the drain has begun, and sends its next request.
fn a_lame_duck_serves(trial: &Trial, cluster: &Cluster, idle: Connection) -> Kept {
    const EXPECTED: &str = "one more answer, with `Connection: close`, within LAME_DUCK_MS";
    let lame_duck = |broken: Broken| {
        let question = "This request was on its way. When may `drain` close idle connections?";
        broken.during("on a connection that was idle").expected(EXPECTED).advice(question)
    };
    let reply = cluster.get_on(idle, "/fast").expect_200().map_err(lame_duck)?;
    let said = "200, whole, and no Connection: close";
    trial.expect(reply.answer.closes, EXPECTED, said).map_err(lame_duck)
}

fn idle_does_not_hold_the_exit(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY])?;
    let (_, _idle) = scene::meet(trial, &cluster)?;
    cluster.signal(Signal::SIGTERM);
    cluster.wait_exit(PROMPT).map(|_| ()).map_err(|broken| {
        broken
            .expected("an exit soon after SIGTERM: the only open connection is idle")
            .advice("A client may keep this connection open forever. Where does `drain` close it?")
    })
}

/// One client sends its request byte by byte (slowloris), another never reads a long answer.
pub(crate) fn a_slow_client_does_not_hold_the_exit(trial: &Trial) -> Kept {
    a_client_that_sends_byte_by_byte(trial)?;
    a_client_that_never_reads(trial)
}

fn a_client_that_sends_byte_by_byte(trial: &Trial) -> Kept {
    let cluster = trial.start(&[SHORT_TIMEOUT])?;
    let mut client = cluster.connect()?;
    let (_stop, stopped) = channel::<()>();
    thread::spawn(move || {
        let request = b"GET /fast HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Endless: ".iter();
        for byte in request.chain(b"x".iter().cycle()) {
            let is_open = client.send(&[*byte]).is_ok();
            let pause = stopped.recv_timeout(Duration::from_millis(10));
            if !is_open || pause != Err(RecvTimeoutError::Timeout) {
                break;
            }
        }
    });
    trial.recorder.observe("a client begins to send a request, byte by byte");
    // Connections are accepted in order: once both workers answer later ones, a worker has this one.
    scene::meet_all(trial, &cluster, 2)?;
    exits_in_time(trial, &cluster)
}

fn a_client_that_never_reads(trial: &Trial) -> Kept {
    let cluster = trial.start(&[SHORT_TIMEOUT])?;
    let (_, mut client) = scene::meet(trial, &cluster)?;
    client
        .send(b"GET /download?mb=64 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        .map_err(|failure| trial.broken("a request that can be sent", failure.to_string()))?;
    trial.recorder.observe("GET /download?mb=64 sent, by a client that never reads");
    exits_in_time(trial, &cluster)
}

const SHORT_TIMEOUT: (&str, &str) = ("DRAIN_TIMEOUT_MS", "1000");

fn exits_in_time(trial: &Trial, cluster: &Cluster) -> Kept {
    let asked = Instant::now();
    cluster.signal(Signal::SIGTERM);
    cluster.wait_exit(PROMPT).map_err(|broken| {
        broken
            .expected("an exit soon after the drain timeout of 1 s")
            .advice("This client never finishes. What in `drain` ends the wait for it?")
    })?;
    trial.recorder.observe(format!("the exit took {:.1} s", asked.elapsed().as_secs_f64()));
    cluster.wait_gone(Duration::from_secs(5))
}
