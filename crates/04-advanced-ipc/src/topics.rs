//! Which workers get what is published about a topic. Only the primary knows when a worker dies, so the
//! primary keeps this.

use std::collections::{BTreeMap, BTreeSet};

use events::{Pid, Slot};

use crate::frame::{Answer, Failure, Question, Said, What};

/// The most topics of one worker.
const MOST: usize = 100;

/// The subscriptions of all workers.
#[derive(Default)]
pub struct Topics(BTreeMap<Slot, BTreeSet<String>>);

impl Topics {
    /// The answer to a question about topics; `None` for any other question.
    pub fn answer(&mut self, question: &Question) -> Option<Result<Answer, Failure>> {
        let said = match &question.what {
            What::Subscribe { topic } => self.subscribe(question.from, topic),
            What::Subscribers { topic } => Ok(Said::Subscribers(self.subscribers(topic))),
            What::Echo { .. } | What::Requests | What::Keep { .. } | What::Accept { .. } => {
                return None;
            }
        };
        Some(said.map(|said| Answer { worker: question.to, pid: Pid::own(), said }))
    }

    /// The worker in `slot` is gone, and its subscriptions end with it.
    pub fn forget(&mut self, slot: Slot) {
        self.0.remove(&slot);
    }

    fn subscribe(&mut self, slot: Slot, topic: &str) -> Result<Said, Failure> {
        let topics = self.0.entry(slot).or_default();
        if topics.len() >= MOST && !topics.contains(topic) {
            return Err(Failure::Full);
        }
        topics.insert(topic.to_owned());
        Ok(Said::Subscribed)
    }

    fn subscribers(&self, topic: &str) -> Vec<Slot> {
        let has_it =
            |(slot, topics): (&Slot, &BTreeSet<String>)| topics.contains(topic).then_some(*slot);
        self.0.iter().filter_map(has_it).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_has_its_subscribers_until_they_are_gone() {
        let mut topics = Topics::default();
        for slot in [3, 1, 3] {
            assert!(topics.subscribe(Slot(slot), "tea").is_ok());
        }
        assert_eq!(topics.subscribers("tea"), [Slot(1), Slot(3)]);
        topics.forget(Slot(3));
        assert_eq!(topics.subscribers("tea"), [Slot(1)]);
        assert_eq!(topics.subscribers("coffee"), []);
    }

    #[test]
    fn a_worker_has_a_limited_number_of_topics() {
        let mut topics = Topics::default();
        for number in 0..MOST {
            assert!(topics.subscribe(Slot(1), &number.to_string()).is_ok());
        }
        assert_eq!(topics.subscribe(Slot(1), "one more"), Err(Failure::Full));
        assert!(topics.subscribe(Slot(1), "7").is_ok());
    }
}
