//! The service as a whole.

use std::{fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};

/// What a service says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub enum ServiceEvent {
    /// Connections to `address` are accepted from now on.
    #[serde(rename = "listening")]
    Listening {
        /// Where clients connect to; the port is the real one even where 0 was asked for.
        address: SocketAddr,
        /// Where operators ask how the cluster is, if there is such a place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        admin: Option<SocketAddr>,
    },
    /// The reader of stdout was too slow, so events are missing before this one.
    #[serde(rename = "events-dropped")]
    EventsDropped {
        /// How many.
        count: u64,
    },
}

impl fmt::Display for ServiceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServiceEvent::Listening { address, admin: None } => {
                write!(f, "listening on http://{address}")
            }
            ServiceEvent::Listening { address, admin: Some(admin) } => {
                write!(f, "listening on http://{address}, for operators on http://{admin}")
            }
            ServiceEvent::EventsDropped { count } => {
                write!(f, "{count} events are missing here: the reader was too slow")
            }
        }
    }
}
