//! `cargo xtask reset`: the stub back, and the learner's work kept aside. Nothing is ever lost.

use std::{
    fs, io,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use colored::Colorize;

use crate::{
    exit::{Failure, Outcome, Verdict},
    names,
    progress::Progress,
    syllabus::{Exercise, Topic},
    terminal::say,
    workspace::Workspace,
};

/// Gives the stub back.
pub(crate) fn reset(workspace: &Workspace, name: &str) -> Outcome {
    let (topic, exercise) = names::exercise(workspace, name)?;
    let stub = workspace.read(stub_file(topic))?;
    let file = exercise.file();
    let work = match fs::read(workspace.at(&file)) {
        Ok(work) => Some(work),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            let sentence = format!("{file} can't be read ({error}), so nothing was reset.");
            return Err(Failure::Environment(sentence));
        }
    };
    if work.as_deref() == Some(stub.as_bytes()) {
        say(format!("{file} is as it was in the beginning; there is nothing to reset."));
        return Ok(Verdict::Kept);
    }
    // Bytes, not text: work in another encoding is kept as well.
    let kept = work.map(|work| keep(workspace, exercise, &work)).transpose()?;
    workspace.replace(&file, stub.as_bytes())?;
    Progress::begins_anew(workspace, &exercise.name());
    match kept {
        Some(kept) => {
            say(format!("{file} is the stub again. Your work is kept in\n{kept}."));
            say(format!("back  {}", format!("cp {kept} {file}").bold()));
        }
        None => say(format!("{file} is back, as it was in the beginning.")),
    }
    Ok(Verdict::Kept)
}

/// `crates/01-graceful-shutdown/stub.rs`: what the learner begins with.
pub(crate) fn stub_file(topic: &Topic) -> String {
    topic.stub()
}

/// Writes `work` where nothing was before, and answers where.
fn keep(workspace: &Workspace, exercise: &Exercise, work: &[u8]) -> Result<String, Failure> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let stamp = timestamp(since_1970.as_secs());
    let path = |suffix: &str| format!("exercises/kept/{}.{stamp}{suffix}.rs", exercise.name());
    let numbered = (2..).map(|n| path(&format!("-{n}")));
    let mut names = std::iter::once(path("")).chain(numbered);
    let kept = names.find(|name| !workspace.has(name)).context("there is no free name")?;
    workspace.replace(&kept, work)?;
    Ok(kept)
}

/// `20260131-235959` in UTC, from seconds since 1970 (Howard Hinnant's `civil_from_days`).
fn timestamp(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_a_date_and_a_time() {
        assert_eq!(timestamp(0), "19700101-000000");
        assert_eq!(timestamp(951_782_400), "20000229-000000");
        assert_eq!(timestamp(1_798_761_599), "20261231-235959");
    }
}
