//! The routes of PROTOCOL.md: what a client asks becomes a question to the primary.

use http_body_util::{BodyExt, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{HeaderMap, HeaderValue, RETRY_AFTER},
};
use serde_json::{Value, json};
use supervisor::http::{self, Body};
use tokio::sync::{mpsc, oneshot};

use crate::{Id, Work};

/// The longest body of a request, in bytes.
const LONGEST_BODY: usize = 64 * 1024;
/// The longest Idempotency-Key, in bytes.
const LONGEST_KEY: usize = 200;

/// What a client wants of the primary.
#[derive(Clone, Debug)]
pub enum Wish {
    /// That a task is done.
    Submit(Work),
    /// To know what became of a task.
    Task(Id),
    /// That a task is called off.
    Cancel(Id),
    /// To know how many tasks there are.
    Stats,
}

/// The primary's answer to it.
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) json: Value,
}

/// A client's question.
pub struct Question {
    /// What the client wants.
    pub wish: Wish,
    answer: oneshot::Sender<Reply>,
}

impl Question {
    /// The client may have left.
    pub fn answer(self, reply: Reply) {
        let _ = self.answer.send(reply);
    }
}

impl Reply {
    /// An answer with this status and this body.
    #[must_use]
    pub fn new(status: StatusCode, json: Value) -> Self {
        Reply { status, json }
    }

    /// An answer that says in one sentence what went wrong.
    pub fn sentence(status: StatusCode, sentence: impl Into<String>) -> Self {
        Reply { status, json: json!({ "error": sentence.into() }) }
    }

    fn response(self) -> Response<Body> {
        let mut response = http::json(self.status, &self.json);
        let is_later =
            [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&self.status);
        if is_later {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

pub(crate) async fn respond(
    ask: mpsc::Sender<Question>,
    request: Request<Incoming>,
) -> Response<Body> {
    let reply = match read(request).await {
        Ok(wish) => put(ask, wish).await,
        Err(reply) => reply,
    };
    reply.response()
}

/// Asks the primary, and waits for its answer.
async fn put(ask: mpsc::Sender<Question>, wish: Wish) -> Reply {
    let (answer, answered) = oneshot::channel();
    let _ = ask.send(Question { wish, answer }).await;
    let ending = || Reply::sentence(StatusCode::SERVICE_UNAVAILABLE, "the pool is ending");
    answered.await.unwrap_or_else(|_| ending())
}

async fn read(request: Request<Incoming>) -> Result<Wish, Reply> {
    let (head, body) = request.into_parts();
    let path: Vec<&str> = head.uri.path().trim_start_matches('/').split('/').collect();
    match (&head.method, path.as_slice()) {
        (&Method::POST, ["task"]) => submit(key(&head.headers)?, body).await,
        (&Method::GET, ["task", id]) => task(id).map(Wish::Task),
        (&Method::DELETE, ["task", id]) => task(id).map(Wish::Cancel),
        (&Method::GET, ["stats"]) => Ok(Wish::Stats),
        (_, ["task" | "stats"] | ["task", _]) => {
            Err(Reply::sentence(StatusCode::METHOD_NOT_ALLOWED, "no such method here"))
        }
        _ => Err(Reply::sentence(StatusCode::NOT_FOUND, "no such route")),
    }
}

/// The client's own name for a task (an extra).
fn key(headers: &HeaderMap) -> Result<Option<String>, Reply> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    match key.to_str() {
        Ok(key) if (1..=LONGEST_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => {
            let sentence = "Idempotency-Key has 1 to 200 visible characters";
            Err(Reply::sentence(StatusCode::BAD_REQUEST, sentence))
        }
    }
}

async fn submit(key: Option<String>, body: Incoming) -> Result<Wish, Reply> {
    let Ok(body) = Limited::new(body, LONGEST_BODY).collect().await else {
        let sentence = "a body has at most 64 KiB";
        return Err(Reply::sentence(StatusCode::PAYLOAD_TOO_LARGE, sentence));
    };
    let bad = |sentence| Reply::sentence(StatusCode::BAD_REQUEST, sentence);
    let work = Work::read(&body.to_bytes()).map_err(bad)?;
    Ok(Wish::Submit(Work { key, ..work }))
}

fn task(id: &str) -> Result<Id, Reply> {
    id.parse().map_err(|()| Reply::sentence(StatusCode::NOT_FOUND, "no such task"))
}
