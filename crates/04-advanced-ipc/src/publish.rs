//! Texts for the subscribers of a topic: `/subscribe/TOPIC` and `/publish/TOPIC`.

use events::Pid;
use futures_util::future::join_all;
use hyper::StatusCode;
use serde_json::json;
use supervisor::http;

use crate::{
    Messaging,
    deadline::Deadline,
    frame::{Failure, Question, Said, What},
    office::Office,
    routes::{Asked, Reply, acknowledgements, failed, sentence},
};

/// The longest name of a topic, in bytes.
const LONGEST_TOPIC: usize = 100;

/// From now on the worker that is asked gets what is published about `topic`.
pub(crate) async fn subscribe<M: Messaging>(
    office: &Office<M>,
    topic: &str,
    asked: &Asked,
) -> Reply {
    if !is_topic(topic) {
        return no_topic();
    }
    let deadline = office.deadline(asked.millis("timeout_ms"));
    let what = What::Subscribe { topic: topic.to_owned() };
    match of_primary(office, what, deadline).await {
        Ok(_) => {
            let me = json!({ "worker": office.slot(), "pid": Pid::own(), "topic": topic });
            http::json(StatusCode::OK, &me)
        }
        Err(failure) => failed(failure),
    }
}

/// Sends the text to each subscriber of `topic`. One deadline bounds both: the question which workers
/// these are, and the calls to them.
pub(crate) async fn publish<M: Messaging>(office: &Office<M>, topic: &str, asked: &Asked) -> Reply {
    if !is_topic(topic) {
        return no_topic();
    }
    let deadline = office.deadline(asked.millis("timeout_ms"));
    let what = What::Subscribers { topic: topic.to_owned() };
    let subscribers = match of_primary(office, what, deadline.clone()).await {
        Ok(Said::Subscribers(subscribers)) => subscribers,
        Ok(_) => Vec::new(),
        Err(failure) => return failed(failure),
    };
    let calls = subscribers.into_iter().map(|to| {
        let what = What::Keep { text: asked.text.clone() };
        let question = Question { from: office.slot(), to, what };
        let call = office.messaging().call(question, deadline.clone());
        async move { (to, call.await) }
    });
    acknowledgements(join_all(calls).await)
}

/// Asks the primary, which keeps the subscriptions.
async fn of_primary<M: Messaging>(
    office: &Office<M>,
    what: What,
    deadline: Deadline,
) -> Result<Said, Failure> {
    let question = Question { from: office.slot(), to: office.slot(), what };
    office.messaging().call(question, deadline).await.map(|answer| answer.said)
}

fn is_topic(topic: &str) -> bool {
    (1..=LONGEST_TOPIC).contains(&topic.len())
}

fn no_topic() -> Reply {
    sentence(StatusCode::NOT_FOUND, "a topic has 1 to 100 bytes")
}
