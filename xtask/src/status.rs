//! `cargo xtask` alone: where you are, what is next, how far.

use colored::Colorize;

use crate::{
    exit::Verdict,
    next::next_step,
    progress::{Attempts, Progress},
    syllabus::{COMPETENCIES, Competency, Exercise, exercises},
    terminal::{say, width},
    workspace::Workspace,
    wrap::{hang, pad, visible_width, wrap},
};

/// Shows the learner their way through the workbook.
pub(crate) fn status(workspace: &Workspace) -> Verdict {
    let progress = Progress::load(workspace);
    let title = wrap("Cluster Intermediate: many processes, one service", width()).join("\n");
    say(format!("{}\n", title.bold()));
    say(where_you_are(workspace, &progress));
    let next = next_step(workspace, &progress);
    say(format!("  next   {}", next.command.bold()));
    say(hang("         ", &next.why, width()).dimmed().to_string());
    say(format!("\n{}\n", hang("  ", "At the end of this level, you can", width())));
    for competency in &COMPETENCIES {
        say(line(workspace, &progress, competency));
    }
    say(tally(workspace, &progress));
    Verdict::Kept
}

fn where_you_are(workspace: &Workspace, progress: &Progress) -> String {
    let current = exercises().find(|(topic, exercise)| {
        topic.has_exercise(workspace) && progress.current == Some(exercise.name())
    });
    let Some((topic, exercise)) = current else {
        return "  now    at the beginning".into();
    };
    let Some(attempts) = progress.exercises.get(&exercise.name()) else {
        return "  now    at the beginning".into();
    };
    let how_far = how_far(attempts);
    let title = topic.title.to_lowercase();
    hang("  now    ", &format!("exercise {}, {title}: {how_far}", exercise.number), width())
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
    let coming = if is_there { "" } else { ", coming" };
    let proof = format!("{proof}{coming}");
    let mark = if is_proved { "✓".green().to_string() } else { "·".into() };
    let beside = format!("  {mark} {}", pad(competency.name, 38));
    let line = if visible_width(&beside) + proof.len() <= width() {
        format!("{beside}{}", proof.dimmed())
    } else {
        let text = format!("{} ({proof})", competency.name);
        hang(&format!("  {mark} "), &text, width())
    };
    if is_there { line } else { line.dimmed().to_string() }
}

/// How far an exercise is. It may have been done once, and be broken or begun anew since.
pub(crate) fn how_far(attempts: &Attempts) -> String {
    let once = if attempts.done { "done once; " } else { "" };
    match attempts {
        _ if attempts.is_done_now() => "done".green().to_string(),
        Attempts { checks: 0, done: true, .. } => "done once; begun anew".into(),
        // Only a hint was asked for.
        Attempts { checks: 0, .. } => "not begun".into(),
        _ => format!("{once}{} of {} promises kept", attempts.kept.len(), attempts.needed),
    }
}

fn tally(workspace: &Workspace, progress: &Progress) -> String {
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
    let more = hang("  ", "`cargo xtask list` shows the topics.", width()).dimmed().to_string();
    let tally = hang("  ", &format!("{done} of {exercises} done{left}."), width());
    format!("\n{tally}\n{more}")
}

/// Whether the promises of `exercise` were all kept once.
pub(crate) fn is_done(progress: &Progress, exercise: &Exercise) -> bool {
    progress.exercises.get(&exercise.name()).is_some_and(|attempts| attempts.done)
}
