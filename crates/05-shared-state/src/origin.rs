//! The client of the origin: a slow server that renders pages and does jobs.

use std::{io, time::Duration};

use events::Pid;
use http_body_util::{BodyExt, Limited};
use supervisor::post;
use tokio::time::{sleep, timeout};
use url::Url;

use crate::{Config, Database, Failure, config::Flight, once::once};

/// What rendering, or a job, takes without an origin.
const ALONE: Duration = Duration::from_millis(50);
/// How long the origin may take. Nothing waits for it but the request, or the job, that asked.
const LIMIT: Duration = Duration::from_mins(2);
/// The longest answer that is read.
const LONGEST: usize = 64 * 1024;

/// The way to the origin.
#[derive(Clone)]
pub struct Origin {
    url: Option<Url>,
    flight: Flight,
    /// How long a load for the whole cluster keeps others waiting.
    lease: Duration,
    /// Where workers see which page another one loads.
    shared: Option<Database>,
}

impl Origin {
    pub(crate) fn new(config: &Config) -> Self {
        Origin {
            url: config.origin.clone(),
            flight: config.flight,
            lease: config.lease,
            shared: None,
        }
    }

    /// The same way, with one load of a page for all workers if `FLIGHT` is `cluster`.
    #[must_use]
    pub fn for_the_cluster(self, db: &Database) -> Self {
        let shared = (self.flight == Flight::Cluster).then(|| db.clone());
        Origin { shared, ..self }
    }

    /// Renders the page of `key` from its `value`. This is what the cache saves.
    ///
    /// # Errors
    /// [`Failure::Origin`] when the origin fails.
    pub async fn render(&self, key: &str, value: &str) -> Result<String, Failure> {
        let load = || self.ask("page", key, "", value);
        match &self.shared {
            Some(db) => once(db, (key, value), self.lease, load).await,
            None => load().await,
        }
    }

    /// Does the job `name`, in the name of the lease with this `token`, and returns its result.
    ///
    /// # Errors
    /// [`Failure::Origin`] when the origin fails.
    pub async fn work(&self, name: &str, token: i64) -> Result<String, Failure> {
        let text = format!("{name}: done by {} with token {token}", Pid::own());
        self.ask("jobs", name, &format!("&token={token}"), &text).await
    }

    async fn ask(&self, what: &str, name: &str, more: &str, body: &str) -> Result<String, Failure> {
        let Some(base) = &self.url else {
            sleep(ALONE).await;
            return Ok(body.to_owned());
        };
        let mut url = base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend([what, name]);
        }
        url.set_query(Some(&format!("pid={}{more}", Pid::own())));
        match timeout(LIMIT, answer(&url, body.to_owned())).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(Failure::Origin),
        }
    }
}

async fn answer(url: &Url, body: String) -> io::Result<String> {
    let answer = post(url, "text/plain", body).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), LONGEST).collect().await;
    if !status.is_success() {
        return Err(io::Error::other(status.to_string()));
    }
    Ok(String::from_utf8_lossy(&body.map_err(io::Error::other)?.to_bytes()).into_owned())
}
