//! What comes back: a whole answer, or one of the ways in which there is none.

use std::{
    fmt,
    io::{self, ErrorKind},
    time::Duration,
};

/// An answer that arrived whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its status code.
    pub status: u16,
    /// Whether the server closes the connection after it (RFC 9112, section 9.6).
    pub closes: bool,
    /// The header `Retry-After`, if there is one.
    pub retry_after: Option<String>,
    /// The header `Set-Cookie`, if there is one.
    pub set_cookie: Option<String>,
    /// Its body.
    pub body: String,
}

/// How a request fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No process listens.
    Refused,
    /// The connection was reset before the first byte of an answer.
    Reset,
    /// The connection was closed in good order before the first byte of an answer.
    Closed,
    /// The answer began, and the connection ended in the middle of it.
    Truncated,
    /// Nothing came for this long.
    TimedOut(Duration),
    /// What came is not HTTP/1.1.
    Malformed(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused => f.write_str("connection refused"),
            Failure::Reset => f.write_str("connection reset before an answer"),
            Failure::Closed => f.write_str("connection closed without an answer"),
            Failure::Truncated => f.write_str("cut off in the middle of the answer"),
            Failure::TimedOut(limit) => write!(f, "no answer within {:.1} s", limit.as_secs_f64()),
            Failure::Malformed(what) => write!(f, "not an HTTP/1.1 answer: {what}"),
        }
    }
}

/// What `error` means, for an answer of which something has come already, or nothing.
pub(super) fn classify(error: &io::Error, began: bool, limit: Duration) -> Failure {
    match error.kind() {
        ErrorKind::ConnectionRefused => Failure::Refused,
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Failure::TimedOut(limit),
        _ if began => Failure::Truncated,
        ErrorKind::UnexpectedEof => Failure::Closed,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
            Failure::Reset
        }
        other => Failure::Malformed(other.to_string()),
    }
}
