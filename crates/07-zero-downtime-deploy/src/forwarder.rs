//! Passes one request on to a worker of the candidate, over its private socket.
//!
//! Each request has a connection of its own: on the same machine that costs little, and no connection can be
//! closed between two requests.

use std::{io, time::Duration};

use bytes::Bytes;
use events::Pid;
use http_body_util::Empty;
use hyper::{
    HeaderMap, Request, Response,
    body::Incoming,
    client::conn::http1,
    header::{
        CONNECTION, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE,
    },
    http::request::Parts,
};
use hyper_util::rt::TokioIo;
use rustix::process::getuid;
use tokio::{net::UnixStream, time::timeout};

/// What belongs to one connection and not to the message (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 7] =
    [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
const KEEP_ALIVE: &str = "keep-alive";

/// The socket of the worker `pid`. It has no file (man `unix`, abstract sockets), so nothing is left behind
/// by a process that was killed.
pub(crate) fn socket_of(pid: Pid) -> String {
    format!("\0zero-downtime-deploy-{pid}")
}

/// Whether a process of the same user is at the other end. Any process may take a name that has no file.
pub(crate) fn is_ours(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|other| other.uid() == getuid().as_raw())
}

/// Sends the request to the worker `pid`, and returns its answer once the head of it is there, `within` this
/// time. Nothing of an answer has come if this fails.
pub(crate) async fn pass_on(
    pid: Pid,
    request: &Parts,
    within: Duration,
) -> io::Result<Response<Incoming>> {
    timeout(within, answer(pid, request)).await.map_err(|_| io::ErrorKind::TimedOut)?
}

async fn answer(pid: Pid, request: &Parts) -> io::Result<Response<Incoming>> {
    let stream = UnixStream::connect(socket_of(pid)).await?;
    if !is_ours(&stream) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // It ends when neither the sender nor the answer is there any more.
    tokio::spawn(connection);
    let mut passed = Request::builder().method(&request.method).uri(&request.uri);
    if let Some(headers) = passed.headers_mut() {
        *headers = end_to_end(&request.headers);
    }
    let passed = passed.body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
    let mut answer = sender.send_request(passed).await.map_err(io::Error::other)?;
    *answer.headers_mut() = end_to_end(answer.headers());
    Ok(answer)
}

/// The headers that go on to the other side.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut passed = headers.clone();
    let named = headers.get_all(CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    for name in named.flat_map(|names| names.split(',')) {
        passed.remove(name.trim());
    }
    for name in HOP_BY_HOP {
        passed.remove(name);
    }
    passed.remove(KEEP_ALIVE);
    passed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_one_hop_stay() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("cookie", "client=a"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let passed: Vec<_> =
            end_to_end(&headers).keys().map(|name| name.as_str().to_owned()).collect();
        assert_eq!(passed, ["cookie"]);
    }
}
