//! The operators' address: `POST /deploy`, `POST /back`, `GET /deploy`.

use std::{net::TcpListener, ops::RangeInclusive, path::PathBuf, time::Duration};

use hyper::{Method, Request, Response, StatusCode, Uri, body::Incoming};
use serde_json::{Value, json};
use supervisor::{
    Server,
    http::{self, Body},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::Release;

/// The longest name of an operator.
const LONGEST_NAME: usize = 64;
/// Questions that wait for the primary. Further ones wait for a place.
const QUESTIONS: usize = 64;
/// How long operators may take to read their answers while a server pauses.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// What an operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A deploy.
    Deploy(Release),
    /// The deploy under way taken back.
    Back,
    /// How it goes.
    Status,
}

/// An operator's question.
pub struct Question {
    /// What is asked.
    pub wish: Wish,
    answer: oneshot::Sender<(StatusCode, Value)>,
}

impl Question {
    /// The operator may have left.
    pub fn answer(self, status: StatusCode, json: Value) {
        let _ = self.answer.send((status, json));
    }

    /// Says in one sentence what went wrong.
    pub fn refuse(self, status: StatusCode, sentence: &str) {
        self.answer(status, json!({ "error": sentence }));
    }
}

/// The operators' questions. Once it is dropped, each is answered with 503.
pub struct Admin {
    questions: mpsc::Receiver<Question>,
    /// `None` once it pauses.
    server: Option<Server>,
}

impl Admin {
    /// Answers at `listener`.
    #[must_use]
    pub fn start(listener: TcpListener) -> Self {
        let (ask, questions) = mpsc::channel(QUESTIONS);
        let server = Server::start(listener, move |request, _| respond(ask.clone(), request));
        Admin { questions, server: Some(server) }
    }

    /// The next question. Cancel safe.
    pub async fn next(&mut self) -> Question {
        match self.questions.recv().await {
            Some(question) => question,
            None => std::future::pending().await,
        }
    }

    /// Answers what was asked, and accepts no more. Go on with [`Self::next`] until what this returns is
    /// over. The listener stays open as long as another descriptor leads to it: operators wait in its queue.
    pub fn pause(&mut self) -> impl Future<Output = ()> + use<> {
        let server = self.server.take();
        async move {
            let Some(mut server) = server else { return };
            server.stop_accepting().await;
            server.close_idle();
            let _ = timeout(LAST_ANSWERS, server.all_closed()).await;
        }
    }

    /// Takes no more questions. The server goes on saying so.
    pub(crate) fn close(self) -> Option<Server> {
        self.server
    }
}

async fn respond(ask: mpsc::Sender<Question>, request: Request<Incoming>) -> Response<Body> {
    let (status, json) = match read(request.method(), request.uri()) {
        Ok(wish) => {
            let (answer, answered) = oneshot::channel();
            let _ = ask.send(Question { wish, answer }).await;
            answered.await.unwrap_or_else(|_| {
                let says = json!({ "error": "the program is ending" });
                (StatusCode::SERVICE_UNAVAILABLE, says)
            })
        }
        Err((status, sentence)) => (status, json!({ "error": sentence })),
    };
    http::json(status, &json)
}

fn read(method: &Method, uri: &Uri) -> Result<Wish, (StatusCode, String)> {
    match (method, uri.path()) {
        (&Method::POST, "/deploy") => release(uri.query().unwrap_or_default())
            .map(Wish::Deploy)
            .map_err(|sentence| (StatusCode::BAD_REQUEST, sentence.to_owned())),
        (&Method::GET, "/deploy") => Ok(Wish::Status),
        (&Method::POST, "/back") => Ok(Wish::Back),
        (_, "/deploy" | "/back") => {
            Err((StatusCode::METHOD_NOT_ALLOWED, "no such method here".to_owned()))
        }
        _ => Err((StatusCode::NOT_FOUND, "no such route".to_owned())),
    }
}

/// `version=1.1.0&by=anna&reads=1-2&writes=2`; unknown names are left unread.
fn release(query: &str) -> Result<Release, &'static str> {
    let pairs: Vec<(&str, &str)> =
        query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let value = |name: &str| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1);
    let version = value("version").and_then(|version| version.parse().ok());
    let mut release =
        Release::plain(version.ok_or("version is three numbers, such as version=1.2.0")?);
    if let Some(by) = value("by") {
        let is_fine = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.@".contains(&letter);
        if by.is_empty() || by.len() > LONGEST_NAME || !by.bytes().all(is_fine) {
            return Err("by has 1 to 64 letters, digits, -, _, . and @");
        }
        by.clone_into(&mut release.by);
    }
    if let Some(reads) = value("reads") {
        release.reads = range(reads).ok_or("reads is two whole numbers, such as reads=1-2")?;
    }
    if let Some(writes) = value("writes") {
        release.writes = whole(writes).ok_or("writes is a whole number from 1 on")?;
    }
    if let Some(program) = value("program") {
        let path = PathBuf::from(program);
        // A name of the operator's shell is none of this process, and no name here is encoded.
        if !path.is_absolute() || program.contains('%') {
            return Err("program is an absolute path, without %");
        }
        release.program = Some(path);
    }
    Ok(release)
}

fn range(text: &str) -> Option<RangeInclusive<u32>> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (whole(from)?, whole(to)?);
    (from <= to).then_some(from..=to)
}

fn whole(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|letter| letter.is_ascii_digit());
    text.parse().ok().filter(|number| is_number && *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused() {
        for query in [
            "",
            "version=",
            "version=1.1",
            "version=1.1.0&by=",
            "version=1.1.0&by=a%20b",
            "version=1.1.0&reads=2-1",
            "version=1.1.0&reads=2",
            "version=1.1.0&writes=0",
            "version=1.1.0&writes=two",
            "version=1.1.0&program=app",
            "version=1.1.0&program=/srv/my%20app",
        ] {
            assert!(release(query).is_err(), "{query}");
        }
    }

    #[test]
    fn a_release_reads_and_writes_format_1_unless_it_says_more() {
        let version = "1.1.0".parse().unwrap();
        assert_eq!(release("version=1.1.0"), Ok(Release::plain(version)));
        let program = Some(PathBuf::from("/srv/app"));
        let wanted = Release { version, by: "anna".to_owned(), reads: 1..=2, writes: 2, program };
        let query = "version=1.1.0&by=anna&reads=1-2&writes=2&program=/srv/app";
        assert_eq!(release(query), Ok(wanted));
    }
}
