//! How a worker answers what it is asked: well, or as badly as a check wants it.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use events::{Pid, Slot};
use tokio::time::{sleep, timeout};

use crate::{
    broken::{self, Pieces},
    frame::{Answer, AnswerFault, CallId, Frame, Message, Question, Said, What},
    inbox::Inbox,
    link::Link,
    times::CallTimes,
};

/// What a worker has of its own.
pub(crate) struct Desk {
    pub(crate) slot: Slot,
    pub(crate) link: Link,
    pub(crate) inbox: Inbox,
    /// Requests to `/` that it has answered.
    pub(crate) served: AtomicU64,
    pub(crate) call_times: CallTimes,
    messages: AtomicU64,
    holding: AtomicUsize,
}

impl Desk {
    pub(crate) fn new(slot: Slot, link: Link) -> Self {
        let (inbox, served, call_times, messages, holding) = Default::default();
        Desk { slot, link, inbox, served, call_times, messages, holding }
    }

    /// Questions that it has, and has not answered.
    pub(crate) fn holding(&self) -> usize {
        self.holding.load(Ordering::Acquire)
    }

    /// Keeps a message, and acknowledges it: now that it is in the inbox, and not when it was read.
    pub(crate) fn keep(self: &Arc<Self>, Message { from, text, .. }: Message) {
        self.inbox.keep(from, text);
        // Not its sequence: it may have passed messages that are still on their way.
        let up_to = self.messages.fetch_add(1, Ordering::AcqRel) + 1;
        let desk = self.clone();
        tokio::spawn(async move { desk.send(Frame::Acknowledged { up_to }).await });
    }

    /// Answers `question` on a task of its own, `within` this time or not at all: a late answer is of
    /// use to no process.
    pub(crate) fn answer(self: &Arc<Self>, id: CallId, within: Duration, question: Question) {
        let desk = self.clone();
        self.holding.fetch_add(1, Ordering::AcqRel);
        tokio::spawn(async move {
            // An answer that fails on purpose keeps to no time.
            let limit = if is_late(&question.what) { Duration::MAX } else { within };
            let _ = timeout(limit, desk.reply(id, question)).await;
            desk.holding.fetch_sub(1, Ordering::AcqRel);
        });
    }

    async fn reply(&self, id: CallId, Question { from, what, .. }: Question) {
        let said = match what {
            What::Echo { text, after, fault } => {
                sleep(after).await;
                return self.reply_with_fault(id, Said::Text(text), fault).await;
            }
            What::Requests => Said::Requests {
                answered: self.served.load(Ordering::Acquire),
                call_millis: self.call_times.all(),
            },
            What::Keep { text } => {
                self.inbox.keep(from, text);
                Said::Kept
            }
            // The primary never passes this on.
            What::Accept { .. } | What::Subscribe { .. } | What::Subscribers { .. } => return,
        };
        self.send(self.reply_frame(id, said)).await;
    }

    async fn reply_with_fault(&self, id: CallId, said: Said, fault: Option<AnswerFault>) {
        let frame = self.reply_frame(id, said);
        match fault {
            None | Some(AnswerFault::Late) => self.send(frame).await,
            Some(AnswerFault::Never) => std::future::pending().await,
            Some(AnswerFault::Twice) => {
                self.send(frame.clone()).await;
                sleep(Duration::from_millis(500)).await;
                self.send(frame).await;
            }
            Some(AnswerFault::Split) => self.link.send_raw(broken::split(&frame)).await,
            Some(AnswerFault::LastWord) => {
                self.send(frame).await;
                process::exit(0);
            }
        }
    }

    fn reply_frame(&self, id: CallId, said: Said) -> Frame {
        Frame::Reply { id, answer: Ok(Answer { worker: self.slot, pid: Pid::own(), said }) }
    }

    async fn send(&self, frame: Frame) {
        // A worker whose primary is gone ends.
        let _ = self.link.send(frame).await;
    }

    /// Sends the primary what isn't a frame.
    pub(crate) async fn misbehave(&self, all: Vec<Pieces>) {
        for pieces in all {
            self.link.send_raw(pieces).await;
        }
    }
}

fn is_late(what: &What) -> bool {
    let on_purpose = [AnswerFault::Late, AnswerFault::Twice, AnswerFault::Split].map(Some);
    matches!(what, What::Echo { fault, .. } if on_purpose.contains(fault))
}
