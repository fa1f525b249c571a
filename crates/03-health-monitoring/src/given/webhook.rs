//! Where alerts go: one POST each, to an address that somebody else answers for.

use std::{io, pin::pin};

use events::Event;
use http_body_util::Full;
use hyper::{Request, Uri, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Config;

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
    /// When nobody is there, or does not answer with success.
    pub async fn post(&self, alert: &Event) -> io::Result<()> {
        let Some(uri) = &self.0 else { return Ok(()) };
        let host = uri.host().unwrap_or_default();
        let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::post(path)
            .header(HOST, uri.authority().map_or(host, |authority| authority.as_str()))
            .header("content-type", "application/json")
            .body(Full::<bytes::Bytes>::from(serde_json::to_vec(alert)?))
            .map_err(io::Error::other)?;
        let mut answer = pin!(sender.send_request(request));
        let answer = tokio::select! {
            answer = &mut answer => answer,
            // Whoever closes it may have answered before.
            _ = connection => answer.await,
        };
        let status = answer.map_err(io::Error::other)?.status();
        if status.is_success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
    }
}
