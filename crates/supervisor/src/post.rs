//! A POST to a server that isn't ours: a webhook, an origin.

use std::io;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::{Host, Position, Url};

/// POSTs `body` on a connection of its own, and returns the answer once its head is there. It waits for as
/// long as the server takes: put a deadline around it.
///
/// # Errors
/// When the server is not there, or closes the connection without an answer.
pub async fn post(
    url: &Url,
    content_type: &str,
    body: impl Into<Bytes>,
) -> io::Result<Response<Incoming>> {
    let stream = TokioIo::new(connect(url).await?);
    let (mut sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
    // It ends when neither the sender nor the answer is there any more.
    tokio::spawn(connection);
    let request = Request::post(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(CONTENT_TYPE, content_type)
        .body(Full::new(body.into()))
        .map_err(io::Error::other)?;
    sender.send_request(request).await.map_err(io::Error::other)
}

/// A name server may take its time, so the event loop must not wait for it: tokio asks it on another thread.
async fn connect(url: &Url) -> io::Result<TcpStream> {
    let port = url.port_or_known_default().unwrap_or(80);
    match url.host() {
        Some(Host::Domain(name)) => TcpStream::connect((name, port)).await,
        Some(Host::Ipv4(address)) => TcpStream::connect((address, port)).await,
        Some(Host::Ipv6(address)) => TcpStream::connect((address, port)).await,
        None => Err(io::Error::other("an address without a host")),
    }
}
