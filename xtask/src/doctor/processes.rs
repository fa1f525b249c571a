//! What the doctor sees in the process table.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use ::processes::{Process, table};

use super::Finding;

pub(super) fn process_table() -> Finding {
    let me = std::process::id();
    if ::processes::is_alive(me) {
        return Finding::good("process table", "readable");
    }
    Finding::missing(
        "process table",
        "our own process is not in it",
        "Mount /proc (mount -t proc proc /proc), or start the container with it.",
    )
}

/// A container whose first process isn't an init never reaps orphans.
pub(super) fn init() -> Finding {
    const NAME: &str = "init";
    if std::process::id() == 1 {
        let fix = "Start the container with an init: docker run --init";
        return Finding::worse(NAME, "this runner is process 1", fix);
    }
    let zombies = || ::processes::table().iter().filter(|p| p.is_zombie && p.parent == 1).count();
    // An init reaps within milliseconds; a process that has just ended proves nothing.
    if ::processes::until(Duration::from_millis(500), || (zombies() == 0).then_some(())).is_some() {
        return Finding::good(NAME, "process 1 reaps orphans");
    }
    let zombies = zombies();
    Finding::worse(
        NAME,
        format!("process 1 leaves {}", events::numbers::count(zombies, "zombie")),
        "It isn't an init. Harmless for checks, which reap their own; docker run --init has one.",
    )
}

/// Programs of this workbook whose starter is gone.
pub(super) fn strays(target: &Path) -> Finding {
    const NAME: &str = "stray processes";
    let mut strays: Vec<String> = table()
        .into_iter()
        .filter(|process| is_abandoned(process, target))
        .map(|process| {
            let program = program_of(process.pid).unwrap_or_default();
            let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
            format!("{name} ({})", process.pid)
        })
        .collect();
    strays.sort();
    if strays.is_empty() {
        return Finding::good(NAME, "none");
    }
    let fix = "Whatever started them is gone. If they are not yours, end them: kill PID";
    Finding::worse(NAME, strays.join(", "), fix)
}

/// Whether `process` runs a program in `target`, and init has adopted it. A runner is none,
/// wherever it was started, nor is what a runner, a test or a shell still holds.
fn is_abandoned(process: &Process, target: &Path) -> bool {
    let is_ours = |program: &PathBuf| program.starts_with(target);
    let Some(program) = program_of(process.pid).filter(is_ours) else { return false };
    let is_runner = program.file_name() == env::current_exe().unwrap_or_default().file_name();
    !process.is_zombie && !is_runner && is_init(process.parent)
}

/// Process 1, or the process that adopts orphans in its place: systemd does for each user.
fn is_init(pid: u32) -> bool {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    pid == 1 || name.trim() == "systemd"
}

fn program_of(pid: u32) -> Option<PathBuf> {
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    // The kernel says so of a program whose file was replaced since.
    let text = program.to_string_lossy();
    Some(text.strip_suffix(" (deleted)").map(PathBuf::from).unwrap_or(program.clone()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_init_adopted_is_a_stray_and_a_runner_is_none() {
        let me = env::current_exe().unwrap();
        let pid = std::process::id();
        let process =
            |parent| Process { pid, parent, group: pid, is_zombie: false, is_asleep: true };
        assert_eq!(program_of(pid), Some(me.clone()));
        let target = me.parent().unwrap();
        assert!(!is_abandoned(&process(1), target), "the program that asks isn't a stray process");
        assert!(!is_abandoned(&process(1), Path::new("/elsewhere")));
        assert!(is_init(1) && !is_init(pid));
    }
}
