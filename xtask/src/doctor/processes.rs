//! What the doctor sees in the process table.

use std::{collections::HashSet, fs, path::Path, time::Duration};

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

/// A container whose first process is no init never reaps orphans.
pub(super) fn init() -> Finding {
    const NAME: &str = "init";
    if std::process::id() == 1 {
        let fix = "Start the container with an init: docker run --init";
        return Finding::worse(NAME, "this runner is process 1", fix);
    }
    let zombies = || ::processes::table().iter().filter(|p| p.is_zombie && p.parent == 1).count();
    // An init reaps within milliseconds; one that has just ended is no sign.
    if ::processes::until(Duration::from_millis(500), || (zombies() == 0).then_some(())).is_some() {
        return Finding::good(NAME, "process 1 reaps orphans");
    }
    let zombies = zombies();
    Finding::worse(
        NAME,
        format!("process 1 leaves {}", events::numbers::count(zombies, "zombie")),
        "It is no init. Harmless for checks, which reap their own; docker run --init has one.",
    )
}

/// Programs of this workbook that run although this runner did not start them.
pub(super) fn strays(target: &Path) -> Finding {
    const NAME: &str = "stray processes";
    let table = ::processes::table();
    let mut family = HashSet::from([std::process::id()]);
    while let Some(parent) =
        table.iter().find(|p| family.contains(&p.pid) && !family.contains(&p.parent))
    {
        family.insert(parent.parent);
    }
    let mut strays: Vec<String> = table
        .iter()
        .filter(|p| !family.contains(&p.pid) && !p.is_zombie)
        .filter_map(|p| Some((p.pid, fs::read_link(format!("/proc/{}/exe", p.pid)).ok()?)))
        .filter(|(_, program)| program.starts_with(target))
        .map(|(pid, program)| {
            format!("{} ({pid})", program.file_name().unwrap_or_default().to_string_lossy())
        })
        .collect();
    strays.sort();
    if strays.is_empty() {
        return Finding::good(NAME, "none");
    }
    Finding::worse(
        NAME,
        strays.join(", "),
        "A check in another terminal may own them. If none does, end them: kill PID",
    )
}
