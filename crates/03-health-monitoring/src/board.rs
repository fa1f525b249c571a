//! One alert for each change.
//!
//! A monitor that says every second what it said a second ago is switched off, and then it is not
//! heard when it has something to say.

use events::Event;

use crate::given::{News, Slot};

/// `slot`, which is number `number` and filled by the process `pid`, is like `news` now; `None` is
/// well. The alert, if that is a change.
pub fn change(slot: &mut Slot, number: u32, pid: Option<u32>, news: Option<News>) -> Option<Event> {
    let said = news.as_ref().map(|news| (news.level, news.condition));
    let before = std::mem::replace(&mut slot.said, said);
    if said == before {
        return None;
    }
    let News { level, condition, text } = news.or_else(|| before.map(News::resolved))?;
    Some(Event::Alert { worker: number, pid, level, condition, text })
}

#[cfg(test)]
mod tests {
    use events::{Condition, Level};

    use super::*;

    #[test]
    fn what_was_said_is_not_said_again_and_its_end_is_said_once() {
        let mut slot = Slot::default();
        let news = |level, condition| Some(News { level, condition, text: "text".to_owned() });
        let memory = |level| news(level, Condition::Memory);
        let mut says = |news| change(&mut slot, 1, Some(7), news).is_some();
        assert!(!says(None));
        assert!(says(memory(Level::Warning)) && !says(memory(Level::Warning)));
        assert!(says(memory(Level::Critical)) && !says(memory(Level::Critical)));
        assert!(says(news(Level::Critical, Condition::Heartbeat)));
        assert!(says(None) && !says(None));
    }
}
