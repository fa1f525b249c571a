//! Which version every slot shall run: the course of a roll, as a pure state machine.
//!
//! ```text
//!                Ask                       Fail, Back, Tick (too late)
//!   Steady ──────────────▶ Rolling ──────────────────────────────▶ RollingBack
//!      ▲                      │                                         │
//!      └────── Arrived ───────┴──────────────── Arrived ────────────────┘
//! ```
//! How to get there is no business of this file: see [`crate::plan`].

use std::time::{Duration, Instant};

use crate::{given::Version, plan::Goal};

/// Deaths of ready workers of a new version until it is given up. One may be bad luck.
pub const MAX_DEATHS: u32 = 2;

/// Where a cluster is on its way from version to version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// The last version that was asked for, good or bad: no version number is tried twice.
    latest: Version,
    /// The version before the last roll that went well.
    previous: Option<Version>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Steady { version: Version },
    Rolling(Course),
    RollingBack { to: Version, failed: Version, again: bool },
}

/// A roll under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Course {
    from: Version,
    to: Version,
    finish_by: Instant,
    /// Ready workers of `to` that died.
    deaths: u32,
    /// Whether it was asked for once more meanwhile.
    again: bool,
}

/// What happens to a roll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Somebody wants the next version.
    Ask,
    /// Somebody wants the version before this one.
    Back,
    /// A worker of this version was never ready, for this reason.
    Fail(Version, &'static str),
    /// A ready worker of this version died, and nobody had told it to go.
    Died(Version),
    /// Time has passed; perhaps too much of it.
    Tick,
    /// Every slot runs the version that it shall run.
    Arrived,
}

/// What the driver has to make known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A roll begins.
    Begin {
        /// The version that runs.
        from: Version,
        /// The version that shall run.
        to: Version,
    },
    /// It is given up, for this reason.
    Abandon {
        /// The version that runs again in the end.
        back_to: Version,
        /// Why.
        reason: &'static str,
    },
    /// It is over.
    Finish {
        /// The version that was asked for, whether every slot runs it or not.
        to: Version,
        /// Whether the next one is to begin.
        again: bool,
    },
}

impl Rollout {
    /// Every slot shall run `version`.
    #[must_use]
    pub fn steady(version: Version) -> Self {
        Rollout { latest: version, previous: None, phase: Phase::Steady { version } }
    }

    /// What comes next, and what there is to make known. A roll that begins may take `limit`.
    #[must_use]
    pub fn step(mut self, input: Input, now: Instant, limit: Duration) -> (Self, Option<Action>) {
        if input == Input::Ask && !self.is_moving() {
            self.latest = self.latest.next_minor();
        }
        let action;
        (self.phase, action) = match self.phase {
            Phase::Steady { version } => {
                let finish_by = now + limit;
                match input {
                    Input::Ask => begin(version, self.latest, finish_by),
                    Input::Back => match self.previous {
                        Some(previous) => begin(version, previous, finish_by),
                        None => (self.phase, None),
                    },
                    Input::Fail(..) | Input::Died(_) | Input::Tick | Input::Arrived => {
                        (self.phase, None)
                    }
                }
            }
            Phase::Rolling(course) => {
                if input == Input::Arrived {
                    self.previous = Some(course.from);
                }
                course.step(input, now)
            }
            Phase::RollingBack { to, failed, again } => match input {
                Input::Ask => (Phase::RollingBack { to, failed, again: true }, None),
                Input::Back | Input::Fail(..) | Input::Died(_) | Input::Tick => (self.phase, None),
                Input::Arrived => arrive(to, failed, again),
            },
        };
        (self, action)
    }

    /// What each of so many slots shall run, and what it ran before.
    #[must_use]
    pub fn goal(self, slots: u32) -> Goal {
        match self.phase {
            Phase::Steady { version } | Phase::RollingBack { to: version, .. } => {
                Goal { slots, version, from: version }
            }
            Phase::Rolling(Course { from, to, .. }) => Goal { slots, version: to, from },
        }
    }

    /// When [`Input::Tick`] makes a difference.
    #[must_use]
    pub fn deadline(self) -> Option<Instant> {
        match self.phase {
            Phase::Rolling(course) => Some(course.finish_by),
            Phase::Steady { .. } | Phase::RollingBack { .. } => None,
        }
    }

    /// Whether it is on its way, or on its way back.
    #[must_use]
    pub fn is_moving(self) -> bool {
        !matches!(self.phase, Phase::Steady { .. })
    }
}

impl Course {
    fn step(self, input: Input, now: Instant) -> (Phase, Option<Action>) {
        let on = |course| (Phase::Rolling(course), None);
        match input {
            Input::Ask => on(Course { again: true, ..self }),
            Input::Back => self.abandon("somebody wants the version before it"),
            Input::Fail(version, reason) if version == self.to => self.abandon(reason),
            Input::Died(version) if version == self.to => {
                let deaths = self.deaths + 1;
                let is_bad_luck = deaths < MAX_DEATHS;
                if is_bad_luck {
                    on(Course { deaths, ..self })
                } else {
                    self.abandon("its workers keep dying")
                }
            }
            Input::Tick if now >= self.finish_by => self.abandon("the roll takes too long"),
            Input::Fail(..) | Input::Died(_) | Input::Tick => on(self),
            Input::Arrived => arrive(self.to, self.to, self.again),
        }
    }

    fn abandon(self, reason: &'static str) -> (Phase, Option<Action>) {
        let phase = Phase::RollingBack { to: self.from, failed: self.to, again: self.again };
        (phase, Some(Action::Abandon { back_to: self.from, reason }))
    }
}

fn begin(from: Version, to: Version, finish_by: Instant) -> (Phase, Option<Action>) {
    let course = Course { from, to, finish_by, deaths: 0, again: false };
    (Phase::Rolling(course), Some(Action::Begin { from, to }))
}

fn arrive(version: Version, asked_for: Version, again: bool) -> (Phase, Option<Action>) {
    (Phase::Steady { version }, Some(Action::Finish { to: asked_for, again }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    /// Feeds `inputs`, and answers with the version that the slots then shall run.
    fn course(inputs: &[Input]) -> (Rollout, Version, Option<Action>) {
        let now = Instant::now();
        let begin = (Rollout::steady(Version::FIRST), None);
        let (rollout, last) =
            inputs.iter().fold(begin, |(rollout, _), input| rollout.step(*input, now, LIMIT));
        (rollout, rollout.goal(4).version, last)
    }

    #[test]
    fn asked_once_it_rolls_to_the_next_minor_version_and_asked_again_to_the_one_after_it() {
        let (_, goal, last) = course(&[Input::Ask, Input::Ask, Input::Ask, Input::Arrived]);
        assert_eq!(goal, version("1.1.0"));
        assert_eq!(last, Some(Action::Finish { to: goal, again: true }));
        let (_, goal, _) = course(&[Input::Ask, Input::Arrived, Input::Ask, Input::Arrived]);
        assert_eq!(goal, version("1.2.0"));
    }

    #[test]
    fn a_version_that_failed_is_not_tried_again() {
        let fail = Input::Fail(version("1.1.0"), "it was not ready in time");
        let (_, goal, _) = course(&[Input::Ask, fail]);
        assert_eq!(goal, Version::FIRST);
        let (_, goal, _) = course(&[Input::Ask, fail, Input::Arrived, Input::Ask]);
        assert_eq!(goal, version("1.2.0"));
    }

    #[test]
    fn one_death_is_bad_luck_and_two_are_a_bad_version() {
        let died = Input::Died(version("1.1.0"));
        let unrelated = Input::Died(Version::FIRST);
        let (_, goal, _) = course(&[Input::Ask, died, unrelated, unrelated]);
        assert_eq!(goal, version("1.1.0"));
        let (_, goal, _) = course(&[Input::Ask, died, died]);
        assert_eq!(goal, Version::FIRST);
    }

    #[test]
    fn the_way_back_leads_one_version_back_and_no_further() {
        let (_, goal, _) = course(&[Input::Ask, Input::Arrived, Input::Back]);
        assert_eq!(goal, Version::FIRST);
        let fail = Input::Fail(version("1.2.0"), "it was not ready in time");
        let (_, goal, _) =
            course(&[Input::Ask, Input::Arrived, Input::Ask, fail, Input::Arrived, Input::Back]);
        assert_eq!(goal, Version::FIRST, "a roll that failed is none");
        let (_, goal, last) = course(&[Input::Back]);
        assert_eq!((goal, last), (Version::FIRST, None));
        let (_, goal, _) = course(&[Input::Ask, Input::Back]);
        assert_eq!(goal, Version::FIRST);
    }
}
