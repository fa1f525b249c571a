//! Where alerts go: one POST each, to a program that is not ours.

use std::{io, pin::pin};

use events::{Alert, Event, HealthEvent};
use http_body_util::Full;
use hyper::{Request, Uri, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Config;

/// The receiver of alerts, if there is one.
#[derive(Clone, Debug)]
pub struct Webhook(Option<Uri>);

impl Webhook {
    /// The one that `ALERT_URL` names.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Webhook(config.alert_url.clone())
    }

    /// POSTs `alert` as JSON, and waits for the answer: for as long as that takes.
    ///
    /// # Errors
    /// When the receiver is not there, or does not answer with success.
    pub async fn post(&self, alert: &Alert) -> io::Result<()> {
        let Some(uri) = &self.0 else { return Ok(()) };
        let event = Event::from(HealthEvent::Alert(alert.clone()));
        let host = uri.host().unwrap_or_default();
        let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::post(path)
            .header(HOST, uri.authority().map_or(host, |authority| authority.as_str()))
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
