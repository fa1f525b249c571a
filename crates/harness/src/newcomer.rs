//! What a cluster that drains does with a client that connects after its signal: one rule, for the
//! checks and for the account of a tour.
//!
//! Refused, or told 503, is right. A listener that closes resets the connections in its queue, and
//! only a filter of the kernel's could prevent that. So a reset is forgiven while the listener
//! closes, which is over after some new connections in a row were turned away.

use std::fmt;

use crate::wire::{Answer, Failure};

/// How many consecutive new connections must be turned away until the listener counts as closed: the
/// primary tells the workers one after the other.
const IN_A_ROW: usize = 8;

/// What happened to a new connection, and to the request on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewConnection {
    /// It was served like any other: the status.
    Answered(u16),
    /// It was turned away: refused, or told 503.
    TurnedAway,
    /// It was accepted, and closed without an answer.
    Dropped,
    /// It was left hanging.
    Hangs(Failure),
}

impl NewConnection {
    /// What `outcome` means for the request on a new connection.
    #[must_use]
    pub fn of(outcome: &Result<Answer, Failure>) -> Self {
        match outcome {
            Ok(answer) if answer.status == 503 => NewConnection::TurnedAway,
            Ok(answer) => NewConnection::Answered(answer.status),
            Err(Failure::Refused) => NewConnection::TurnedAway,
            Err(Failure::Reset | Failure::Closed) => NewConnection::Dropped,
            Err(failure @ (Failure::TimedOut(_) | Failure::Truncated | Failure::Malformed(_))) => {
                NewConnection::Hangs(failure.clone())
            }
        }
    }
}

impl fmt::Display for NewConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NewConnection::Answered(status) => write!(f, "answered with {status}"),
            NewConnection::TurnedAway => f.write_str("turned away"),
            NewConnection::Dropped => f.write_str("accepted, and dropped without an answer"),
            NewConnection::Hangs(failure) => write!(f, "left hanging: {failure}"),
        }
    }
}

/// A listener that closes, as its new connections show it.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    in_a_row: usize,
}

impl Closing {
    /// Takes in what happened to a new connection.
    pub fn saw(&mut self, new: &NewConnection) {
        // Once it is closed it stays closed: what comes later is judged by that.
        if !self.is_over() {
            self.in_a_row = if *new == NewConnection::TurnedAway { self.in_a_row + 1 } else { 0 };
        }
    }

    /// Whether the listener is closed: from now on each new connection must be turned away.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.in_a_row >= IN_A_ROW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_forgiven_until_new_connections_are_turned_away_in_a_row() {
        let reset = NewConnection::of(&Err(Failure::Reset));
        let refused = NewConnection::of(&Err(Failure::Refused));
        let mut closing = Closing::default();
        for _ in 1..IN_A_ROW {
            closing.saw(&refused);
        }
        assert!(!closing.is_over());
        closing.saw(&reset);
        for _ in 0..IN_A_ROW {
            assert!(!closing.is_over(), "a connection that is dropped begins the row anew");
            closing.saw(&refused);
        }
        assert!(closing.is_over());
        closing.saw(&reset);
        assert!(closing.is_over(), "a listener does not open again");
    }
}
