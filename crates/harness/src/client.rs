//! An ordinary HTTP client, as a program's callers use one: for questions, not for verdicts.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    time::Duration,
};

use reqwest::{blocking::Response, header::CONTENT_TYPE};
use serde_json::Value;

use crate::patience;

/// Asks `path` with GET on a connection of its own and returns the status and the JSON body.
///
/// # Errors
/// Says what went wrong, in the client's words.
pub fn ask(address: SocketAddr, path: &str) -> Result<(u16, Value), reqwest::Error> {
    let response = get(address, path)?;
    Ok((response.status().as_u16(), response.json()?))
}

/// The same for an answer in plain text: its status, its `Content-Type`, and its body.
///
/// # Errors
/// As for [`ask`].
pub fn ask_text(address: SocketAddr, path: &str) -> Result<(u16, String, String), reqwest::Error> {
    let response = get(address, path)?;
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_owned();
    Ok((response.status().as_u16(), kind, response.text()?))
}

/// The lines of an answer without an end, each as soon as it comes. The client has seen event `last` already.
/// An answer that is cut ends with an error, and one in which nothing comes for long, too.
///
/// # Errors
/// As for [`ask`]; and when the status isn't 200.
pub fn stream(
    address: SocketAddr,
    path: &str,
    last: u64,
) -> Result<impl BufRead + use<>, reqwest::Error> {
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .timeout(patience(Duration::from_secs(30)))
        .build()?;
    let request = client.get(format!("http://{address}{path}"));
    let answer = request.header("Last-Event-ID", last.to_string()).send()?.error_for_status()?;
    Ok(BufReader::new(answer))
}

fn get(address: SocketAddr, path: &str) -> Result<Response, reqwest::Error> {
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .timeout(patience(Duration::from_secs(10)))
        .build()?;
    client.get(format!("http://{address}{path}")).send()
}
