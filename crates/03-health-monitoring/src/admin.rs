//! The operators' address: `GET /health` and `GET /metrics`, on an address of the primary's own.
//!
//! Behind the service's address a question would reach a worker, perhaps the sick one. Here the
//! primary answers, and from what it knows: it asks no worker, so none can keep it waiting.

use std::{net::TcpListener, process::ExitCode};

use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::json;
use supervisor::{
    Intents, Server,
    http::{self, Body},
};
use tokio::sync::{mpsc, oneshot};

use crate::{Health, Status, Workers};

/// The operators' questions.
pub struct Admin {
    questions: mpsc::Receiver<Question>,
    _server: Server,
}

/// An operator wants to know how the cluster is.
pub struct Question(oneshot::Sender<Health>);

impl Question {
    /// Answers it.
    pub fn answer(self, health: Health) {
        // The operator may have left.
        let _ = self.0.send(health);
    }
}

impl Admin {
    pub(crate) fn start(listener: TcpListener) -> Self {
        let (ask, questions) = mpsc::channel(64);
        let server = Server::start(listener, move |request, _| respond(ask.clone(), request));
        Admin { questions, _server: server }
    }

    /// The next question. Cancel safe.
    pub async fn next(&mut self) -> Question {
        match self.questions.recv().await {
            Some(question) => question,
            None => std::future::pending().await,
        }
    }
}

/// Drains every worker, kills those that are overdue, and says how that went: 0 when everything was
/// finished, 1 when something was cut off. Operators get a 503 from now on.
pub async fn shut_down(workers: Workers, admin: Admin, intents: Intents) -> ExitCode {
    drop(admin);
    supervisor::shut_down(workers, intents).await
}

async fn respond(ask: mpsc::Sender<Question>, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    if !["/health", "/metrics"].contains(&path) {
        return http::json(StatusCode::NOT_FOUND, &json!({ "ask": ["/health", "/metrics"] }));
    }
    let (answer, answered) = oneshot::channel();
    let _ = ask.send(Question(answer)).await;
    let Ok(health) = answered.await else {
        return http::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "ending" }));
    };
    if path == "/metrics" {
        return metrics(&health);
    }
    let status = match health.status {
        Status::Healthy | Status::Degraded => StatusCode::OK,
        Status::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    http::json(status, &health)
}

fn metrics(health: &Health) -> Response<Body> {
    let text = http::whole(health.metrics());
    let mut response = http::answer(StatusCode::OK, text);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
