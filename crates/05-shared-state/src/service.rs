//! A worker of this chapter: its routes, the news, and the primary's word.

use std::{path::PathBuf, sync::Arc};

use events::{Pid, Slot};
use hyper::{Request, Response, body::Incoming};
use serde_json::{Value, json};
use supervisor::{
    Service, WorkerChannel,
    calls::{Down, Up},
    http::Body,
};

use crate::{
    News, SharedState, routes,
    talk::{Ask, Key, Said},
};

/// A worker. `S` is what the exercise builds.
pub(crate) struct Site<S> {
    pub(crate) slot: Slot,
    pub(crate) news: News,
    /// Where the database lies, and its backups.
    pub(crate) folder: PathBuf,
    pub(crate) state: Arc<S>,
}

impl<S: SharedState> Site<S> {
    /// The worker that answers.
    pub(crate) fn name(&self) -> Value {
        json!({ "worker": self.slot, "pid": Pid::own() })
    }
}

impl<S: SharedState> Service for Site<S> {
    type Order = Down<Said, Key>;
    type Report = Up<Ask>;

    fn on_start(&self, channel: WorkerChannel<Up<Ask>>) {
        self.news.connect(channel);
    }

    async fn respond(&self, request: Request<Incoming>, _is_ready: bool) -> Response<Body> {
        routes::respond(self, request).await
    }

    /// Nothing here waits.
    fn on_order(&self, order: Down<Said, Key>) {
        match order {
            Down::Answer { id, answer } => self.news.calls().answered(id, answer),
            Down::News { id, news } => {
                if self.news.hear(id) {
                    self.state.forget_all();
                }
                self.state.forget(&news);
                self.news.calls().acknowledge(id);
            }
        }
    }

    async fn background(&self, _channel: WorkerChannel<Up<Ask>>) {
        self.news.keep_current(|| self.state.forget_all()).await;
    }
}
