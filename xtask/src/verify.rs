//! `cargo xtask verify`: the workbook proves itself right.
//!
//! Stubs fail, solutions, examples and programs in other languages keep every promise, each mutant
//! dies for its named reason, guides quote code that is there and number the promises as `check`
//! does, each step of an exercise leads where its guide says, and the house is tidy. Every problem
//! is one sentence that says what to do.
//!
//! A judgement that fails while others run beside it is repeated alone before it is called a
//! problem. A busy machine can't make `verify` red that way, and the output counts how often it was
//! needed: a promise that needs it again and again is measured too tightly.

mod anchors;
mod arrows;
mod blocks;
mod chapter;
mod examples;
mod findings;
mod guides;
mod hints;
mod judging;
mod memory;
mod modules;
mod mutants;
mod numbers;
mod part;
mod printed;
mod programs;
mod quotes;
mod solutions;
mod steps;
mod stubs;
mod subsequence;
mod tidy;
mod tours;
mod tree;

use self::findings::Findings;
use self::part::Scope;
pub(crate) use self::part::{Options, Part};
use crate::{
    exit::{Failure, Outcome, Verdict},
    interrupt,
    workspace::Workspace,
};

/// Verifies everything, or what `options` ask for.
pub(crate) fn verify(workspace: &Workspace, options: &Options) -> Outcome {
    let scope = options.scope(workspace)?;
    interrupt::guard(|| {})?;
    verify_scope(workspace, scope)
}

/// Verifies everything, for a command that guards itself against interrupts.
pub(crate) fn verify_unguarded(workspace: &Workspace) -> Outcome {
    verify_scope(workspace, Scope::default())
}

fn verify_scope(workspace: &Workspace, scope: Scope) -> Outcome {
    let mut findings = Findings::default();
    for part in scope.parts() {
        findings.begin(part.name());
        run(part, workspace, scope, &mut findings)?;
    }
    Ok(Verdict::from_holds(findings.sum_up()))
}

fn run(
    part: Part,
    workspace: &Workspace,
    scope: Scope,
    findings: &mut Findings,
) -> Result<(), Failure> {
    match part {
        Part::Tidy => tidy::verify(workspace, findings),
        Part::Guides => guides::verify(workspace, findings),
        Part::Numbers => numbers::verify(workspace, findings),
        Part::Stubs => stubs::verify(workspace, scope, findings),
        Part::Solutions => solutions::verify(workspace, scope, findings),
        Part::Examples => examples::verify(workspace, scope, findings),
        Part::Steps => steps::verify(workspace, scope, findings),
        Part::Programs => programs::verify(workspace, scope, findings),
        Part::Mutants => mutants::verify(workspace, scope, findings),
        Part::Tours => tours::verify(workspace, scope, findings),
    }
}
