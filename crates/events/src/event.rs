//! The vocabulary: everything that a cluster may report about itself, a file for each subject.

pub mod deploy;
pub mod health;
pub mod primary;
pub mod roll;
pub mod service;
pub mod shutdown;
pub mod worker;

use std::fmt;

use serde::{Deserialize, Serialize};

use self::{
    deploy::DeployEvent, health::HealthEvent, primary::PrimaryEvent, roll::RollEvent,
    service::ServiceEvent, shutdown::ShutdownEvent, worker::WorkerEvent,
};

/// One report of a cluster. On the wire: `{"event":"worker-ready","worker":2,"pid":4242}`.
///
/// PROTOCOL.md requires only `listening` of a program under test; every other event makes the
/// picture richer. Durations are whole milliseconds. Its [`Display`](fmt::Display) is the sentence
/// that a person reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// The service as a whole.
    Service(ServiceEvent),
    /// The life of one worker.
    Worker(WorkerEvent),
    /// The health of the workers.
    Health(HealthEvent),
    /// A roll to another version.
    Roll(RollEvent),
    /// A deploy of a new version.
    Deploy(DeployEvent),
    /// The program that takes the primary's place.
    Primary(PrimaryEvent),
    /// The end of the cluster.
    Shutdown(ShutdownEvent),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Service(event) => event.fmt(f),
            Event::Worker(event) => event.fmt(f),
            Event::Health(event) => event.fmt(f),
            Event::Roll(event) => event.fmt(f),
            Event::Deploy(event) => event.fmt(f),
            Event::Primary(event) => event.fmt(f),
            Event::Shutdown(event) => event.fmt(f),
        }
    }
}

impl From<ServiceEvent> for Event {
    fn from(event: ServiceEvent) -> Self {
        Event::Service(event)
    }
}

impl From<WorkerEvent> for Event {
    fn from(event: WorkerEvent) -> Self {
        Event::Worker(event)
    }
}

impl From<HealthEvent> for Event {
    fn from(event: HealthEvent) -> Self {
        Event::Health(event)
    }
}

impl From<RollEvent> for Event {
    fn from(event: RollEvent) -> Self {
        Event::Roll(event)
    }
}

impl From<DeployEvent> for Event {
    fn from(event: DeployEvent) -> Self {
        Event::Deploy(event)
    }
}

impl From<PrimaryEvent> for Event {
    fn from(event: PrimaryEvent) -> Self {
        Event::Primary(event)
    }
}

impl From<ShutdownEvent> for Event {
    fn from(event: ShutdownEvent) -> Self {
        Event::Shutdown(event)
    }
}
