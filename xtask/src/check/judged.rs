//! The judgement of a program, with a look at the machine before the program is blamed.

use events::contract::{Report, Status};

use crate::{exit::Failure, judge::Plan, machine};

/// Judges by `plan`, and calls `decided` for each promise in order. A machine that lacks something ends
/// it without a verdict.
pub(super) fn reports(
    plan: &Plan,
    mut decided: impl FnMut(usize, &Report),
) -> Result<Vec<Report>, Failure> {
    let mut machine = Ok(());
    let reports = plan.judge(|index, report| {
        if report.status == Status::Broken && machine.is_ok() {
            machine = machine::look();
        }
        if machine.is_ok() {
            decided(index, report);
        }
    });
    machine?;
    reports.map_err(machine::explain)
}
