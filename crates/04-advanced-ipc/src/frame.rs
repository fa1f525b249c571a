//! What travels between a worker and its primary, in both directions.

use std::time::Duration;

use events::{Pid, Slot};
use serde::{Deserialize, Serialize};

/// The name of one call on one link. Both ends of a link count their own calls, and no number is ever
/// given out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallId(pub u64);

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// A call. Its answer is of use for this time and no longer: clocks need not agree.
    Question {
        /// The caller's name for it.
        id: CallId,
        /// The time that is left.
        within: Duration,
        /// What is asked, and of which worker.
        question: Question,
    },
    /// What became of the call `id` of the peer that reads this.
    Reply {
        /// The caller's name for the call.
        id: CallId,
        /// What became of it.
        answer: Result<Answer, Failure>,
    },
    /// A text that was accepted for this worker. It is told in order, and at most once.
    Message(Message),
    /// The worker has the first messages that were sent to it, up to this one.
    Acknowledged {
        /// 1 for the first that was sent. Its sequence may be higher: a message can pass others.
        up_to: u64,
    },
    /// From the primary: no worker needs another one any more.
    Leave,
}

/// What one worker asks of another. The primary passes it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The worker that asks.
    pub from: Slot,
    /// The worker that is asked.
    pub to: Slot,
    /// What it is asked for.
    pub what: What,
}

/// What a worker can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// The same text, after a while.
    Echo {
        /// The text.
        text: String,
        /// After how long.
        after: Duration,
        /// How the answer goes wrong.
        fault: Option<AnswerFault>,
    },
    /// How many requests it has answered.
    Requests,
    /// To keep this text among its messages.
    Keep {
        /// The text.
        text: String,
    },
    /// Of the primary, not of the worker: to accept this text for the worker.
    Accept {
        /// The text.
        text: String,
        /// Which messages it may pass.
        priority: Priority,
    },
    /// Of the primary: to count the worker that asks among the subscribers of this topic.
    Subscribe {
        /// The topic.
        topic: String,
    },
    /// Of the primary: which workers are subscribers of this topic.
    Subscribers {
        /// The topic.
        topic: String,
    },
}

/// Which of the messages that wait a message may pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// It passes no other message.
    #[default]
    Normal,
    /// It passes those with normal priority.
    High,
}

/// How an answer goes wrong, so that a check can break it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerFault {
    /// There is none.
    Never,
    /// It comes after the deadline, too.
    Late,
    /// It comes again, half a second later.
    Twice,
    /// Half of its frame comes, then nothing for a while, then the rest.
    Split,
    /// It comes, and the worker ends.
    LastWord,
}

/// A good answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The worker that answers.
    pub worker: Slot,
    /// Its process.
    pub pid: Pid,
    /// What it says.
    pub said: Said,
}

/// What a worker, or the primary in its place, says to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// The text of an [`What::Echo`].
    Text(String),
    /// What it has done.
    Requests {
        /// How many requests it has answered.
        answered: u64,
        /// How long its last calls took, in milliseconds.
        call_millis: Vec<u64>,
    },
    /// It has the text of [`What::Keep`].
    Kept,
    /// The primary has accepted the text, with this number.
    Accepted {
        /// 1 for the first message of a worker.
        sequence: u64,
    },
    /// The worker that asked is a subscriber now.
    Subscribed,
    /// The subscribers of the topic.
    Subscribers(Vec<Slot>),
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// The deadline has passed. The call was sent, and is perhaps done.
    Timeout,
    /// The worker died, or its slot is empty. If the call was sent, it is perhaps done.
    Died,
    /// Too many calls are open, or too many messages wait. Nothing was sent.
    Full,
}

/// A text for a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// 1 for the first message of a worker.
    pub sequence: u64,
    /// The worker that sent it.
    pub from: Slot,
    /// The text.
    pub text: String,
}
