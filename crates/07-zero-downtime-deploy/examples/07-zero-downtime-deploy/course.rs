//! The course of one deploy, as a pure state machine: from the first share to the last slot, or back.
//!
//! ```text
//!              known         enough answers           until          rolled
//!   Starting ────────▶ Canary ─────────────▶ Keeping ───────▶ Promoting ──────▶ (promoted)
//!      │                │ ▲  next step          │                 │
//!      │                └─┘                     │                 │
//!      └───── worse, slower, a death, an operator: RollingBack ◀──┘────▶ (sent back)
//! ```
//! Either way it ends in the same order: a share of 0 that every stable worker knows, then the candidate's own
//! workers drain, then the log says so.

use std::time::{Duration, Instant};

use zero_downtime_deploy::{
    Answer, Config, Deploy, Did, Goal, Phase, Reached, Release, Seen, Version,
};

use crate::{
    looks::is_slow,
    score::{after, is_guilty},
};

/// What happens to a deploy.
pub(crate) enum Input<'a> {
    /// A request got this answer.
    Answer(&'a Answer),
    /// This is so by now.
    Reached(Reached, Instant),
    /// A worker of the candidate's version died, or was never ready.
    Died,
    /// An operator takes it back.
    TakenBack,
}

/// The rules of a verdict.
pub(crate) struct Rules {
    pub(crate) steps: Vec<u32>,
    pub(crate) step_answers: u32,
    pub(crate) worse: f64,
    pub(crate) doubt: f64,
    pub(crate) look_answers: usize,
    pub(crate) slower_by: Duration,
    pub(crate) slow_looks: u32,
    pub(crate) keep: Duration,
}

/// A deploy under way, and what it wants.
pub(crate) struct Course {
    pub(crate) deploy: Deploy,
    pub(crate) goal: Goal,
    /// What every slot runs if it is sent back.
    from: Version,
}

/// What one answer more leads to.
enum Verdict {
    Wait,
    Forward,
    Back(&'static str),
}

impl Rules {
    pub(crate) fn of(config: &Config) -> Self {
        Rules {
            steps: config.steps.clone(),
            step_answers: config.step_answers,
            worse: config.worse,
            doubt: config.doubt,
            look_answers: config.look_answers,
            slower_by: config.slower_by,
            slow_looks: config.slow_looks,
            keep: config.keep,
        }
    }

    fn verdict(&self, seen: &mut Seen, answer: &Answer) -> Verdict {
        // A second bad answer to the same client within a look says nothing new.
        if !seen.look.add(answer) {
            return Verdict::Wait;
        }
        seen.score = after(seen.score, answer, self.worse);
        if seen.look.is_full(self.look_answers) {
            let look = std::mem::take(&mut seen.look);
            seen.slow_looks = if is_slow(&look, self.slower_by) { seen.slow_looks + 1 } else { 0 };
        }
        if is_guilty(seen.score, self.doubt) {
            Verdict::Back("it has more errors than the version beside it")
        } else if seen.slow_looks >= self.slow_looks {
            Verdict::Back("it is slower than the version beside it")
        } else if seen.score.by_candidate >= self.step_answers {
            Verdict::Forward
        } else {
            Verdict::Wait
        }
    }
}

impl Course {
    /// Deploy `number` begins: `release` beside `from`.
    pub(crate) fn new(number: u64, release: Release, from: Version, rules: &Rules) -> Self {
        let share = rules.steps.first().copied().unwrap_or(100);
        let goal = Goal { version: from, candidate: Some(release.version), share };
        Course { deploy: Deploy::new(number, release, share), goal, from }
    }

    /// Steps it, and returns what the log must say.
    pub(crate) fn step(&mut self, input: &Input<'_>, rules: &Rules) -> Option<Did> {
        match input {
            Input::Answer(answer) => self.judge(answer, rules),
            Input::Reached(reached, now) => self.go_on(*reached, *now),
            Input::Died => self.send_back("one of its workers died"),
            Input::TakenBack => self.send_back("an operator took it back"),
        }
    }

    fn judge(&mut self, answer: &Answer, rules: &Rules) -> Option<Did> {
        match self.deploy.phase {
            Phase::Starting | Phase::Canary => {}
            Phase::Keeping(_) | Phase::Promoting | Phase::RollingBack => return None,
        }
        match rules.verdict(&mut self.deploy.seen, answer) {
            Verdict::Wait => None,
            Verdict::Forward => Some(Did::Step),
            Verdict::Back(reason) => self.send_back(reason),
        }
    }

    /// The step that [`Did::Step`] is written of is over: the next one begins with nothing seen.
    pub(crate) fn forward(&mut self, rules: &Rules, now: Instant) {
        match rules.steps.get(self.deploy.step + 1) {
            Some(share) => {
                self.deploy.step += 1;
                self.deploy.share = *share;
                self.deploy.seen = Seen::default();
                self.goal.share = *share;
            }
            None => self.deploy.phase = Phase::Keeping(now + rules.keep),
        }
    }

    fn go_on(&mut self, reached: Reached, now: Instant) -> Option<Did> {
        match self.deploy.phase {
            Phase::Starting if reached.share => self.deploy.phase = Phase::Canary,
            Phase::Keeping(until) if now >= until => {
                self.deploy.phase = Phase::Promoting;
                self.goal.version = self.deploy.release.version;
            }
            Phase::Promoting if reached.rolled => {
                return self.is_taken_away(reached).then_some(Did::Promoted);
            }
            Phase::RollingBack => {
                let is_over = self.is_taken_away(reached) && reached.rolled;
                return is_over.then_some(Did::SentBack);
            }
            Phase::Starting | Phase::Canary | Phase::Keeping(_) | Phase::Promoting => {}
        }
        None
    }

    /// One step on the way of the candidate's own workers: no request comes any more, no worker is wanted, none
    /// is left. A worker that drains before every stable one knows of it would be sent requests.
    fn is_taken_away(&mut self, reached: Reached) -> bool {
        if self.goal.share > 0 {
            self.goal.share = 0;
        } else if reached.share {
            self.goal.candidate = None;
        }
        reached.alone
    }

    fn send_back(&mut self, reason: &str) -> Option<Did> {
        if self.deploy.phase != Phase::RollingBack {
            self.deploy.phase = Phase::RollingBack;
            self.deploy.reason = Some(reason.to_owned());
            self.goal = Goal { version: self.from, share: 0, ..self.goal };
        }
        None
    }

    /// When time alone makes a difference.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.deploy.phase {
            Phase::Keeping(until) => Some(until),
            Phase::Starting | Phase::Canary | Phase::Promoting | Phase::RollingBack => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules {
            steps: vec![25, 50],
            step_answers: 40,
            worse: 4.0,
            doubt: 100.0,
            look_answers: 20,
            slower_by: Duration::from_millis(50),
            slow_looks: 3,
            keep: Duration::ZERO,
        }
    }

    fn course() -> Course {
        let next = Version::FIRST.next_minor();
        let mut course = Course::new(1, Release::plain(next), Version::FIRST, &rules());
        let known = Reached { share: true, alone: false, rolled: true };
        assert_eq!(course.step(&Input::Reached(known, Instant::now()), &rules()), None);
        assert_eq!(course.deploy.phase, Phase::Canary);
        course
    }

    /// Feeds good answers until something is to be written.
    fn answers(course: &mut Course, ms: u64, is_bad: bool) -> Option<Did> {
        (0..1000).find_map(|number| {
            let by_candidate = number % 2 == 0;
            let took = Duration::from_millis(if by_candidate { ms } else { 0 });
            let answer = Answer::new(by_candidate, is_bad && by_candidate, took);
            course.step(&Input::Answer(&answer), &rules())
        })
    }

    fn reached(course: &mut Course, share: bool, alone: bool, rolled: bool) -> Option<Did> {
        course.step(&Input::Reached(Reached { share, alone, rolled }, Instant::now()), &rules())
    }

    #[test]
    fn a_good_version_goes_through_all_steps_and_ends_with_its_own_workers_gone() {
        let mut course = course();
        for share in [50, 50] {
            assert_eq!(answers(&mut course, 0, false), Some(Did::Step));
            course.forward(&rules(), Instant::now());
            assert_eq!(course.goal.share, share);
        }
        assert_eq!(reached(&mut course, true, false, true), None);
        assert_eq!(course.goal.version, Version::FIRST.next_minor());
        assert_eq!(reached(&mut course, true, false, false), None);
        assert_eq!(course.goal.share, 50, "while the slots roll the share stays");
        assert_eq!(reached(&mut course, true, false, true), None);
        assert_eq!((course.goal.share, course.goal.candidate.is_some()), (0, true));
        assert_eq!(reached(&mut course, false, false, true), None);
        assert!(course.goal.candidate.is_some(), "not every stable worker knows it");
        assert_eq!(reached(&mut course, true, false, true), None);
        assert!(course.goal.candidate.is_none());
        assert_eq!(reached(&mut course, true, true, true), Some(Did::Promoted));
    }

    #[test]
    fn each_reason_leads_back_and_the_first_one_is_named() {
        for (ms, is_bad, reason) in [
            (0, true, "it has more errors than the version beside it"),
            (60, false, "it is slower than the version beside it"),
        ] {
            let mut course = course();
            let rules = Rules { step_answers: 100, ..rules() };
            for number in 0..200 {
                let by_candidate = number % 2 == 0;
                let took = Duration::from_millis(if by_candidate { ms } else { 0 });
                let answer = Answer::new(by_candidate, is_bad && by_candidate, took);
                let _ = course.step(&Input::Answer(&answer), &rules);
            }
            let _ = course.step(&Input::Died, &rules);
            assert_eq!(course.deploy.phase, Phase::RollingBack);
            assert_eq!(course.deploy.reason.as_deref(), Some(reason));
            assert_eq!((course.goal.share, course.goal.version), (0, Version::FIRST));
        }
    }

    #[test]
    fn a_death_in_the_promotion_takes_every_slot_back() {
        let mut course = course();
        course.deploy.phase = Phase::Promoting;
        course.goal.version = Version::FIRST.next_minor();
        let _ = course.step(&Input::Died, &rules());
        assert_eq!(course.goal.version, Version::FIRST);
        assert_eq!(reached(&mut course, true, false, false), None);
        assert_eq!(reached(&mut course, true, true, false), None, "a slot runs the bad version");
        assert_eq!(reached(&mut course, true, true, true), Some(Did::SentBack));
    }
}
