//! The messages that were accepted for one worker and that it has not acknowledged.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::frame::{Message, Priority};

/// The end at which messages are put in. When it is dropped, the queue is over.
pub struct Queue(Arc<Shared>);

/// The end at which messages are taken out, to be sent.
pub struct Waiting(Arc<Shared>);

#[derive(Default)]
struct Shared {
    lanes: Mutex<Lanes>,
    changed: Notify,
}

#[derive(Default)]
struct Lanes {
    high: VecDeque<Message>,
    normal: VecDeque<Message>,
    /// Taken out, in this order, and not acknowledged.
    sent: VecDeque<(Message, Priority)>,
    acknowledged: u64,
    is_over: bool,
}

/// Both ends of a new queue. It has no limit of its own: the limit is on what is accepted.
#[must_use]
pub fn queue() -> (Queue, Waiting) {
    let shared = Arc::new(Shared::default());
    (Queue(shared.clone()), Waiting(shared))
}

impl Queue {
    /// Puts `message` behind all that wait with the same priority. A message with high priority passes
    /// those without. It can't pass what was taken out already.
    pub fn push(&self, message: Message, priority: Priority) {
        let mut lanes = self.0.lanes();
        match priority {
            Priority::High => lanes.high.push_back(message),
            Priority::Normal => lanes.normal.push_back(message),
        }
        drop(lanes);
        self.0.changed.notify_one();
    }

    /// The worker has the first `up_to` messages that were sent to it.
    pub fn acknowledged(&self, up_to: u64) {
        let mut lanes = self.0.lanes();
        while lanes.acknowledged < up_to && lanes.sent.pop_front().is_some() {
            lanes.acknowledged += 1;
        }
    }

    /// What the worker has not acknowledged, in the order in which it would have come.
    #[must_use]
    pub fn unacknowledged(&self) -> Vec<(Message, Priority)> {
        let lanes = self.0.lanes();
        let high = lanes.high.iter().map(|message| (message.clone(), Priority::High));
        let normal = lanes.normal.iter().map(|message| (message.clone(), Priority::Normal));
        lanes.sent.iter().cloned().chain(high).chain(normal).collect()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.0.lanes().is_over = true;
        self.0.changed.notify_one();
    }
}

impl Waiting {
    /// Takes out the message that is next, and waits until there is one. `None` when the queue is over.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            match self.0.lanes().take() {
                Taken::Message(message) => return Some(message),
                Taken::Over => return None,
                Taken::Nothing => {}
            }
            self.0.changed.notified().await;
        }
    }
}

enum Taken {
    Message(Message),
    Nothing,
    Over,
}

impl Lanes {
    fn take(&mut self) -> Taken {
        if self.is_over {
            return Taken::Over;
        }
        let high = self.high.pop_front().map(|message| (message, Priority::High));
        let next = high.or_else(|| Some((self.normal.pop_front()?, Priority::Normal)));
        let Some((message, priority)) = next else { return Taken::Nothing };
        self.sent.push_back((message.clone(), priority));
        Taken::Message(message)
    }
}

impl Shared {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use events::Slot;

    use super::*;

    fn message(sequence: u64) -> Message {
        Message { sequence, from: Slot(1), text: String::new() }
    }

    fn sequences(messages: &[(Message, Priority)]) -> Vec<u64> {
        messages.iter().map(|(message, _)| message.sequence).collect()
    }

    #[tokio::test]
    async fn high_priority_passes_what_waits_and_nothing_else() {
        let (queue, mut waiting) = queue();
        for (sequence, priority) in
            [(1, Priority::Normal), (2, Priority::Normal), (3, Priority::High), (4, Priority::High)]
        {
            queue.push(message(sequence), priority);
        }
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.extend(waiting.next().await.map(|message| message.sequence));
        }
        assert_eq!(taken, [3, 4, 1, 2]);
        drop(queue);
        assert_eq!(waiting.next().await, None);
    }

    #[tokio::test]
    async fn what_was_sent_counts_until_it_is_acknowledged() {
        let (queue, mut waiting) = queue();
        for sequence in 1..=4 {
            queue.push(message(sequence), Priority::Normal);
        }
        waiting.next().await;
        waiting.next().await;
        queue.acknowledged(1);
        assert_eq!(sequences(&queue.unacknowledged()), [2, 3, 4]);
        // An acknowledgement of what was never sent changes no more than one of all that was.
        queue.acknowledged(9);
        assert_eq!(sequences(&queue.unacknowledged()), [3, 4]);
    }
}
