//! The `main` of a tour: a demonstration in steps that the runner plays against an example, or
//! against a learner's own program.

use std::{
    env,
    process::ExitCode,
    sync::{Arc, Once, OnceLock},
    time::Duration,
};

use colored::Colorize;
use events::{Event, WorkerEvent};
use nix::sys::signal::Signal;
use processes::{
    adopt_orphans, end_descendants, is_alive, on_interrupt, sweep, until, when_stdin_closes,
};

use crate::{
    broken::Kept,
    patience,
    stage::{Format, Stage},
    subject::Subject,
};

/// How long a cluster that was left up may take to shut down.
const FAREWELL: Duration = Duration::from_secs(12);

/// Something to type, and what it is for.
pub type Try<'a> = (&'a str, &'a str);

/// Plays `play`. With `TOUR_STAY` set, a cluster is left up afterwards, and `try_this` says what
/// to type: `{url}`, `{admin}`, `{pid}` and `WORKER_PID` in it are replaced.
#[must_use]
pub fn tour(name: &str, play: fn(&mut Stage) -> Kept, try_this: &[Try]) -> ExitCode {
    let resident = Arc::new(OnceLock::new());
    if let Err(error) = guard(&resident) {
        eprintln!("can't guard what the tour starts: {error}");
        return ExitCode::from(4);
    }
    let format = match env::var("TOUR_FORMAT").as_deref() {
        Ok("json") => Format::Json,
        _ => Format::Text,
    };
    let Some(subject) = env::var_os("SUBJECT").and_then(|_| Subject::from_env("").ok()) else {
        eprintln!("SUBJECT names no program: play this tour with `cargo xtask run {name}`");
        return ExitCode::from(2);
    };
    let mut stage = match Stage::new(name, subject, format) {
        Ok(stage) => stage,
        Err(error) => {
            eprintln!("can't make a temporary folder: {error}");
            return ExitCode::from(3);
        }
    };
    if let Err(broken) = play(&mut stage) {
        stage.stopped_by(broken);
    }
    stage.close();
    if stage.holds() && env::var_os("TOUR_STAY").is_some() {
        stay(&stage, try_this, &resident);
    }
    let _ = end_descendants(patience(Duration::from_secs(5)));
    if stage.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Leaves a cluster up for the learner until it ends, or Ctrl-C ends it.
fn stay(stage: &Stage, try_this: &[Try], resident: &OnceLock<u32>) {
    let recorder = &stage.trial().recorder;
    let earlier = recorder.entries().len();
    let Ok(cluster) = stage.start(&[]) else {
        return;
    };
    let _ = resident.set(cluster.pid);
    let mut started = Vec::new();
    // Nothing depends on it: what they report should not stand below what there is to type.
    recorder.wait(Duration::from_secs(2), |entries| {
        let events = || entries[earlier..].iter().filter_map(|entry| entry.event.as_ref());
        let pid = |event: &Event| match event {
            Event::Worker(WorkerEvent::Started { id, .. }) => Some(id.pid.to_string()),
            _ => None,
        };
        started = events().filter_map(pid).collect();
        let ready =
            events().filter(|event| matches!(event, Event::Worker(WorkerEvent::Ready(_)))).count();
        (ready >= started.len()).then_some(())
    });
    stage.print(&format!("\n{}", "Now it is yours. A cluster is up; in another terminal:".bold()));
    let (url, pid) = (format!("http://{}", cluster.address), cluster.pid.to_string());
    let admin = cluster.admin.map_or(url.clone(), |admin| format!("http://{admin}"));
    // A program need not report its workers.
    let worker = started.pop().unwrap_or_else(|| "WORKER_PID".to_owned());
    let real = |text: &str| {
        let text = text.replace("{url}", &url).replace("{admin}", &admin);
        text.replace("{pid}", &pid).replace("WORKER_PID", &worker)
    };
    let lines: Vec<Line> = try_this.iter().map(|(what, why)| (real(what), real(why))).collect();
    for line in in_columns(&lines, 80) {
        stage.print(&line);
    }
    stage.print(&"   Ctrl-C here ends it gracefully, a second one at once.".dimmed().to_string());
    while cluster.is_running() {
        let _ = cluster.wait_exit_quietly(Duration::from_hours(1));
    }
    stage.print("\nThe cluster has ended, and nothing of it is left.");
}

/// A command, and what it is for.
type Line = (String, String);

/// The `lines` in two columns, or each on two lines where that would be too wide.
fn in_columns(lines: &[Line], width: usize) -> Vec<String> {
    let of_longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or_default();
    let first = of_longest(&mut lines.iter().map(|(command, _)| command.len()));
    let second = of_longest(&mut lines.iter().map(|(_, why)| why.len()));
    let is_narrow = 3 + first + 3 + second <= width;
    let drawn = lines.iter().flat_map(|(command, why)| {
        if is_narrow {
            vec![format!("   {command:first$}   {}", why.dimmed())]
        } else {
            vec![format!("   {command}"), format!("      {}", why.dimmed())]
        }
    });
    drawn.collect()
}

/// Ends everything when we are interrupted or alone; a cluster that was left up is asked first.
fn guard(resident: &Arc<OnceLock<u32>>) -> std::io::Result<()> {
    adopt_orphans()?;
    let farewell = Arc::new(Once::new());
    let end = {
        let resident = resident.clone();
        move || farewell.call_once(|| end_all(resident.get().copied()))
    };
    on_interrupt(end.clone())?;
    when_stdin_closes(end);
    Ok(())
}

fn end_all(resident: Option<u32>) {
    if let Some(pid) = resident.filter(|pid| is_alive(*pid)) {
        // The group, as the terminal would have done it, were it in our group.
        let _ = sweep::send_to_group(pid, Signal::SIGINT);
        until(patience(FAREWELL), || (!is_alive(pid)).then_some(()));
    }
    let _ = end_descendants(patience(Duration::from_secs(5)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_wide_for_two_columns_has_two_lines() {
        colored::control::set_override(false);
        let line = |command: &str, why: &str| (command.to_owned(), why.to_owned());
        let lines = [line("curl", "a call"), line("kill 1", "an end")];
        assert_eq!(in_columns(&lines, 18), ["   curl     a call", "   kill 1   an end"]);
        let two = ["   curl", "      a call", "   kill 1", "      an end"];
        assert_eq!(in_columns(&lines, 17), two);
    }
}
