//! One alert for each change.
//!
//! A monitor that says every second what it said a second ago is switched off, and then it is not
//! heard when it has something to say.

use std::collections::BTreeMap;

use events::{Condition, Event, Level};

/// What was said last about each slot.
#[derive(Clone, Debug, Default)]
pub struct Board(BTreeMap<u32, (Level, Condition)>);

/// Something to say about a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// How bad it is.
    pub level: Level,
    /// What is the matter.
    pub condition: Condition,
    /// The same in words.
    pub text: String,
}

impl Board {
    /// How `slot`, filled by the process `pid`, is now; `None` is well. The alert, if that is news.
    pub fn change(&mut self, slot: u32, pid: Option<u32>, news: Option<News>) -> Option<Event> {
        let before = self.get(slot);
        let said = news.as_ref().map(|news| (news.level, news.condition));
        if said == before {
            return None;
        }
        let news = match (news, before) {
            (Some(news), _) => {
                self.0.insert(slot, (news.level, news.condition));
                news
            }
            (None, before) => {
                self.0.remove(&slot);
                let (_, condition) = before?;
                News { level: Level::Resolved, condition, text: "well again".to_owned() }
            }
        };
        let News { level, condition, text } = news;
        Some(Event::Alert { worker: slot, pid, level, condition, text })
    }

    /// What was said last about `slot`, unless it is well.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<(Level, Condition)> {
        self.0.get(&slot).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_not_said_again_and_its_end_is_said_once() {
        let mut board = Board::default();
        let news = |level, condition| Some(News { level, condition, text: "text".to_owned() });
        let memory = |level| news(level, Condition::Memory);
        assert_eq!(board.change(1, None, None), None);
        let mut says = |news| board.change(1, Some(7), news).is_some();
        assert!(says(memory(Level::Warning)) && !says(memory(Level::Warning)));
        assert!(says(memory(Level::Critical)) && !says(memory(Level::Critical)));
        assert!(says(news(Level::Critical, Condition::Heartbeat)));
        assert!(says(None) && !says(None));
    }
}
