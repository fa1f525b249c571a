//! An exercise with its contract, ready to judge programs.

use events::contract::Promise;

use crate::{
    cargo::{BuildFailure, Target},
    contract::Contract,
    exit::Failure,
    judge::Plan,
    subject::build,
    syllabus::{Exercise, Topic, exercises},
    workspace::Workspace,
};

/// An exercise with its contract.
pub(super) struct Chapter {
    pub(super) topic: &'static Topic,
    pub(super) exercise: &'static Exercise,
    pub(super) contract: Contract,
    pub(super) promises: Vec<Promise>,
}

/// The exercises of the topics that `is_wanted`, each with its contract built.
pub(super) fn chapters(
    workspace: &Workspace,
    is_wanted: impl Fn(&Topic) -> bool,
) -> Result<Vec<Chapter>, Failure> {
    let there = exercises().filter(|(topic, _)| topic.has_exercise(workspace) && is_wanted(topic));
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
    let contract = Contract {
        binary: built.executable(&target)?,
        workspace: workspace.clone(),
        env: String::new(),
    };
    Ok(Chapter { topic, exercise, promises: contract.catalogue()?, contract })
}

impl Chapter {
    /// The plan to judge the program that `subject` starts by all promises.
    pub(super) fn plan<'a>(&'a self, subject: &'a str) -> Plan<'a> {
        Plan {
            contract: &self.contract,
            promises: &self.promises,
            subject,
            only: None,
            keep_going: false,
            doubts: true,
            hopeless: &[],
        }
    }
}
