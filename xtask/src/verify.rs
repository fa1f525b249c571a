//! `cargo xtask verify`: the workbook proves itself right.
//!
//! Stubs fail, solutions keep every promise, each mutant dies for its named reason, guides quote
//! code that is there, and the house is tidy. Every problem is one sentence that says what to do.

mod anchors;
mod arrows;
mod blocks;
mod findings;
mod guides;
mod hints;
mod mutants;
mod printed;
mod quotes;
mod solutions;
mod stubs;
mod subsequence;
mod tidy;
mod tours;
mod tree;

use clap::{ValueEnum, builder::PossibleValue};
use events::contract::Promise;

use self::findings::Findings;
use crate::{
    cargo::{BuildFailure, Target},
    contract::Contract,
    exit::{Failure, Outcome, Verdict},
    interrupt,
    subject::build,
    syllabus::{Exercise, Topic, exercises},
    workspace::Workspace,
};

/// A part of the checks, cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Tidy,
    Guides,
    Stubs,
    Solutions,
    Mutants,
    Tours,
}

impl ValueEnum for Part {
    fn value_variants<'a>() -> &'a [Self] {
        use Part::{Guides, Mutants, Solutions, Stubs, Tidy, Tours};
        &[Tidy, Guides, Stubs, Solutions, Mutants, Tours]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::Tidy => "tidy",
            Part::Guides => "guides",
            Part::Stubs => "stubs",
            Part::Solutions => "solutions",
            Part::Mutants => "mutants",
            Part::Tours => "tours",
        }
    }

    fn verify(
        self,
        workspace: &Workspace,
        is_thorough: bool,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        match self {
            Part::Tidy => tidy::verify(workspace, findings),
            Part::Guides => guides::verify(workspace, findings),
            Part::Stubs => stubs::verify(workspace, findings),
            Part::Solutions => solutions::verify(workspace, findings),
            Part::Mutants => mutants::verify(workspace, is_thorough, findings),
            Part::Tours => tours::verify(workspace, findings),
        }
    }
}

/// What is verified.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// One part of everything.
    pub(crate) only: Option<Part>,
    /// Whether a mutant is judged by the promises before the one that it names, too.
    pub(crate) is_thorough: bool,
}

/// Verifies everything, or one part.
pub(crate) fn verify(workspace: &Workspace, options: Options) -> Outcome {
    interrupt::guard(|| {})?;
    verify_unguarded(workspace, options)
}

/// The same for a command that guards itself against interrupts.
pub(crate) fn verify_unguarded(workspace: &Workspace, options: Options) -> Outcome {
    let mut findings = Findings::default();
    for part in Part::value_variants() {
        if options.only.is_none_or(|only| only == *part) {
            findings.begin(part.name());
            part.verify(workspace, options.is_thorough, &mut findings)?;
        }
    }
    Ok(Verdict::from_holds(findings.sum_up()))
}

/// An exercise with its contract, ready to judge.
struct Chapter {
    topic: &'static Topic,
    exercise: &'static Exercise,
    contract: Contract,
    promises: Vec<Promise>,
}

/// The exercises that are there, each with its contract built.
fn chapters(workspace: &Workspace) -> Result<Vec<Chapter>, Failure> {
    let there = exercises().filter(|(topic, _)| topic.has_exercise(workspace));
    there.map(|(topic, exercise)| chapter(workspace, topic, exercise)).collect()
}

fn chapter(
    workspace: &Workspace,
    topic: &'static Topic,
    exercise: &'static Exercise,
) -> Result<Chapter, Failure> {
    let target = Target::Test("contract".into());
    let targets = std::slice::from_ref(&target);
    let built = build(workspace, None, topic, targets).map_err(BuildFailure::into_failure)?;
    let contract = Contract { binary: built.executable(&target)?, workspace: workspace.clone() };
    Ok(Chapter { topic, exercise, promises: contract.catalogue()?, contract })
}
