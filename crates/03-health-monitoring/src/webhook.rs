//! Where alerts go: one POST each, to a program that is not ours.

use std::{io, pin::pin};

use events::{Alert, Event, HealthEvent};
use http_body_util::Full;
use hyper::{Request, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::{Host, Position, Url};

use crate::Config;

/// The receiver of alerts, if there is one.
#[derive(Clone, Debug)]
pub struct Webhook(Option<Url>);

impl Webhook {
    /// The webhook that `ALERT_URL` names.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Webhook(config.alert_url.clone())
    }

    /// POSTs `alert` as JSON, and waits for the answer: for as long as that takes.
    ///
    /// # Errors
    /// When the receiver is not there, or does not answer with success.
    pub async fn post(&self, alert: &Alert) -> io::Result<()> {
        let Some(url) = &self.0 else { return Ok(()) };
        let event = Event::from(HealthEvent::Alert(alert.clone()));
        let stream = connect(url).await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let request = Request::post(&url[Position::BeforePath..Position::AfterQuery])
            .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
            .header("content-type", "application/json")
            .body(Full::<bytes::Bytes>::from(serde_json::to_vec(&event)?))
            .map_err(io::Error::other)?;
        let mut answer = pin!(sender.send_request(request));
        let answer = tokio::select! {
            answer = &mut answer => answer,
            // The receiver may have answered before it closed the connection.
            _ = connection => answer.await,
        };
        let status = answer.map_err(io::Error::other)?.status();
        if status.is_success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
    }
}

async fn connect(url: &Url) -> io::Result<TcpStream> {
    let port = url.port_or_known_default().unwrap_or(80);
    match url.host() {
        Some(Host::Domain(name)) => TcpStream::connect((name, port)).await,
        Some(Host::Ipv4(address)) => TcpStream::connect((address, port)).await,
        Some(Host::Ipv6(address)) => TcpStream::connect((address, port)).await,
        None => Err(io::Error::other("an address without a host")),
    }
}
