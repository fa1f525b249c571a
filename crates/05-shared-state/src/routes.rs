//! The routes of PROTOCOL.md. What is shared is [`SharedState`]'s.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use events::Pid;
use futures_util::stream;
use http_body_util::{BodyExt, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{HeaderValue, RETRY_AFTER, SET_COOKIE},
};
use serde_json::{Value, json};
use supervisor::http::{self, Body};
use tokio::time::sleep;

use crate::{Failure, Session, SessionId, SharedState, asked::Asked, service::Site};

/// The longest body of a request, in bytes.
const LONGEST_BODY: usize = 16 * 1024;

type Reply = Response<Body>;

pub(crate) async fn respond<S: SharedState>(site: &Site<S>, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LONGEST_BODY).collect().await else {
        return sentence(StatusCode::PAYLOAD_TOO_LARGE, "a body has at most 16 KiB");
    };
    let asked = Asked::new(head, &body.to_bytes());
    let outcome = match (asked.method.clone(), asked.path().as_slice()) {
        (Method::GET, [""]) => Ok(http::json(StatusCode::OK, &site.name())),
        (Method::POST, ["login"]) => log_in(site, &asked).await,
        (Method::GET, ["me"]) => me(site, &asked).await,
        (Method::POST, ["logout"]) => log_out(site, &asked).await,
        (Method::POST, ["cart"]) => cart(site, &asked).await,
        (Method::POST | Method::GET, ["counter"]) => counter(site, &asked).await,
        (Method::PUT, ["config", key]) => change(site, key, asked.body.clone()).await,
        (Method::GET, ["page", key]) => page(site, key).await,
        (Method::POST, ["jobs", name]) => run_job(site, name).await,
        (Method::GET, ["jobs", name]) => last_job(site, name).await,
        (Method::POST, ["backup", name]) if is_name(name) => backup(site, name).await,
        _ => return sentence(StatusCode::NOT_FOUND, "no such route"),
    };
    outcome.unwrap_or_else(|failure| failed(site, &failure))
}

/// Comes to its end whatever becomes of the connection.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let panicked = |_| Failure::Broken("a panic".to_owned());
    tokio::spawn(work).await.map_err(panicked)?
}

async fn log_in<S: SharedState>(site: &Site<S>, asked: &Asked) -> Result<Reply, Failure> {
    let Some(user) = asked.value("user").filter(|user| !user.is_empty()) else {
        return Ok(sentence(StatusCode::BAD_REQUEST, "user=NAME is missing"));
    };
    let (state, old, name) = (site.state.clone(), asked.session.clone(), user.clone());
    let id = to_the_end(async move { state.log_in(name, old).await }).await?;
    Ok(with_cookie(said(site, json!({ "user": user })), &id.cookie()))
}

async fn me<S: SharedState>(site: &Site<S>, asked: &Asked) -> Result<Reply, Failure> {
    Ok(match read_session(site, asked).await? {
        Some(Session { user, cart, .. }) => said(site, json!({ "user": user, "cart": cart })),
        None => logged_out(),
    })
}

async fn read_session<S: SharedState>(
    site: &Site<S>,
    asked: &Asked,
) -> Result<Option<Session>, Failure> {
    match asked.session.clone() {
        Some(id) => site.state.session(id).await,
        None => Ok(None),
    }
}

async fn log_out<S: SharedState>(site: &Site<S>, asked: &Asked) -> Result<Reply, Failure> {
    let Some(id) = asked.session.clone() else { return Ok(logged_out()) };
    let state = site.state.clone();
    if !to_the_end(async move { state.log_out(id).await }).await? {
        return Ok(logged_out());
    }
    Ok(with_cookie(said(site, json!({})), &SessionId::end_of_cookie()))
}

/// The head at once, so that a client knows that the session was read. The body comes after the pause.
async fn cart<S: SharedState>(site: &Site<S>, asked: &Asked) -> Result<Reply, Failure> {
    let Some(item) = asked.value("item") else {
        return Ok(sentence(StatusCode::BAD_REQUEST, "item=NAME is missing"));
    };
    let Some(session) = read_session(site, asked).await? else { return Ok(logged_out()) };
    let pause = asked.number("ms").map_or(Duration::ZERO, Duration::from_millis);
    let (state, mut answer) = (site.state.clone(), site.name());
    let rest = async move {
        sleep(pause).await;
        match add(state, session, item).await {
            Ok(cart) => answer["cart"] = json!(cart),
            Err(failure) => answer["error"] = json!(failure.to_string()),
        }
        Bytes::from(format!("{answer}\n"))
    };
    Ok(http::answer(StatusCode::OK, http::streamed(stream::once(rest))))
}

async fn add<S: SharedState>(
    state: Arc<S>,
    session: Session,
    item: String,
) -> Result<Option<Vec<String>>, Failure> {
    to_the_end(async move { state.add_to_cart(session, item).await }).await
}

async fn counter<S: SharedState>(site: &Site<S>, asked: &Asked) -> Result<Reply, Failure> {
    let key = asked.value("key").unwrap_or_default();
    let state = site.state.clone();
    let value = if asked.method == Method::POST {
        to_the_end(async move { state.count(key).await }).await?
    } else {
        state.counter(key).await?
    };
    Ok(said(site, json!({ "value": value })))
}

async fn change<S: SharedState>(
    site: &Site<S>,
    key: &str,
    value: String,
) -> Result<Reply, Failure> {
    let (state, key) = (site.state.clone(), key.to_owned());
    let change = to_the_end(async move { state.change(key, value).await }).await?;
    Ok(said(site, json!(change)))
}

async fn page<S: SharedState>(site: &Site<S>, key: &str) -> Result<Reply, Failure> {
    Ok(said(site, json!(site.state.page(key.to_owned()).await?)))
}

async fn run_job<S: SharedState>(site: &Site<S>, name: &str) -> Result<Reply, Failure> {
    let (state, name) = (site.state.clone(), name.to_owned());
    let done = to_the_end(async move { state.run_job(name).await }).await?;
    Ok(said(site, json!(done)))
}

async fn last_job<S: SharedState>(site: &Site<S>, name: &str) -> Result<Reply, Failure> {
    let last = site.state.last_job(name.to_owned()).await?;
    let (token, result) = last.map(|last| (last.token, last.result)).unzip();
    Ok(said(site, json!({ "token": token, "result": result })))
}

/// A file beside the database.
async fn backup<S: SharedState>(site: &Site<S>, name: &str) -> Result<Reply, Failure> {
    let (state, file) = (site.state.clone(), site.folder.join(format!("backup-{name}.db")));
    let new = file.clone();
    to_the_end(async move { state.backup(new).await }).await?;
    Ok(said(site, json!({ "file": file })))
}

/// It becomes a part of a path.
fn is_name(name: &str) -> bool {
    let is_fine = |letter: u8| letter.is_ascii_alphanumeric() || b"-_".contains(&letter);
    (1..=100).contains(&name.len()) && name.bytes().all(is_fine)
}

/// A 200 that says who answers, and `more`.
fn said<S: SharedState>(site: &Site<S>, mut more: Value) -> Reply {
    more["worker"] = json!(site.slot);
    more["pid"] = json!(Pid::own());
    http::json(StatusCode::OK, &more)
}

fn logged_out() -> Reply {
    sentence(StatusCode::UNAUTHORIZED, "no session: log in")
}

fn failed<S: SharedState>(site: &Site<S>, failure: &Failure) -> Reply {
    let mut answer = site.name();
    answer["error"] = json!(failure.to_string());
    let mut reply = http::json(failure.status(), &answer);
    if *failure == Failure::Busy {
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    reply
}

fn sentence(status: StatusCode, text: &str) -> Reply {
    http::json(status, &json!({ "error": text }))
}

fn with_cookie(mut reply: Reply, cookie: &str) -> Reply {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        reply.headers_mut().insert(SET_COOKIE, value);
    }
    reply
}
