//! Messages for one worker that were accepted, and are not acknowledged yet.

use advanced_ipc::Failure;

/// What is owed to one worker: two numbers, whatever lies between them.
///
/// Where a message waits (a queue, a socket, the worker) makes no difference to its sender, and how
/// much a socket holds is different on each machine. So what counts is what the worker has not
/// acknowledged.
pub(crate) struct Outbox {
    accepted: u64,
    acknowledged: u64,
    limit: u64,
}

impl Outbox {
    /// An outbox with room for `limit` messages.
    pub(crate) fn new(limit: usize) -> Self {
        Outbox { accepted: 0, acknowledged: 0, limit: limit as u64 }
    }

    /// Accepts one more message, and returns its number: 1, 2, 3, and so on.
    pub(crate) fn accept(&mut self) -> Result<u64, Failure> {
        if self.accepted - self.acknowledged >= self.limit {
            return Err(Failure::Full);
        }
        self.accepted += 1;
        Ok(self.accepted)
    }

    /// The worker has `up_to` messages, and no more than were accepted. Returns how many it has.
    pub(crate) fn acknowledged(&mut self, up_to: u64) -> u64 {
        self.acknowledged = self.acknowledged.max(up_to.min(self.accepted));
        self.acknowledged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(outbox: &mut Outbox, times: usize) -> Vec<Result<u64, Failure>> {
        (0..times).map(|_| outbox.accept()).collect()
    }

    #[test]
    fn it_accepts_as_many_as_the_limit_says_and_numbers_them() {
        let mut outbox = Outbox::new(2);
        assert_eq!(accept(&mut outbox, 3), [Ok(1), Ok(2), Err(Failure::Full)]);
    }

    #[test]
    fn an_acknowledgement_makes_room_for_all_messages_up_to_it() {
        let mut outbox = Outbox::new(3);
        accept(&mut outbox, 3);
        outbox.acknowledged(2);
        assert_eq!(accept(&mut outbox, 3), [Ok(4), Ok(5), Err(Failure::Full)]);
    }

    #[test]
    fn an_acknowledgement_that_is_old_or_of_no_message_makes_no_room() {
        let mut outbox = Outbox::new(1);
        accept(&mut outbox, 1);
        outbox.acknowledged(1);
        outbox.acknowledged(99);
        assert_eq!(accept(&mut outbox, 2), [Ok(2), Err(Failure::Full)]);
        outbox.acknowledged(1);
        assert_eq!(outbox.accept(), Err(Failure::Full));
    }
}
