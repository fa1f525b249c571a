//! A worker of this chapter: it serves its routes, answers what it is asked, and keeps its messages.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use events::{Pid, Slot};
use hyper::{Request, Response, body::Incoming};
use serde_json::{Value, json};
use supervisor::{Service, WorkerChannel, http::Body};
use tokio::sync::Notify;

use crate::{
    Config, Messaging,
    deadline::{Closing, Deadline},
    desk::Desk,
    frame::Frame,
    link::Link,
    routes,
};

/// A worker's own table has this much room for `/send`, `/subscribe` and `/publish`: the primary
/// answers these itself, so they must not wait for a worker that has no place left.
const TO_THE_PRIMARY: usize = 1000;

/// A worker. `M` is what the exercise builds.
pub(crate) struct Office<M> {
    slot: Slot,
    config: Config,
    closing: Closing,
    leave: Notify,
    /// What there is once the worker has a way to its primary.
    inside: OnceLock<Inside<M>>,
    new_messaging: fn(Link, Place) -> M,
}

struct Inside<M> {
    desk: Arc<Desk>,
    messaging: M,
}

/// What a worker's messaging must know of its place.
#[derive(Clone)]
pub struct Place {
    /// Its slot.
    pub slot: Slot,
    /// How many workers there are.
    pub workers: u32,
    /// How many calls it may have open: `MAX_IN_FLIGHT` to each worker, and room for what the primary
    /// answers itself.
    pub max_open_calls: usize,
}

impl<M: Messaging> Office<M> {
    pub(crate) fn new(slot: Slot, config: Config, new_messaging: fn(Link, Place) -> M) -> Self {
        let (closing, leave, inside) = (Closing::not_yet(), Notify::new(), OnceLock::new());
        Office { slot, config, closing, leave, inside, new_messaging }
    }

    pub(crate) fn slot(&self) -> Slot {
        self.slot
    }

    /// Every slot of this cluster.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> + use<M> {
        Slot::all(self.config.shared.workers)
    }

    pub(crate) fn name(&self) -> Value {
        json!({ "worker": self.slot, "pid": Pid::own(), "holding": self.desk().holding() })
    }

    /// By when a call must end that may take `limit`.
    pub(crate) fn deadline(&self, limit: Option<Duration>) -> Deadline {
        self.closing.deadline_after(limit.unwrap_or(self.config.request_timeout))
    }

    pub(crate) fn desk(&self) -> &Arc<Desk> {
        &self.inside().desk
    }

    pub(crate) fn messaging(&self) -> &M {
        &self.inside().messaging
    }

    fn inside(&self) -> &Inside<M> {
        self.inside.get().expect("`on_start` comes before all orders and requests")
    }
}

impl<M: Messaging> Service for Office<M> {
    type Order = Frame;
    type Report = Frame;

    fn on_start(&self, channel: WorkerChannel<Frame>) {
        let link = Link::to_primary(channel);
        let workers = self.config.shared.workers;
        let place = Place {
            slot: self.slot,
            workers,
            max_open_calls: self.config.max_in_flight * workers as usize + TO_THE_PRIMARY,
        };
        let messaging = (self.new_messaging)(link.clone(), place);
        let desk = Arc::new(Desk::new(self.slot, link));
        self.inside.get_or_init(|| Inside { desk, messaging });
    }

    async fn respond(&self, request: Request<Incoming>, _is_ready: bool) -> Response<Body> {
        routes::respond(self, request).await
    }

    /// Nothing here waits: whatever takes time gets a task of its own.
    fn on_order(&self, frame: Frame) {
        match frame {
            Frame::Question { id, within, question } => self.desk().answer(id, within, question),
            Frame::Reply { id, answer } => self.messaging().replied(id, answer),
            Frame::Message(message) => self.desk().keep(message),
            Frame::Leave => self.leave.notify_one(),
            Frame::Acknowledged { .. } => {}
        }
    }

    fn on_drain(&self, limit: Duration) {
        self.closing.begin(limit);
    }

    async fn farewell(&self) {
        self.leave.notified().await;
    }
}
