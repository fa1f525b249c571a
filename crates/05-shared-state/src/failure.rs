//! Why a request has no good answer, and what its client is told.

use hyper::StatusCode;
use rusqlite::ErrorCode;
use supervisor::calls::NoAnswer;

/// Why a request fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The database was locked for `BUSY_TIMEOUT_MS`. Nothing was written.
    #[error("the database is busy: try again")]
    Busy,
    /// The origin is down, or says that it failed.
    #[error("the origin does not answer")]
    Origin,
    /// Another request runs this job.
    #[error("another request runs this job")]
    Held,
    /// The lease of this request has passed to another one, so its result does not count.
    #[error("the lease has passed to another request")]
    Lost,
    /// There is a backup with this name. It stays as it is.
    #[error("there is a backup with this name")]
    Exists,
    /// The program does not have this. It is beyond the exercise.
    #[error("this program does not have that")]
    Missing,
    /// The primary, or a server behind, did not answer. What was asked for is perhaps done.
    #[error("no answer in time: it is perhaps done")]
    NoAnswer,
    /// Anything else: a bug, a full disk.
    #[error("{0}")]
    Broken(String),
}

impl Failure {
    /// The status that tells a client what to do next.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Failure::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Origin => StatusCode::BAD_GATEWAY,
            Failure::Held | Failure::Lost | Failure::Exists => StatusCode::CONFLICT,
            Failure::Missing => StatusCode::NOT_FOUND,
            Failure::NoAnswer => StatusCode::GATEWAY_TIMEOUT,
            Failure::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Failure::Busy,
            _ => Failure::Broken(error.to_string()),
        }
    }
}

impl From<NoAnswer> for Failure {
    fn from(_: NoAnswer) -> Self {
        Failure::NoAnswer
    }
}
