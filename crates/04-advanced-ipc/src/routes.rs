//! The routes of PROTOCOL.md. What goes to another worker is [`Messaging`]'s.

use std::{
    borrow::Cow,
    fs::File,
    io,
    os::unix::fs::{FileExt, MetadataExt},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use events::{Pid, Slot};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{HeaderValue, RETRY_AFTER},
};
use serde::de::{DeserializeOwned, IntoDeserializer, value::Error};
use serde_json::{Value, json};
use supervisor::http::{self, Body};

use crate::{
    Messaging, broken,
    frame::{Answer, AnswerFault, Failure, Question, Said, What},
    office::Office,
    publish,
    times::percentile,
};

/// The longest text, in bytes.
const LONGEST_TEXT: usize = 16 * 1024;

/// A request, taken apart.
pub(crate) struct Asked {
    /// The parts of its path.
    path: Vec<String>,
    query: Vec<(String, String)>,
    pub(crate) text: String,
}

pub(crate) type Reply = Response<Body>;

pub(crate) async fn respond<M: Messaging>(office: &Office<M>, request: Request<Incoming>) -> Reply {
    let method = request.method().clone();
    let asked = match Asked::from(request).await {
        Ok(asked) => asked,
        Err(status) => return sentence(status, "a text has at most 16 KiB"),
    };
    let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
    let is_get = method == Method::GET;
    match path.as_slice() {
        [""] if is_get => {
            let name = office.name();
            office.desk().served.fetch_add(1, Ordering::AcqRel);
            http::json(StatusCode::OK, &name)
        }
        ["messages"] if is_get => {
            http::json(StatusCode::OK, &json!({ "messages": office.desk().inbox.all() }))
        }
        ["stats"] if is_get => stats(office, &asked).await,
        ["broadcast"] => broadcast(office, &asked).await,
        ["ask", worker] => timed(office, to_one(office, worker, echo(&asked), &asked)).await,
        ["send", worker] => to_one(office, worker, accept(&asked), &asked).await,
        ["subscribe", topic] => publish::subscribe(office, topic, &asked).await,
        ["publish", topic] => publish::publish(office, topic, &asked).await,
        ["descriptor"] if is_get => descriptor(office, &asked).await,
        ["fault"] if method == Method::POST => fault(office, &asked),
        _ => sentence(StatusCode::NOT_FOUND, "no such route"),
    }
}

fn echo(asked: &Asked) -> What {
    let fault = asked.value("fault").and_then(|fault| parse::<AnswerFault>(&fault));
    let after = asked.millis("ms").unwrap_or_default();
    What::Echo { text: asked.text.clone(), after, fault }
}

fn accept(asked: &Asked) -> What {
    let priority = asked.value("priority").and_then(|priority| parse(&priority));
    What::Accept { text: asked.text.clone(), priority: priority.unwrap_or_default() }
}

/// Remembers how long a call took, whatever became of it. A call that was not sent took no time.
async fn timed<M: Messaging>(office: &Office<M>, call: impl Future<Output = Reply>) -> Reply {
    let began = Instant::now();
    let reply = call.await;
    if [StatusCode::OK, StatusCode::BAD_GATEWAY, StatusCode::GATEWAY_TIMEOUT]
        .contains(&reply.status())
    {
        office.desk().call_times.add(began.elapsed());
    }
    reply
}

/// Asks one worker, and says what became of that.
async fn to_one<M: Messaging>(
    office: &Office<M>,
    worker: &str,
    what: What,
    asked: &Asked,
) -> Reply {
    let slot = worker.parse().ok().map(Slot).filter(|slot| office.slots().any(|one| one == *slot));
    let Some(to) = slot else {
        return sentence(StatusCode::NOT_FOUND, "no such worker");
    };
    let question = Question { from: office.slot(), to, what };
    match office.messaging().call(question, office.deadline(asked.millis("timeout_ms"))).await {
        Ok(Answer { worker, pid, said: Said::Text(text) }) => {
            let answer = json!({ "worker": worker, "pid": pid, "text": text });
            let asked = json!({ "worker": office.slot(), "pid": Pid::own(), "answer": answer });
            http::json(StatusCode::OK, &asked)
        }
        Ok(Answer { said: Said::Accepted { sequence }, .. }) => {
            http::json(StatusCode::ACCEPTED, &json!({ "sequence": sequence }))
        }
        Ok(_) => sentence(StatusCode::INTERNAL_SERVER_ERROR, "the answer is to another question"),
        Err(failure) => failed(failure),
    }
}

/// What a client hears of a call that has no answer.
pub(crate) fn failed(failure: Failure) -> Reply {
    match failure {
        Failure::Timeout => sentence(StatusCode::GATEWAY_TIMEOUT, "no answer in time"),
        Failure::Died => sentence(StatusCode::BAD_GATEWAY, "that worker died, or isn't there"),
        Failure::Full => {
            let mut full =
                sentence(StatusCode::SERVICE_UNAVAILABLE, "that worker has too much to do");
            full.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            full
        }
    }
}

async fn stats<M: Messaging>(office: &Office<M>, asked: &Asked) -> Reply {
    let deadline = office.deadline(asked.millis("timeout_ms"));
    let gathered = office.messaging().gather(What::Requests, deadline).await;
    let (mut workers, mut missing, mut times, mut sum) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for (slot, answer) in gathered {
        match answer {
            Ok(Answer { pid, said: Said::Requests { answered, call_millis }, .. }) => {
                sum += answered;
                times.push(call_millis);
                workers.push(json!({ "worker": slot, "pid": pid, "requests": answered }));
            }
            other => missing.push(is_missing(slot, other.err())),
        }
    }
    let mut times = office.messaging().call_times(times);
    times.sort_unstable();
    let [p50, p99] = [50, 99].map(|percent| percentile(&times, percent));
    let mut stats = json!({ "requests": sum, "workers": workers, "missing": missing });
    stats["p50_ms"] = json!(p50);
    stats["p99_ms"] = json!(p99);
    http::json(StatusCode::OK, &stats)
}

async fn broadcast<M: Messaging>(office: &Office<M>, asked: &Asked) -> Reply {
    let deadline = office.deadline(asked.millis("timeout_ms"));
    let what = What::Keep { text: asked.text.clone() };
    acknowledgements(office.messaging().gather(what, deadline).await)
}

/// Which workers have a text, and which are not known to have it.
pub(crate) fn acknowledgements(gathered: Vec<(Slot, Result<Answer, Failure>)>) -> Reply {
    let (mut acknowledged, mut missing) = (Vec::new(), Vec::new());
    for (slot, answer) in gathered {
        match answer {
            Ok(_) => acknowledged.push(slot),
            Err(failure) => missing.push(is_missing(slot, Some(failure))),
        }
    }
    http::json(StatusCode::OK, &json!({ "acknowledged": acknowledged, "missing": missing }))
}

fn is_missing(worker: Slot, why: Option<Failure>) -> Value {
    let why = match why {
        Some(Failure::Timeout) => "timeout",
        Some(Failure::Full) => "full",
        Some(Failure::Died) | None => "died",
    };
    json!({ "worker": worker, "why": why })
}

/// What the file says to which this worker was given a descriptor.
async fn descriptor<M: Messaging>(office: &Office<M>, asked: &Asked) -> Reply {
    let deadline = office.deadline(asked.millis("timeout_ms"));
    let read = match office.messaging().opened_file(deadline).await {
        None => return sentence(StatusCode::NOT_FOUND, "no such route"),
        Some(file) => file.and_then(|file| opened(&file)),
    };
    match read {
        Ok((text, names)) => {
            let file = json!({ "text": text, "names": names });
            let answer = json!({ "worker": office.slot(), "pid": Pid::own(), "file": file });
            http::json(StatusCode::OK, &answer)
        }
        Err(error) => sentence(StatusCode::BAD_GATEWAY, &format!("no descriptor came: {error}")),
    }
}

/// What is written in `file`, and how many names it has in any folder.
fn opened(file: &File) -> io::Result<(String, u64)> {
    let mut text = [0; 256];
    // Not a `read`: all descriptors of this open file share one position.
    let length = file.read_at(&mut text, 0)?;
    Ok((String::from_utf8_lossy(&text[..length]).into_owned(), file.metadata()?.nlink()))
}

fn fault<M: Messaging>(office: &Office<M>, asked: &Asked) -> Reply {
    let Some(pieces) = asked.value("kind").and_then(|kind| broken::of_kind(&kind)) else {
        return sentence(StatusCode::BAD_REQUEST, "kind is garbage, truncated or oversized");
    };
    let desk = office.desk().clone();
    tokio::spawn(async move { desk.misbehave(pieces).await });
    http::json(StatusCode::ACCEPTED, &office.name())
}

pub(crate) fn sentence(status: StatusCode, text: &str) -> Reply {
    http::json(status, &json!({ "error": text }))
}

impl Asked {
    /// # Errors
    /// The status that a request gets whose text is too long, or does not arrive.
    async fn from(request: Request<Incoming>) -> Result<Self, StatusCode> {
        let uri = request.uri().clone();
        let path = uri.path().trim_start_matches('/').split('/').map(str::to_owned).collect();
        let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let own = |text: Cow<str>| text.into_owned();
        let query = pairs.map(|(name, value)| (own(name), own(value))).collect();
        let body = Limited::new(request.into_body(), LONGEST_TEXT).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => StatusCode::PAYLOAD_TOO_LARGE,
            None => StatusCode::BAD_REQUEST,
        })?;
        let mut asked = Asked { path, query, text: String::new() };
        let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        asked.text = if body.is_empty() { asked.value("text").unwrap_or_default() } else { body };
        if asked.text.len() > LONGEST_TEXT {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        Ok(asked)
    }

    fn value(&self, name: &str) -> Option<String> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    pub(crate) fn millis(&self, name: &str) -> Option<Duration> {
        self.value(name)?.parse().ok().map(Duration::from_millis)
    }
}

/// The value of an enum by its name.
fn parse<T: DeserializeOwned>(name: &str) -> Option<T> {
    T::deserialize(IntoDeserializer::<Error>::into_deserializer(name)).ok()
}
