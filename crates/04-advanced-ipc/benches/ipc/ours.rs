//! The channel of chapter 00 with the calls of this chapter's example: frames of JSON, an id and a
//! deadline for each call, at most 256 open.

use std::{
    future::pending,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::exit,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use advanced_ipc::{
    Answer, Deadline, Failure, Frame, Pid, Question, Said, Slot, What, frame::AnswerFault,
};
use cluster_basics::channel::{Receiver, Sender, channel};
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::{sync::mpsc, task::yield_now, time::sleep};

use crate::{
    calls::Calls,
    driver::{Order, orders, own_process},
};

const MAX_IN_FLIGHT: usize = 256;
const CALL_LIMIT: Duration = Duration::from_secs(1);
const FAR: Duration = Duration::from_mins(1);

/// How long a process that spins looks for a frame before it sleeps.
const SPIN: Duration = Duration::from_micros(50);

/// What a process does while it waits for a frame.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Waiting {
    Asleep,
    /// It asks again and again for [`SPIN`], and then sleeps.
    Spinning,
}

impl Waiting {
    async fn for_some_time<T>(self, work: impl Future<Output = T>) -> T {
        let until = Instant::now() + if self == Waiting::Spinning { SPIN } else { Duration::ZERO };
        // With a task that only yields, the runtime looks for events and does not sleep.
        let spin = async {
            while Instant::now() < until {
                yield_now().await;
            }
            pending().await
        };
        tokio::select! {
            biased;
            done = work => done,
            never = spin => never,
        }
    }
}

/// As a task, like all others: each time that tokio wakes the future of `block_on` itself, it writes to
/// an eventfd, and the next look for events finds that, too.
fn block_on(work: impl Future<Output = io::Result<()>> + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async { tokio::spawn(work).await });
    runtime.shutdown_background();
    outcome.map_err(io::Error::other)?
}

/// The peer: each answer on a task of its own, as a worker of this chapter does it.
pub(crate) fn peer(waiting: Waiting) -> io::Result<()> {
    block_on(async move {
        let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        let (sender, mut receiver): (Sender<Frame>, Receiver<Frame>) = channel(stream)?;
        while let Ok(frame) = waiting.for_some_time(receiver.recv()).await {
            let Frame::Question { id, question, .. } = frame else { continue };
            if let What::Echo { text, fault: None, .. } = question.what {
                let sender = sender.clone();
                tokio::spawn(async move {
                    let said = Said::Text(text);
                    let answer = Answer { worker: Slot(1), pid: Pid::own(), said };
                    let _ = sender.send(&Frame::Reply { id, answer: Ok(answer) }).await;
                });
            }
        }
        Ok(())
    })
}

/// One peer, as its driver has it.
struct Peer {
    waiting: Waiting,
    sender: Sender<Frame>,
    calls: Calls<Answer>,
}

impl Peer {
    fn start(waiting: Waiting) -> io::Result<(Arc<Self>, u32)> {
        let (ours, theirs) = UnixStream::pair()?;
        let role = match waiting {
            Waiting::Asleep => "ours-peer",
            Waiting::Spinning => "ours-spinning-peer",
        };
        let child = own_process(role)?.stdin(OwnedFd::from(theirs)).spawn()?;
        let (sender, mut receiver): (Sender<Frame>, Receiver<Frame>) = channel(ours)?;
        let calls = Calls::new(MAX_IN_FLIGHT);
        let table = calls.clone();
        tokio::spawn(async move {
            while let Ok(frame) = receiver.recv().await {
                if let Frame::Reply { id, answer } = frame {
                    table.answer(id, answer);
                }
            }
            table.gone();
        });
        Ok((Arc::new(Peer { waiting, sender, calls }), child.id()))
    }

    async fn call(
        &self,
        text: String,
        fault: Option<AnswerFault>,
        limit: Duration,
    ) -> Result<Answer, Failure> {
        let deadline = Deadline::after(limit);
        let mut call = self.calls.open()?;
        let what = What::Echo { text, after: Duration::ZERO, fault };
        let question = Question { from: Slot(1), to: Slot(2), what };
        let frame = Frame::Question { id: call.id, within: deadline.left(), question };
        let asked = async {
            self.sender.send(&frame).await.map_err(|_| Failure::Died)?;
            self.waiting.for_some_time(call.outcome()).await
        };
        tokio::select! {
            outcome = asked => outcome,
            () = deadline.passed() => Err(Failure::Timeout),
        }
    }
}

pub(crate) fn driver(waiting: Waiting) -> io::Result<()> {
    block_on(async move {
        let ((first, one), (second, two)) = (Peer::start(waiting)?, Peer::start(waiting)?);
        println!("{one} {two}");
        let (sender, mut told) = mpsc::unbounded_channel();
        thread::spawn(move || {
            for order in orders() {
                let _ = sender.send(order);
            }
            exit(0);
        });
        while let Some(order) = told.recv().await {
            match order {
                Order::Trip { size, count, window } => trip(&first, size, count, window).await,
                Order::Frozen { count, limit } => frozen(&first, &second, count, limit).await,
                Order::Killed => killed(&first).await,
            }
        }
        Ok(())
    })
}

async fn trip(peer: &Peer, size: usize, count: usize, window: usize) {
    let text = "x".repeat(size);
    let began = Instant::now();
    let calls = stream::iter(0..count).map(|_| peer.call(text.clone(), None, FAR));
    calls.buffer_unordered(window).for_each(async |_| {}).await;
    println!("{}", began.elapsed().as_nanos());
}

async fn frozen(first: &Arc<Peer>, second: &Peer, count: usize, limit: Duration) {
    let (text, began) = ("x".repeat(1024), Instant::now());
    let outcomes = Arc::new(Mutex::new((0, None)));
    let (mut sent, mut others, mut gap, mut last) = (0, 0, Duration::ZERO, began);
    while sent < count || began.elapsed() < limit {
        for _ in 0..(count - sent).min(100) {
            let (peer, text) = (first.clone(), text.clone());
            let outcomes = outcomes.clone();
            tokio::spawn(async move {
                let outcome = peer.call(text, None, CALL_LIMIT).await;
                let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
                match outcome {
                    Err(Failure::Full) => outcomes.0 += 1,
                    Err(_) => drop(outcomes.1.get_or_insert(began.elapsed())),
                    Ok(_) => {}
                }
            });
            sent += 1;
        }
        others += u32::from(second.call(text.clone(), None, FAR).await.is_ok());
        gap = gap.max(last.elapsed());
        last = Instant::now();
        if sent == count {
            sleep(Duration::from_millis(1)).await;
        }
    }
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let (refused, error) = *outcomes.lock().unwrap_or_else(PoisonError::into_inner);
    let error = error.map(millis);
    let said = json!({ "sent": sent, "refused": refused, "error_ms": error, "others": others,
        "gap_ms": millis(gap) });
    println!("{said}");
}

async fn killed(first: &Arc<Peer>) {
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let peer = first.clone();
            let hold = Some(AnswerFault::Never);
            tokio::spawn(async move { peer.call("hold".to_owned(), hold, FAR).await })
        })
        .collect();
    // The peer reads in order, so it has the others when it answers this one.
    tokio::task::yield_now().await;
    let _ = first.call("read".to_owned(), None, FAR).await;
    println!("open");
    let mut failed = 0;
    for call in calls {
        failed += u32::from(matches!(call.await, Ok(Err(Failure::Died))));
    }
    println!("{failed} by {:?}", Failure::Died);
}
