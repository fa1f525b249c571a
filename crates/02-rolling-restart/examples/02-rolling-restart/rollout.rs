//! Which version every slot must run: the course of a roll, as a pure state machine.
//!
//! ```text
//!                Ask                       Fail, Back, Tick (too late)
//!   Steady ──────────────▶ Rolling ──────────────────────────────▶ RollingBack
//!      ▲                      │                                         │
//!      └────── Arrived ───────┴──────────────── Arrived ────────────────┘
//! ```
//! How to get there is the business of `plan`.

use std::time::{Duration, Instant};

use rolling_restart::Version;

use crate::plan::Goal;

/// Deaths of ready workers of a new version until it is given up. One may be bad luck.
pub(crate) const MAX_DEATHS: u32 = 2;

/// Where a cluster is on its way from version to version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rollout {
    /// The last version that was asked for, good or bad: no version number is tried twice.
    latest: Version,
    /// The version before the last roll that went well.
    previous: Option<Version>,
    phase: RolloutPhase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RolloutPhase {
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
pub(crate) enum RollInput {
    /// The operator wants the next version.
    Ask,
    /// The operator wants the version before this one.
    Back,
    /// A worker of this version was never ready, for this reason.
    Fail(Version, &'static str),
    /// A ready worker of this version died, and the primary had not told it to go.
    Died(Version),
    /// Time has passed; perhaps too much of it.
    Tick,
    /// Every slot runs the version that it must run.
    Arrived,
}

/// What the driver has to make known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RollAction {
    /// A roll begins.
    Begin {
        /// The version that every worker must run.
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
    /// Every slot must run `version`.
    pub(crate) fn steady(version: Version) -> Self {
        Rollout { latest: version, previous: None, phase: RolloutPhase::Steady { version } }
    }

    /// What comes next, and what there is to make known. A roll that begins may take `limit`.
    pub(crate) fn step(
        mut self,
        input: RollInput,
        now: Instant,
        limit: Duration,
    ) -> (Self, Option<RollAction>) {
        if input == RollInput::Ask && !self.is_moving() {
            // Also after a failure: a version number is never tried twice.
            self.latest = self.latest.next_minor();
        }
        let action;
        (self.phase, action) = match self.phase {
            RolloutPhase::Steady { version } => {
                let finish_by = now + limit;
                match input {
                    RollInput::Ask => begin(version, self.latest, finish_by),
                    RollInput::Back => match self.previous {
                        Some(previous) => begin(version, previous, finish_by),
                        None => (self.phase, None),
                    },
                    RollInput::Fail(..)
                    | RollInput::Died(_)
                    | RollInput::Tick
                    | RollInput::Arrived => (self.phase, None),
                }
            }
            RolloutPhase::Rolling(course) => {
                if input == RollInput::Arrived {
                    // Only a roll that went well leaves a version to go back to.
                    self.previous = Some(course.from);
                }
                course.step(input, now)
            }
            RolloutPhase::RollingBack { to, failed, again } => match input {
                RollInput::Ask => (RolloutPhase::RollingBack { to, failed, again: true }, None),
                RollInput::Back | RollInput::Fail(..) | RollInput::Died(_) | RollInput::Tick => {
                    (self.phase, None)
                }
                RollInput::Arrived => arrive(to, failed, again),
            },
        };
        (self, action)
    }

    /// What each of `slots` slots must run, and what it ran before.
    pub(crate) fn goal(self, slots: u32) -> Goal {
        match self.phase {
            RolloutPhase::Steady { version } | RolloutPhase::RollingBack { to: version, .. } => {
                Goal { slots, version, from: version }
            }
            RolloutPhase::Rolling(Course { from, to, .. }) => Goal { slots, version: to, from },
        }
    }

    /// When [`RollInput::Tick`] makes a difference.
    pub(crate) fn deadline(self) -> Option<Instant> {
        match self.phase {
            RolloutPhase::Rolling(course) => Some(course.finish_by),
            RolloutPhase::Steady { .. } | RolloutPhase::RollingBack { .. } => None,
        }
    }

    /// Whether it is on its way, or on its way back.
    pub(crate) fn is_moving(self) -> bool {
        !matches!(self.phase, RolloutPhase::Steady { .. })
    }
}

impl Course {
    fn step(self, input: RollInput, now: Instant) -> (RolloutPhase, Option<RollAction>) {
        let on = |course| (RolloutPhase::Rolling(course), None);
        match input {
            RollInput::Ask => on(Course { again: true, ..self }),
            RollInput::Back => self.abandon("an operator wants the version before it"),
            RollInput::Fail(version, reason) if version == self.to => self.abandon(reason),
            RollInput::Died(version) if version == self.to => {
                let deaths = self.deaths + 1;
                let is_bad_luck = deaths < MAX_DEATHS;
                if is_bad_luck {
                    on(Course { deaths, ..self })
                } else {
                    self.abandon("its workers keep dying")
                }
            }
            RollInput::Tick if now >= self.finish_by => self.abandon("the roll takes too long"),
            RollInput::Fail(..) | RollInput::Died(_) | RollInput::Tick => on(self),
            RollInput::Arrived => arrive(self.to, self.to, self.again),
        }
    }

    fn abandon(self, reason: &'static str) -> (RolloutPhase, Option<RollAction>) {
        let phase = RolloutPhase::RollingBack { to: self.from, failed: self.to, again: self.again };
        (phase, Some(RollAction::Abandon { back_to: self.from, reason }))
    }
}

fn begin(from: Version, to: Version, finish_by: Instant) -> (RolloutPhase, Option<RollAction>) {
    let course = Course { from, to, finish_by, deaths: 0, again: false };
    (RolloutPhase::Rolling(course), Some(RollAction::Begin { to }))
}

fn arrive(version: Version, asked_for: Version, again: bool) -> (RolloutPhase, Option<RollAction>) {
    (RolloutPhase::Steady { version }, Some(RollAction::Finish { to: asked_for, again }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    /// Feeds `inputs`, and returns the version that the slots then must run.
    fn course(inputs: &[RollInput]) -> (Rollout, Version, Option<RollAction>) {
        let now = Instant::now();
        let begin = (Rollout::steady(Version::FIRST), None);
        let (rollout, last) =
            inputs.iter().fold(begin, |(rollout, _), input| rollout.step(*input, now, LIMIT));
        (rollout, rollout.goal(4).version, last)
    }

    #[test]
    fn asked_once_it_rolls_to_the_next_minor_version_and_asked_again_to_the_one_after_it() {
        let (_, goal, last) =
            course(&[RollInput::Ask, RollInput::Ask, RollInput::Ask, RollInput::Arrived]);
        assert_eq!(goal, version("1.1.0"));
        assert_eq!(last, Some(RollAction::Finish { to: goal, again: true }));
        let (_, goal, _) =
            course(&[RollInput::Ask, RollInput::Arrived, RollInput::Ask, RollInput::Arrived]);
        assert_eq!(goal, version("1.2.0"));
    }

    #[test]
    fn a_way_back_that_fails_is_given_up_and_can_be_asked_for_again() {
        let good = [RollInput::Ask, RollInput::Arrived, RollInput::Back];
        let fail = RollInput::Fail(Version::FIRST, "it was not ready in time");
        let (_, goal, said) = course(&[&good[..], &[fail]].concat());
        assert_eq!(goal, version("1.1.0"));
        assert!(matches!(said, Some(RollAction::Abandon { back_to, .. }) if back_to == goal));
        let again = [fail, RollInput::Arrived, RollInput::Back];
        let (_, goal, said) = course(&[&good[..], &again].concat());
        assert_eq!((goal, said), (Version::FIRST, Some(RollAction::Begin { to: Version::FIRST })));
    }

    #[test]
    fn a_version_that_failed_is_not_tried_again() {
        let fail = RollInput::Fail(version("1.1.0"), "it was not ready in time");
        let (_, goal, _) = course(&[RollInput::Ask, fail]);
        assert_eq!(goal, Version::FIRST);
        let (_, goal, _) = course(&[RollInput::Ask, fail, RollInput::Arrived, RollInput::Ask]);
        assert_eq!(goal, version("1.2.0"));
    }

    #[test]
    fn one_death_is_bad_luck_and_two_are_a_bad_version() {
        let died = RollInput::Died(version("1.1.0"));
        let unrelated = RollInput::Died(Version::FIRST);
        let (_, goal, _) = course(&[RollInput::Ask, died, unrelated, unrelated]);
        assert_eq!(goal, version("1.1.0"));
        let (_, goal, _) = course(&[RollInput::Ask, died, died]);
        assert_eq!(goal, Version::FIRST);
    }

    #[test]
    fn the_way_back_leads_one_version_back_and_no_further() {
        let (_, goal, _) = course(&[RollInput::Ask, RollInput::Arrived, RollInput::Back]);
        assert_eq!(goal, Version::FIRST);
        let fail = RollInput::Fail(version("1.2.0"), "it was not ready in time");
        let (_, goal, _) = course(&[
            RollInput::Ask,
            RollInput::Arrived,
            RollInput::Ask,
            fail,
            RollInput::Arrived,
            RollInput::Back,
        ]);
        assert_eq!(goal, Version::FIRST, "a roll that failed doesn't count");
        let (_, goal, last) = course(&[RollInput::Back]);
        assert_eq!((goal, last), (Version::FIRST, None));
        let (_, goal, _) = course(&[RollInput::Ask, RollInput::Back]);
        assert_eq!(goal, Version::FIRST);
    }
}
