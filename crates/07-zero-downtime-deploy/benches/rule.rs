//! How often a rule sends a good version back, and how often it finds a bad one, over thousands of deploys
//! that are drawn at random: `cargo bench -q -p zero-downtime-deploy --bench rule`.
//!
//! Nothing is started and nothing is timed: an answer is bad with the probability that its version has. The
//! random numbers are the same in each run, so the figures are, too.

#[expect(dead_code, unused_imports, reason = "its tests need them, and run with the example")]
#[path = "../examples/07-zero-downtime-deploy/score.rs"]
mod score;

use std::time::Duration;

use zero_downtime_deploy::{Answer, Score};

const DEPLOYS: u32 = 6000;
/// The shares of the three steps, in percent.
const STEPS: [f64; 3] = [5.0, 25.0, 50.0];
/// Answers of the new version in a step.
const ANSWERS: u32 = 200;
const WORSE: f64 = 4.0;

/// When a version is sent back. A rule is asked after each answer of the new version.
#[derive(Clone, Copy)]
enum Rule {
    /// The workbook's, with its `DOUBT`.
    Score(f64),
    /// A z test of two rates, one-sided with 5 %, at the end of the step.
    TestAtEnd,
    /// The same test after every 10 answers.
    TestAgain,
    /// The same with 3 standard deviations.
    TestStrictly,
    /// A rate of 2 points above the old version's; every 10 answers.
    TwoPoints,
    /// A rate of 5 %; every 10 answers.
    FivePercent,
}

/// What was answered in one step.
#[derive(Clone, Copy, Default)]
struct Tally {
    new: u32,
    new_bad: u32,
    old: u32,
    old_bad: u32,
}

/// How often each version fails, in percent.
#[derive(Clone, Copy)]
struct Failing {
    old: f64,
    new: f64,
}

/// What became of a deploy, or of a step.
struct Outcome {
    is_sent_back: bool,
    /// Bad answers of the new version.
    bad: u32,
}

fn main() {
    good_versions();
    peeking();
    bad_versions();
}

fn good_versions() {
    println!("Good versions that are sent back: the new version fails as often as the old one");
    println!("{DEPLOYS} deploys, three steps of 5, 25 and 50 % with {ANSWERS} answers each\n");
    println!("               score,    score,   z test,   z test,  3 sigma,       +2     over");
    println!("  both fail  DOUBT 100   1000     at end   each 10  each 10    points      5 %");
    for percent in [0.1, 1.0, 5.0] {
        let rules = [
            Rule::Score(100.0),
            Rule::Score(1000.0),
            Rule::TestAtEnd,
            Rule::TestAgain,
            Rule::TestStrictly,
            Rule::TwoPoints,
            Rule::FivePercent,
        ];
        let failing = Failing { old: percent, new: percent };
        let back = rules.map(|rule| format!(" {:>6.2} %", sent_back(rule, failing, ANSWERS)));
        println!("  {percent:>7.1} %{}", back.concat());
    }
}

fn peeking() {
    println!("\nThe longer one looks: good versions that are sent back");
    println!("1000 deploys, one step of 10 %, both versions fail 1 %\n");
    println!("  answers   score, DOUBT 100   z test, each 10   3 sigma, each 10");
    for answers in [100, 1000, 5000] {
        let back = [Rule::Score(100.0), Rule::TestAgain, Rule::TestStrictly].map(|rule| {
            let mut dice = Dice::default();
            let failing = Failing { old: 1.0, new: 1.0 };
            let deploys = (0..1000).map(|_| step(rule, 10.0, failing, answers, &mut dice));
            percent(deploys.filter(|outcome| outcome.is_sent_back).count(), 1000)
        });
        println!("  {answers:>7} {:>16.1} % {:>15.1} % {:>16.1} %", back[0], back[1], back[2]);
    }
}

fn bad_versions() {
    println!("\nBad versions that are found: the old version fails 1 %");
    println!("{DEPLOYS} deploys, three steps of 5, 25 and 50 %\n");
    println!("                        sent back      found, if the new    bad answers of one");
    println!("  DOUBT  answers a step for nothing    one fails 2 3 5 10 %  with 10 %: p50 p99");
    for (doubt, answers) in [(1000.0, 200), (100.0, 200), (100.0, 500), (10.0, 200)] {
        let rule = Rule::Score(doubt);
        let rate = |new| sent_back(rule, Failing { old: 1.0, new }, answers);
        let found = [2.0, 3.0, 5.0, 10.0].map(|new| format!(" {:>3.0}", rate(new)));
        let mut dice = Dice::default();
        let failing = Failing { old: 1.0, new: 10.0 };
        let mut bad: Vec<u32> =
            (0..DEPLOYS).map(|_| deploy(rule, failing, answers, &mut dice).bad).collect();
        bad.sort_unstable();
        let at = |share: usize| bad[bad.len() * share / 100];
        let (nothing, found) = (rate(1.0), found.concat());
        let (half, most) = (at(50), at(99));
        println!("  {doubt:>5} {answers:>9} {nothing:>16.2} %   {found} %   {half:>14} {most:>3}");
    }
}

/// The share of deploys that are sent back, in percent.
fn sent_back(rule: Rule, failing: Failing, answers: u32) -> f64 {
    let mut dice = Dice::default();
    let deploys = (0..DEPLOYS).map(|_| deploy(rule, failing, answers, &mut dice));
    percent(deploys.filter(|outcome| outcome.is_sent_back).count(), DEPLOYS)
}

fn percent(count: usize, of: u32) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) * 100.0 / f64::from(of)
}

fn deploy(rule: Rule, failing: Failing, answers: u32, dice: &mut Dice) -> Outcome {
    let mut bad = 0;
    for share in STEPS {
        let outcome = step(rule, share, failing, answers, dice);
        bad += outcome.bad;
        if outcome.is_sent_back {
            return Outcome { is_sent_back: true, bad };
        }
    }
    Outcome { is_sent_back: false, bad }
}

/// One step: every request in turn, until the rule says "back" or the new version has given its answers.
fn step(rule: Rule, share: f64, failing: Failing, answers: u32, dice: &mut Dice) -> Outcome {
    let (mut tally, mut score) = (Tally::default(), Score::default());
    while tally.new < answers {
        let is_new = dice.falls(share);
        let is_bad = dice.falls(if is_new { failing.new } else { failing.old });
        tally.count(is_new, is_bad);
        score = score::after(score, &Answer::new(is_new, is_bad, Duration::ZERO), WORSE);
        if is_new && rule.sends_back(tally, score, answers) {
            return Outcome { is_sent_back: true, bad: tally.new_bad };
        }
    }
    Outcome { is_sent_back: false, bad: tally.new_bad }
}

impl Rule {
    fn sends_back(self, tally: Tally, score: Score, answers: u32) -> bool {
        let is_look = tally.new >= 20 && tally.new.is_multiple_of(10);
        match self {
            Rule::Score(doubt) => score::is_guilty(score, doubt),
            Rule::TestAtEnd => tally.new == answers && tally.deviations() > 1.645,
            Rule::TestAgain => is_look && tally.deviations() > 1.645,
            Rule::TestStrictly => is_look && tally.deviations() > 3.0,
            Rule::TwoPoints => is_look && tally.new_rate() > tally.old_rate() + 0.02,
            Rule::FivePercent => is_look && tally.new_rate() > 0.05,
        }
    }
}

impl Tally {
    fn count(&mut self, is_new: bool, is_bad: bool) {
        let (answers, bad) = if is_new {
            (&mut self.new, &mut self.new_bad)
        } else {
            (&mut self.old, &mut self.old_bad)
        };
        *answers += 1;
        *bad += u32::from(is_bad);
    }

    fn new_rate(self) -> f64 {
        f64::from(self.new_bad) / f64::from(self.new.max(1))
    }

    fn old_rate(self) -> f64 {
        f64::from(self.old_bad) / f64::from(self.old.max(1))
    }

    /// How many standard deviations the new version's rate is above the old one's.
    fn deviations(self) -> f64 {
        let (new, old) = (f64::from(self.new.max(1)), f64::from(self.old.max(1)));
        let rate = f64::from(self.new_bad + self.old_bad) / (new + old);
        let deviation = (rate * (1.0 - rate) * (1.0 / new + 1.0 / old)).sqrt();
        if deviation > 0.0 { (self.new_rate() - self.old_rate()) / deviation } else { 0.0 }
    }
}

/// Numbers that look random, the same in each run (`SplitMix64`).
struct Dice(u64);

impl Default for Dice {
    fn default() -> Self {
        Dice(7)
    }
}

impl Dice {
    /// Whether what happens in `percent` of all cases happens now.
    fn falls(&mut self, percent: f64) -> bool {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let uniform = f64::from((mixed >> 32) as u32) / f64::from(u32::MAX);
        uniform * 100.0 < percent
    }
}
