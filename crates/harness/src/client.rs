//! An ordinary HTTP client, as a program's callers use one: for questions, not for verdicts.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;

use crate::patience;

/// Asks `path` with GET on a connection of its own and returns the status and the JSON body.
///
/// # Errors
/// Says what went wrong, in the client's words.
pub fn ask(address: SocketAddr, path: &str) -> Result<(u16, Value), reqwest::Error> {
    let client = reqwest::blocking::Client::builder()
        .pool_max_idle_per_host(0)
        .timeout(patience(Duration::from_secs(10)))
        .build()?;
    let response = client.get(format!("http://{address}{path}")).send()?;
    Ok((response.status().as_u16(), response.json()?))
}
