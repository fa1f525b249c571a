//! Clients that do not do what most clients do.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    process::Command,
};

use events::Exit;
use harness::{Cluster, Kept, Signal, Trial, patience, who::meet};

use crate::{PROMPT, inherited::own_program};

pub(crate) fn a_client_that_half_closes_is_answered(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let answer = connect(trial, &cluster)?;
    let read = half_close(answer);
    let text = read.unwrap_or_else(|error| error.to_string());
    let expected = "a whole answer to GET /slow, after shutdown(SHUT_WR)";
    trial.expect(text.starts_with("HTTP/1.1 200") && text.contains("pid"), expected, text)
}

fn half_close(mut client: TcpStream) -> std::io::Result<String> {
    client.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
    client.shutdown(Shutdown::Write)?;
    let mut text = String::new();
    client.read_to_string(&mut text)?;
    Ok(text)
}

/// The drain timeout ends before the lame duck does.
pub(crate) fn an_idle_connection_is_not_a_cut(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("DRAIN_TIMEOUT_MS", "200"), ("LAME_DUCK_MS", "5000")])?;
    let (_, _idle) = meet(trial, &cluster, "/")?;
    exits_with(trial, &cluster, 0)
}

pub(crate) fn half_a_head_does_not_hold_up_a_drain(trial: &Trial) -> Kept {
    // Far longer than this check waits.
    let cluster = trial.start(&[("DRAIN_TIMEOUT_MS", "600000")])?;
    let mut client = connect(trial, &cluster)?;
    let sent = client.write_all(b"GET / HTTP/1.1\r\nhost:");
    trial.expect(sent.is_ok(), "a client that sends half a head", format!("{sent:?}"))?;
    exits_with(trial, &cluster, 0)
}

pub(crate) fn an_answer_that_is_not_read_is_a_cut(trial: &Trial) -> Kept {
    // The first is still being written by its handler, the second was handed over in one piece.
    for path in ["/download", "/piece"] {
        let cluster = trial.start(&[("DRAIN_TIMEOUT_MS", "500")])?;
        let mut client = connect(trial, &cluster)?;
        let begun = begin_to_read(&mut client, path);
        trial.expect(begun.is_ok(), "an answer that begins", format!("{begun:?}"))?;
        exits_with(trial, &cluster, 1).map_err(|broken| broken.during(path))?;
    }
    Ok(())
}

/// Reads the first bytes of the answer, and no more.
fn begin_to_read(client: &mut TcpStream, path: &str) -> std::io::Result<()> {
    client.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes())?;
    client.read_exact(&mut [0; 12])
}

/// One worker with few descriptors; idle connections take all that are left.
pub(crate) fn clients_that_no_descriptor_is_left_for_are_answered_or_lost(trial: &Trial) -> Kept {
    const CLIENTS: usize = 40;
    for timeout in ["30000", "300"] {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n 24; exec \"$0\""]).arg(own_program(trial)?);
        command.env("PORT", "0").env("WORKERS", "1").env("DRAIN_TIMEOUT_MS", timeout);
        command.env("LAME_DUCK_MS", "100");
        let cluster = Cluster::start(&trial.recorder, command)?;
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let mut client = connect(trial, &cluster)?;
            let sent = client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n");
            trial.expect(sent.is_ok(), "a request that can be sent", format!("{sent:?}"))?;
            clients.push(client);
        }
        cluster.signal(Signal::SIGTERM);
        let exit = cluster.wait_exit(PROMPT)?;
        let answered = clients.iter_mut().filter_map(|client| client.read_exact(&mut [0; 12]).ok());
        let answered = answered.count();
        let observed = format!("{answered} of {CLIENTS} requests are answered, and {exit}");
        let is_right = (answered == CLIENTS) == (exit == Exit::Code(0));
        trial.expect(is_right, "exit code 0 if each request is answered, or else 1", observed)?;
    }
    Ok(())
}

fn exits_with(trial: &Trial, cluster: &Cluster, code: i32) -> Kept {
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(code), format!("exit code {code}"), exit.to_string())?;
    cluster.wait_gone(PROMPT)
}

fn connect(trial: &Trial, cluster: &Cluster) -> Kept<TcpStream> {
    let client = TcpStream::connect(cluster.address).and_then(|client| {
        client.set_read_timeout(Some(patience(PROMPT)))?;
        Ok(client)
    });
    client.map_err(|error| trial.broken("a connection", error.to_string()))
}
