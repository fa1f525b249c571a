//! The program under test: the least that a chapter does with the supervisor.

use std::{env, process::ExitCode, time::Duration};

use bytes::Bytes;
use events::{Pid, Slot, emit};
use futures_util::stream;
use hyper::{Request, Response, StatusCode, body::Incoming};
use serde_json::json;
use supervisor::{
    Faults, Intents, Notice, Service, Settings, Signals, Version, WorkerChannel, every,
    http::{self, Body},
    run_worker, shut_down,
};
use tokio::sync::Notify;

/// What the primary tells its workers, as often as `TELL_MS` says.
type Order = String;
/// What the primary expects as a report: a worker that sends text talks garbage.
type Workers = supervisor::Workers<Order, u32>;

pub(crate) fn main() -> ExitCode {
    cluster_basics::run(
        async || {
            let intents = Intents::new(Signals::install()?);
            Ok(primary(Workers::listen(Settings::from_env(2)?)?, intents).await)
        },
        async |place| {
            let fault = Faults::from_env()?.of(Version::FIRST, place.slot);
            let service = Hello { slot: place.slot, talk_garbage: Notify::new() };
            run_worker(place, fault, service).await
        },
    )
}

async fn primary(mut workers: Workers, mut intents: Intents) -> ExitCode {
    for slot in workers.slots() {
        workers.start(slot);
    }
    workers.announce();
    for _ in 0..number("FLOOD") {
        emit(events::ShutdownEvent::Forced { reason: "not at all".to_owned() });
    }
    let mut ticks = every(Duration::from_millis(number("TELL_MS").max(1)));
    let mut handovers = every(Duration::from_millis(number("HAND_OVER_MS").max(1)));
    loop {
        tokio::select! {
            notice = workers.next() => replace(&mut workers, &notice),
            _ = intents.next() => return shut_down(workers, intents).await,
            _ = ticks.tick(), if number("TELL_MS") > 0 => workers.tell_all("x".repeat(10_000)),
            _ = handovers.tick(), if number("HAND_OVER_MS") > 0 => {
                workers = handed_over(workers).await.expect("descriptors are left");
            }
        }
    }
}

fn replace(workers: &mut Workers, notice: &Notice<u32>) {
    if let Notice::Exited(worker, _) = notice {
        workers.start(worker.slot);
    }
}

/// The same workers, after a standstill.
async fn handed_over(workers: Workers) -> std::io::Result<Workers> {
    let settings = workers.settings();
    let (handover, before) = workers.take_apart().await?;
    let mut workers = Workers::put_together(settings, handover)?;
    for notice in &before {
        replace(&mut workers, notice);
    }
    Ok(workers)
}

fn number(name: &str) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

struct Hello {
    slot: Slot,
    talk_garbage: Notify,
}

impl Service for Hello {
    type Order = Order;
    type Report = String;

    async fn respond(&self, request: Request<Incoming>, _is_ready: bool) -> Response<Body> {
        let name = json!({ "worker": self.slot, "pid": Pid::own() });
        match request.uri().path() {
            "/slow" => http::slow_json(Duration::from_secs(1), name),
            "/download" => {
                let megabytes = stream::repeat_with(|| Bytes::from(vec![b'.'; 1 << 20]));
                http::answer(StatusCode::OK, http::streamed(megabytes))
            }
            "/piece" => {
                let piece = http::whole(vec![b'.'; 32 << 20]);
                http::answer(StatusCode::OK, piece)
            }
            "/garbage" => {
                self.talk_garbage.notify_one();
                http::json(StatusCode::OK, &name)
            }
            _ => http::json(StatusCode::OK, &name),
        }
    }

    fn on_order(&self, _order: Order) {}

    async fn background(&self, channel: WorkerChannel<String>) {
        loop {
            self.talk_garbage.notified().await;
            // An error that quotes it does not fit into an event.
            channel.report("not a number ".repeat(1000)).await;
        }
    }
}
