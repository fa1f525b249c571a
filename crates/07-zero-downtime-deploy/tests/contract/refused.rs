//! A program that can't take the primary's place.

use std::{fs, path::PathBuf, time::Duration};

use events::Exit;
use harness::{Kept, Signal, Trial, patience, who::children};

use crate::{
    next::{Next, command},
    scene::{PROMPT, fresh, millis},
    site::WORKERS,
};

/// How long a program may rehearse that never answers.
const REHEARSAL: Duration = Duration::from_millis(700);

pub(crate) fn a_program_that_is_not_fit_is_refused(trial: &Trial) -> Kept {
    one_after_the_other(trial)?;
    after_a_failed_exec(trial)?;
    while_one_rehearses(trial)
}

fn one_after_the_other(trial: &Trial) -> Kept {
    let next = Next::start(trial, &[("READY_TIMEOUT_MS", &millis(REHEARSAL))])?;
    let unexecutable = trial.path("unexecutable");
    let text = next.script("text", "")?;
    let written = fs::write(&unexecutable, "#!/bin/sh\n")
        .and_then(|()| fs::write(&text, "no program, and executable\n"));
    written.map_err(|error| trial.broken("a file of this check", error.to_string()))?;
    let good = [next.copy("first")?, next.copy("second")?];
    let bad: [(&str, PathBuf); 9] = [
        ("no file", PathBuf::from("/nonexistent")),
        ("a file without x", unexecutable),
        ("a text with x", text),
        ("false", command("false")),
        ("true, which says nothing and exits with 0", command("true")),
        ("a program that never answers", next.script("sleeps", "sleep 600")?),
        ("a program that crashes", next.script("crashes", "kill -ABRT $$")?),
        ("a program that says no", next.script("says-no", "echo 'I can not' >&0")?),
        ("a program that closes its stdin", next.script("closes", "exec 0<&-; exec sleep 600")?),
    ];
    let before = next.held();
    for (round, (what, program)) in bad.iter().enumerate() {
        next.is_refused(program, what)?;
        let alone = next.site.cluster.processes().len() == WORKERS + 1;
        trial.expect(alone, format!("nothing is left of {what}"), "another process")?;
        next.replace(&good[round % 2])?;
        next.still_holds(&before, &format!("after {what}, and a good program"))?;
    }
    next.site.stops()
}

/// The file is gone when the primary wants to become it: this one must still hear all signals.
fn after_a_failed_exec(trial: &Trial) -> Kept {
    fresh(trial);
    let next = Next::start(trial, &[])?;
    let path = trial.path("vanishes").to_string_lossy().into_owned();
    let vanishes = next.script("vanishes", &format!("rm '{path}'\necho ok >&0"))?;
    next.is_refused(&vanishes, "a program whose file is removed after its rehearsal")?;
    let victim = next.held().workers.first().copied().unwrap_or_default();
    next.replaces_a_worker(victim, "after an exec that failed")?;
    let good = next.copy("first")?;
    next.replace(&good)?;
    next.site.stops()
}

/// A rehearsal takes its time, and the primary does everything that it always does.
fn while_one_rehearses(trial: &Trial) -> Kept {
    fresh(trial);
    let next = Next::start(trial, &[])?;
    let sleeps = next.script("sleeps", "sleep 600")?;
    let before = next.held();
    next.turn_to(&sleeps)?;
    next.ask();
    let is_there = || (next.site.cluster.processes().len() > WORKERS + 1).then_some(());
    let rehearses = processes::until(patience(PROMPT), is_there).is_some();
    trial.expect(rehearses, "the next program rehearses as a child", "no further process")?;
    next.site.operates("GET", "/deploy", 200)?;
    next.site.operates("POST", "/deploy?version=1.1.0", 409)?;
    let victim = before.workers.first().copied().unwrap_or_default();
    let others: Vec<u32> = before.workers.iter().copied().skip(1).collect();
    next.site.kill(victim)?;
    let is_replaced = || {
        let now = children(&next.site.cluster);
        let has_all = others.iter().all(|pid| now.contains(pid)) && !now.contains(&victim);
        // The program that rehearses is a child, too.
        (has_all && now.len() == WORKERS + 1).then_some(())
    };
    let replaced = processes::until(patience(PROMPT), is_replaced).is_some();
    trial.expect(replaced, "a killed worker is replaced during a rehearsal", "it is not")?;
    next.site.cluster.signal(Signal::SIGTERM);
    let exit = next.site.cluster.wait_exit(PROMPT)?;
    trial.expect(
        exit == Exit::Code(0),
        "SIGTERM during a rehearsal: exit code 0",
        exit.to_string(),
    )?;
    next.site.cluster.wait_gone(PROMPT)
}
