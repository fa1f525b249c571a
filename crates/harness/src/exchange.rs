//! One request whose every step is recorded: sent, its answer begun, its answer whole, or how it
//! failed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use crate::{
    broken::{Broken, Kept},
    patience,
    recorder::{Moment, Recorder},
    wire::{Answer, Connection, Failure, request, request_with_cookie},
};

/// A request under way, on a thread of its own.
pub struct Pending {
    label: String,
    progress: Receiver<Progress>,
    limit: Duration,
    is_over: Arc<AtomicBool>,
}

/// What became of a request.
pub struct Reply {
    /// What the server answered.
    pub answer: Answer,
    /// The connection, for another request.
    pub connection: Connection,
    /// When the answer was whole.
    pub moment: Moment,
}

enum Progress {
    Sent,
    Begun,
    Done(Result<Box<Reply>, (Failure, Moment)>),
}

/// Sends `method path` with `body` on `connection`. It gives up when nothing comes for `limit`.
#[must_use]
pub fn start(
    recorder: &Recorder,
    connection: Connection,
    method: &str,
    path: &str,
    body: &str,
    limit: Duration,
) -> Pending {
    let label = format!("{method} {path}");
    begin(recorder, connection, label, request(method, path, body), limit)
}

/// Sends GET `path` with this `Cookie` on `connection`. It gives up when nothing comes for `limit`.
#[must_use]
pub fn start_with_cookie(
    recorder: &Recorder,
    connection: Connection,
    path: &str,
    cookie: &str,
    limit: Duration,
) -> Pending {
    let label = format!("GET {path} ({cookie})");
    begin(recorder, connection, label, request_with_cookie("GET", path, Some(cookie), ""), limit)
}

fn begin(
    recorder: &Recorder,
    mut connection: Connection,
    label: String,
    bytes: String,
    limit: Duration,
) -> Pending {
    let (report, progress) = mpsc::channel();
    let recorder = recorder.clone();
    let name = label.clone();
    let is_over = Arc::new(AtomicBool::new(false));
    let over = is_over.clone();
    thread::spawn(move || {
        recorder.observe(format!("{name} sent"));
        let outcome = converse(&mut connection, &bytes, &recorder, &name, &report);
        over.store(true, Ordering::Release);
        let _ = report.send(Progress::Done(match outcome {
            Ok(answer) => {
                let close = if answer.closes { ", Connection: close" } else { "" };
                let moment = recorder.observe(format!("{name}: {}, whole{close}", answer.status));
                Ok(Box::new(Reply { answer, connection, moment }))
            }
            Err(failure) => {
                let moment = recorder.observe(format!("{name}: {failure}"));
                Err((failure, moment))
            }
        }));
    });
    Pending { label, progress, limit, is_over }
}

fn converse(
    connection: &mut Connection,
    bytes: &str,
    recorder: &Recorder,
    name: &str,
    report: &Sender<Progress>,
) -> Result<Answer, Failure> {
    // A server may answer and close before it has read all of a request: the answer counts.
    if connection.send(bytes.as_bytes()).is_ok() {
        let _ = report.send(Progress::Sent);
    }
    let head = connection.read_head()?;
    recorder.observe(format!("{name}: the answer begins"));
    let _ = report.send(Progress::Begun);
    connection.read_body(&head)
}

impl Pending {
    /// Waits until its bytes are with the kernel.
    ///
    /// # Errors
    /// When it failed before that.
    pub fn sent(self) -> Kept<Self> {
        self.until("the request is sent", |step| matches!(step, Progress::Sent))
    }

    /// Waits until its answer begins: proof that the server is working on it.
    ///
    /// # Errors
    /// When it failed before that.
    pub fn in_flight(self) -> Kept<Self> {
        self.until("the answer begins", |step| matches!(step, Progress::Begun))
    }

    /// Waits for the whole answer.
    ///
    /// # Errors
    /// When there was none: `expected` is then "an answer".
    pub fn reply(self) -> Kept<Reply> {
        let label = self.label.clone();
        self.outcome()?.map_err(|(failure, moment)| broken(&label, &failure, moment))
    }

    /// Waits for its end, and for a whole 200.
    ///
    /// # Errors
    /// When it was anything else.
    pub fn expect_200(self) -> Kept<Reply> {
        let label = self.label.clone();
        let reply = self.reply()?;
        if reply.answer.status == 200 {
            return Ok(reply);
        }
        let observed = format!("{label}: status {}", reply.answer.status);
        Err(Broken::new("200 and the whole body", observed).at(reply.moment))
    }

    /// Waits for its end, whatever it is.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn outcome(self) -> Kept<Result<Reply, (Failure, Moment)>> {
        loop {
            match self.next()? {
                Progress::Done(outcome) => return Ok(outcome.map(|reply| *reply)),
                Progress::Sent | Progress::Begun => {}
            }
        }
    }

    /// Whether it has ended by now, well or badly.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    fn until(self, what: &str, is_it: impl Fn(&Progress) -> bool) -> Kept<Self> {
        loop {
            let step = self.next()?;
            if is_it(&step) {
                return Ok(self);
            }
            match step {
                Progress::Done(Err((failure, moment))) => {
                    return Err(broken(&self.label, &failure, moment));
                }
                Progress::Done(Ok(reply)) => {
                    let observed = format!("{}: {} at once", self.label, reply.answer.status);
                    return Err(Broken::new(format!("{what}, and the rest comes later"), observed)
                        .at(reply.moment));
                }
                Progress::Sent | Progress::Begun => {}
            }
        }
    }

    /// The exchange's own read limit ends it; this one only guards against an answer that never
    /// stops dribbling.
    fn next(&self) -> Kept<Progress> {
        let limit = self.limit * 2 + patience(Duration::from_secs(5));
        self.progress.recv_timeout(limit).map_err(|error| match error {
            RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected => Broken::new(
                "200 and the whole body",
                format!("{}: no end of it within {:.0} s", self.label, limit.as_secs_f64()),
            ),
        })
    }
}

fn broken(label: &str, failure: &Failure, moment: Moment) -> Broken {
    Broken::new("200 and the whole body", format!("{label}: {failure}")).at(moment)
}
