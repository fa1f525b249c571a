//! `cargo xtask` alone: where you are, what is next, how far.

use colored::Colorize;

use crate::{
    exit::Verdict,
    next::next_step,
    progress::Progress,
    syllabus::{COMPETENCIES, Competency, Exercise, exercises},
    terminal::{say, width},
    workspace::Workspace,
    wrap::{hang, pad},
};

/// Shows the learner their way through the workbook.
pub(crate) fn status(workspace: &Workspace) -> Verdict {
    let progress = Progress::load(workspace);
    say(format!("{}\n", "Cluster Intermediate: many processes, one service".bold()));
    say(where_you_are(workspace, &progress));
    let next = next_step(workspace, &progress);
    say(format!("  next   {}", next.command.bold()));
    say(hang("         ", &next.why, width()).dimmed().to_string());
    say("\n  At the end of this level, you can\n");
    for competency in &COMPETENCIES {
        say(line(workspace, &progress, competency));
    }
    say(how_far(workspace, &progress));
    Verdict::Kept
}

fn where_you_are(workspace: &Workspace, progress: &Progress) -> String {
    let current = exercises().find(|(topic, exercise)| {
        topic.has_exercise(workspace) && progress.current == Some(exercise.name())
    });
    let Some((topic, exercise)) = current else {
        return "  now    at the beginning".into();
    };
    let attempts = &progress.exercises[&exercise.name()];
    let how_far = if attempts.done {
        "done".green().to_string()
    } else {
        format!("{} of {} promises kept", attempts.kept.len(), attempts.needed)
    };
    let title = topic.title.to_lowercase();
    format!("  now    exercise {}, {title}: {how_far}", exercise.number)
}

fn line(workspace: &Workspace, progress: &Progress, competency: &Competency) -> String {
    let proofs: Vec<&Exercise> = exercises()
        .filter(|(_, exercise)| competency.exercises.contains(&exercise.number))
        .map(|(_, exercise)| exercise)
        .collect();
    let is_there = exercises()
        .filter(|(_, exercise)| competency.exercises.contains(&exercise.number))
        .all(|(topic, _)| topic.has_exercise(workspace));
    let is_proved = proofs.iter().all(|exercise| is_done(progress, exercise));
    let numbers: Vec<String> = proofs.iter().map(|e| e.number.to_string()).collect();
    let plural = if numbers.len() == 1 { "" } else { "s" };
    let proof = format!("exercise{plural} {}", numbers.join(", "));
    let name = pad(competency.name, 38);
    if is_proved {
        format!("  {} {name}{}", "✓".green(), proof.dimmed())
    } else if is_there {
        format!("  · {name}{}", proof.dimmed())
    } else {
        format!("  · {name}{proof}, coming").dimmed().to_string()
    }
}

fn how_far(workspace: &Workspace, progress: &Progress) -> String {
    let there = || exercises().filter(|(topic, _)| topic.has_exercise(workspace));
    let done = there().filter(|(_, exercise)| is_done(progress, exercise)).count();
    let open = there().filter(|(_, exercise)| !is_done(progress, exercise));
    let (least, most) = open.fold((0, 0), |(least, most), (_, exercise)| {
        (least + exercise.minutes.0, most + exercise.minutes.1)
    });
    let exercises = events::numbers::count(there().count(), "exercise");
    let left = match most {
        0 => String::new(),
        _ => format!("; about {least} to {most} min of building are left"),
    };
    let more = "`cargo xtask list` shows the topics.".dimmed();
    format!("\n  {done} of {exercises} done{left}.\n  {more}")
}

/// Whether the promises of `exercise` were all kept once.
pub(crate) fn is_done(progress: &Progress, exercise: &Exercise) -> bool {
    progress.exercises.get(&exercise.name()).is_some_and(|attempts| attempts.done)
}
