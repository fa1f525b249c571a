//! An answer on its way to the client. It is counted at its end: that is the first moment at which it is
//! known whether it was good, and how long it took.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use supervisor::http::Body;

use crate::{Answer, reporter::Reporter};

/// A request that has been given to a version, and is not counted yet.
pub(crate) struct Uncounted {
    pub(crate) reporter: Reporter,
    pub(crate) by_candidate: bool,
    pub(crate) step: u64,
    pub(crate) client: Option<String>,
    pub(crate) began: Instant,
}

impl Uncounted {
    /// The request has got its answer, or will get no good one.
    pub(crate) fn count(self, is_bad: bool) {
        let Uncounted { reporter, by_candidate, step, client, began } = self;
        reporter.report(Answer { by_candidate, is_bad, took: began.elapsed(), client, step });
    }
}

/// The body of an answer, counted at its end.
pub(crate) struct Counted {
    body: Body,
    uncounted: Option<Uncounted>,
    /// Whether its status is 500 or above.
    is_bad: bool,
}

impl Counted {
    pub(crate) fn new(body: Body, uncounted: Uncounted, is_bad: bool) -> Self {
        Counted { body, uncounted: Some(uncounted), is_bad }
    }

    fn count(&mut self, is_bad: bool) {
        if let Some(uncounted) = self.uncounted.take() {
            uncounted.count(is_bad);
        }
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(_)) => {}
            Some(Err(_)) => self.count(true),
            None => {
                let is_bad = self.is_bad;
                self.count(is_bad);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Counted {
    /// A body whose length is known is dropped after its last byte, and not asked again. One that is dropped
    /// before its end has lost its client, which says nothing about the version.
    fn drop(&mut self) {
        if self.body.is_end_stream() {
            let is_bad = self.is_bad;
            self.count(is_bad);
        }
    }
}
