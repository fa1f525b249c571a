//! Each tour plays against its example, and what it promises holds.

use super::{Scope, findings::Findings};
use crate::{exit::Failure, interrupt, run::rehearse, syllabus::TOPICS, workspace::Workspace};

pub(super) fn verify(
    workspace: &Workspace,
    scope: Scope,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let there =
        TOPICS.iter().filter(|topic| topic.is_built(workspace) && topic.has_tour(workspace));
    for topic in there.filter(|topic| scope.includes(topic)) {
        let slug = topic.slug();
        findings.looking_at(&format!("playing the tour of {slug}"));
        let (holds, said) = rehearse(workspace, topic)?;
        interrupt::end_everything();
        let problem = format!("The tour of {slug} does not hold; it said: {}", said.trim());
        let problems = if holds { Vec::new() } else { vec![problem] };
        findings.add(&format!("the tour of {slug} holds"), &problems);
    }
    Ok(())
}
