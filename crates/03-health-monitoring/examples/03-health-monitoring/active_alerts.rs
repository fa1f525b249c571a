//! One alert for each change.
//!
//! Operators switch off a monitor that repeats every second what it said a second ago, and then it is
//! not heard when it has something to say.

use health_monitoring::{Alert, Finding, Pid, Slot, SlotRecord};

/// The last check of `slot`, with the process `pid` in it, found `finding`; `None` is well. Returns the
/// alert, if that is a change.
pub(crate) fn update(
    record: &mut SlotRecord,
    slot: Slot,
    pid: Option<Pid>,
    finding: Option<Finding>,
) -> Option<Alert> {
    let active = finding.as_ref().map(|finding| (finding.level, finding.condition));
    let before = std::mem::replace(&mut record.alert, active);
    if active == before {
        return None;
    }
    let finding = finding.or_else(|| before.map(Finding::resolved))?;
    let Finding { level, condition, text } = finding;
    Some(Alert { slot, pid, level, condition, text })
}

#[cfg(test)]
mod tests {
    use health_monitoring::{Condition, Level};

    use super::*;

    #[test]
    fn an_alert_is_not_repeated_and_its_end_is_said_once() {
        let mut record = SlotRecord::default();
        let found = |level, condition| Some(Finding { level, condition, text: "text".to_owned() });
        let memory = |level| found(level, Condition::Memory);
        let mut says = |finding| update(&mut record, Slot(1), Some(Pid(7)), finding).is_some();
        assert!(!says(None));
        assert!(says(memory(Level::Warning)) && !says(memory(Level::Warning)));
        assert!(says(memory(Level::Critical)) && !says(memory(Level::Critical)));
        assert!(says(found(Level::Critical, Condition::Heartbeat)));
        assert!(says(None) && !says(None));
    }
}
