//! Versions that fail on demand, so that a deploy can be broken: `FAULTS` in PROTOCOL.md.
//!
//! `FAULTS=1.1.0:slow-start:1500,1.2.0:never-ready` makes 1.1.0 slow to start and 1.2.0 useless.
//! `1.0.0/3:crash-after-ready:100` is about the worker in slot 3 alone.

use std::{env, str::FromStr, time::Duration};

use cluster_basics::config::ConfigError;

use events::Slot;

use crate::version::Version;

/// What is wrong with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It takes this long until it is ready.
    SlowStart(Duration),
    /// It starts, and never says that it is ready.
    NeverReady,
    /// It exits with code 1 at once.
    CrashAtStart,
    /// It exits with code 1, this long after it was ready.
    CrashAfterReady(Duration),
    /// It starts well, and its answers are at fault (chapter 07).
    Answers(AnswerFault),
}

/// What is wrong with the answers of a worker process, which it counts from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFault {
    /// Each answer whose number can be divided by this one has status 500.
    ErrorEach(u64),
    /// Each answer after this one has status 500.
    ErrorAfter(u64),
    /// Each answer takes this much longer.
    Slow(Duration),
    /// It exits with code 1 instead of this answer.
    CrashOn(u64),
}

/// Which workers have which fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<(Version, Option<Slot>, Fault)>);

impl Faults {
    /// Reads `FAULTS`.
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn from_env() -> Result<Self, ConfigError> {
        const WANTED: &str = "faults such as 1.1.0:never-ready,1.2.0:slow-start:1500 (PROTOCOL.md)";
        let Some(text) = env::var_os("FAULTS") else { return Ok(Faults::default()) };
        let text = text.to_string_lossy().into_owned();
        text.parse().map_err(|()| ConfigError::new("FAULTS", text, WANTED))
    }

    /// The fault of `version` in `slot`.
    #[must_use]
    pub fn of(&self, version: Version, slot: Slot) -> Option<Fault> {
        let is_meant = |(faulty, only, _): &&(Version, Option<Slot>, Fault)| {
            *faulty == version && only.is_none_or(|only| only == slot)
        };
        self.0.iter().find(is_meant).map(|(_, _, fault)| *fault)
    }
}

impl FromStr for Faults {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let faults = text.split(',').filter(|fault| !fault.is_empty());
        Ok(Faults(faults.map(|fault| parse(fault).ok_or(())).collect::<Result<_, _>>()?))
    }
}

fn parse(text: &str) -> Option<(Version, Option<Slot>, Fault)> {
    let mut parts = text.trim().split(':');
    let place = parts.next()?;
    let (version, slot) = match place.split_once('/') {
        Some((version, slot)) => (version, Some(slot.parse().ok()?)),
        None => (place, None),
    };
    let name = parts.next()?;
    let number = |part: Option<&str>| part?.parse::<u64>().ok();
    let from_one = |part: Option<&str>| number(part).filter(|number| *number > 0);
    let millis = |part: Option<&str>| number(part).map(Duration::from_millis);
    let fault = match name {
        "slow-start" => Fault::SlowStart(millis(parts.next())?),
        "never-ready" => Fault::NeverReady,
        "crash-at-start" => Fault::CrashAtStart,
        "crash-after-ready" => Fault::CrashAfterReady(millis(parts.next())?),
        "errors" => Fault::Answers(AnswerFault::ErrorEach(from_one(parts.next())?)),
        "errors-after" => Fault::Answers(AnswerFault::ErrorAfter(number(parts.next())?)),
        "slow" => Fault::Answers(AnswerFault::Slow(millis(parts.next())?)),
        "crash-on" => Fault::Answers(AnswerFault::CrashOn(from_one(parts.next())?)),
        _ => return None,
    };
    parts.next().is_none().then_some((version.parse().ok()?, slot, fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_answers_have_a_number() {
        let faults: Faults =
            "1.1.0:errors:10,1.2.0:errors-after:0,1.3.0:slow:600,1.4.0:crash-on:5".parse().unwrap();
        let of = |text: &str| faults.of(text.parse().unwrap(), Slot(5));
        assert_eq!(of("1.1.0"), Some(Fault::Answers(AnswerFault::ErrorEach(10))));
        assert_eq!(of("1.2.0"), Some(Fault::Answers(AnswerFault::ErrorAfter(0))));
        let slow = AnswerFault::Slow(Duration::from_millis(600));
        assert_eq!(of("1.3.0"), Some(Fault::Answers(slow)));
        assert_eq!(of("1.4.0"), Some(Fault::Answers(AnswerFault::CrashOn(5))));
        for text in ["1.1.0:errors", "1.1.0:errors:0", "1.1.0:crash-on:0", "1.1.0:slow:x"] {
            assert!(text.parse::<Faults>().is_err(), "{text}");
        }
    }

    #[test]
    fn faults_are_found_by_version_and_slot_and_nonsense_is_refused() {
        let faults: Faults = "1.1.0:slow-start:1500,1.0.0/3:crash-after-ready:100".parse().unwrap();
        let version = |text: &str| text.parse().unwrap();
        let slow = Fault::SlowStart(Duration::from_millis(1500));
        assert_eq!(faults.of(version("1.1.0"), Slot(2)), Some(slow));
        assert_eq!(faults.of(version("1.0.0"), Slot(2)), None);
        assert!(faults.of(version("1.0.0"), Slot(3)).is_some());
        for text in
            ["1.1.0", "1.1.0:tea", "1.1.0:slow-start", "1.1:never-ready", "1.1.0:never-ready:5"]
        {
            assert!(text.parse::<Faults>().is_err(), "{text}");
        }
    }
}
