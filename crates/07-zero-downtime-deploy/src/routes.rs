//! The routes of PROTOCOL.md, and their faults.

use std::{
    env, process,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use events::{Pid, Slot};
use hyper::{HeaderMap, Method, Response, StatusCode, header::COOKIE, http::request::Parts};
use serde_json::{Value, json};
use supervisor::{
    AnswerFault, Fault, Version,
    http::{self, Body, query_number},
};
use tokio::time::sleep;

/// The longest name that a client may give itself, in bytes.
const LONGEST_NAME: usize = 64;

/// A worker, as its answers name it.
pub(crate) struct Site {
    slot: Slot,
    pub(crate) version: Version,
    fault: Option<AnswerFault>,
    answers: AtomicU64,
}

/// The version that the primary put into `VERSION`.
pub(crate) fn own_version() -> Version {
    env::var("VERSION").ok().and_then(|text| text.parse().ok()).unwrap_or(Version::FIRST)
}

/// Whether this is a request that a version answers.
pub(crate) fn is_versioned(request: &Parts) -> bool {
    request.method == Method::GET && ["/", "/slow"].contains(&request.uri.path())
}

/// The client's name for itself: `client=ID` in its cookie.
pub(crate) fn client(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|cookie| cookie.split(';')).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim(), value.trim()))
    });
    let mut names = pairs.filter(|(name, _)| *name == "client").map(|(_, value)| value);
    names.find(|name| is_name(name)).map(str::to_owned)
}

fn is_name(name: &str) -> bool {
    let is_fine = |letter: u8| letter.is_ascii_alphanumeric() || b"-_".contains(&letter);
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_fine)
}

impl Site {
    pub(crate) fn new(slot: Slot, version: Version, fault: Option<Fault>) -> Self {
        let fault = match fault {
            Some(Fault::Answers(fault)) => Some(fault),
            Some(
                Fault::SlowStart(_)
                | Fault::NeverReady
                | Fault::CrashAtStart
                | Fault::CrashAfterReady(_),
            )
            | None => None,
        };
        Site { slot, version, fault, answers: AtomicU64::new(0) }
    }

    /// Answers a request of this version.
    pub(crate) async fn answer(&self, request: &Parts) -> Response<Body> {
        let number = self.answers.fetch_add(1, Ordering::AcqRel) + 1;
        let is_error = match self.fault {
            Some(AnswerFault::ErrorEach(each)) => number.is_multiple_of(each),
            Some(AnswerFault::ErrorAfter(good)) => number > good,
            Some(AnswerFault::CrashOn(last)) if number == last => process::exit(1),
            Some(AnswerFault::CrashOn(_)) | None => false,
            Some(AnswerFault::Slow(time)) => {
                sleep(time).await;
                false
            }
        };
        if is_error {
            let mut says = self.says();
            says["error"] = json!("a fault of this version");
            return http::json(StatusCode::INTERNAL_SERVER_ERROR, &says);
        }
        if request.uri.path() == "/slow" {
            let ms = query_number(request.uri.query(), "ms", 300);
            return http::slow_json(Duration::from_millis(ms), self.says());
        }
        http::json(StatusCode::OK, &self.says())
    }

    /// The process that answers.
    pub(crate) fn says(&self) -> Value {
        json!({ "worker": self.slot, "pid": Pid::own(), "version": self.version })
    }
}

/// The answer to everything else.
pub(crate) fn no_route(request: &Parts) -> Response<Body> {
    if ["/", "/slow", "/events"].contains(&request.uri.path()) {
        let says = json!({ "error": "no such method here" });
        return http::json(StatusCode::METHOD_NOT_ALLOWED, &says);
    }
    http::json(StatusCode::NOT_FOUND, &json!({ "error": "no such route" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_names_itself_in_its_cookie() {
        let name = |cookie: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, cookie.parse().unwrap());
            client(&headers)
        };
        assert_eq!(name("client=anna").as_deref(), Some("anna"));
        assert_eq!(name("a=1; client=b-2;c=3").as_deref(), Some("b-2"));
        for cookie in ["", "client", "client=", "xclient=a", "client=a b", "client=ä"] {
            assert_eq!(name(cookie), None, "{cookie}");
        }
    }
}
