//! What the doctor looks at, one function per thing.

use std::{
    collections::HashSet,
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use super::Finding;
use crate::workspace::{Workspace, target_dir};

/// Enough for a tour's clients and their cluster.
const FILES: u64 = 1024;
const PROCESSES: u64 = 512;
/// A full build of the workspace, and of the copy that `verify` breaks.
const MEBIBYTES: u64 = 3 * 1024;

/// Every finding, the needed things first.
pub(super) fn all(workspace: &Workspace) -> anyhow::Result<Vec<Finding>> {
    let target = target_dir()?;
    let mut findings = vec![
        toolchain(workspace)?,
        linker(),
        cores(),
        files(),
        processes(),
        loopback(),
        process_table(),
        disk(&workspace.root),
        init(),
        strays(&target),
    ];
    findings.extend([
        optional("redis-server", "shared state on many machines (topic 05)", "redis-server"),
        optional("node", "checking a cluster in JavaScript with --program", "nodejs"),
    ]);
    Ok(findings)
}

fn toolchain(workspace: &Workspace) -> anyhow::Result<Finding> {
    const NAME: &str = "toolchain";
    let pin = workspace.read("rust-toolchain.toml")?;
    let wanted = quoted_after(&pin, "channel").unwrap_or_default();
    let fix = "Install rustup from https://rustup.rs; it then fetches the toolchain by itself.";
    let mut rustc = Command::new("rustc");
    rustc.arg("--version").current_dir(&workspace.root);
    let Some(version) = output(&mut rustc) else {
        return Ok(Finding::missing(NAME, "rustc can't be started", fix));
    };
    let found = version.split(' ').nth(1).unwrap_or_default().to_owned();
    Ok(if found == wanted {
        Finding::good(NAME, format!("Rust {found}, as rust-toolchain.toml says"))
    } else if is_at_least(&found, &wanted) {
        let seen = format!("Rust {found}; the workbook is tested with {wanted}");
        Finding::worse(NAME, seen, format!("To have the same: rustup toolchain install {wanted}"))
    } else {
        Finding::missing(NAME, format!("Rust {found}; {wanted} is needed"), fix)
    })
}

fn linker() -> Finding {
    let mut cc = Command::new("cc");
    match output(cc.arg("--version")) {
        Some(_) => Finding::good("linker", "cc is there"),
        None => Finding::missing(
            "linker",
            "cc can't be started",
            "apt install build-essential, or on macOS: xcode-select --install",
        ),
    }
}

fn cores() -> Finding {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let seen = events::narrate::count(cores, "core");
    if cores >= 2 {
        Finding::good("cores", seen)
    } else {
        let fix = "Checks are slower here; CHECK_PATIENCE=3 gives everything three times as long.";
        Finding::worse("cores", seen, fix)
    }
}

fn files() -> Finding {
    limit("open files", "ulimit -n", FILES)
}

fn processes() -> Finding {
    limit("processes", "ulimit -u 2>/dev/null || ulimit -p", PROCESSES)
}

fn limit(name: &'static str, question: &str, enough: u64) -> Finding {
    let answer = output(Command::new("sh").args(["-c", question])).unwrap_or_default();
    match answer.parse::<u64>() {
        Ok(limit) if limit < enough => Finding::missing(
            name,
            format!("at most {limit}; {enough} are needed"),
            format!("In this shell: {} {enough}", question.split(" 2>").next().unwrap_or(question)),
        ),
        Ok(limit) => Finding::good(name, format!("at most {limit}")),
        Err(_) => Finding::good(name, "no limit"),
    }
}

fn loopback() -> Finding {
    match TcpListener::bind("127.0.0.1:0") {
        Ok(_) => Finding::good("loopback", "127.0.0.1 takes connections on a free port"),
        Err(error) => Finding::missing(
            "loopback",
            format!("127.0.0.1 can't be listened on: {error}"),
            "Bring the loopback interface up: ip link set lo up. In a sandbox, allow local sockets.",
        ),
    }
}

fn process_table() -> Finding {
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

fn disk(root: &Path) -> Finding {
    let answer = output(Command::new("df").arg("-Pk").arg(root)).unwrap_or_default();
    let available = answer.lines().nth(1).and_then(|line| line.split_whitespace().nth(3));
    let Some(free) = available.and_then(|kib| kib.parse::<u64>().ok()).map(|kib| kib / 1024) else {
        return Finding::worse(
            "disk",
            "df does not say how much is free",
            "Look yourself: df -h .",
        );
    };
    let seen =
        format!("{} MiB free", events::narrate::thousands(usize::try_from(free).unwrap_or(0)));
    if free >= MEBIBYTES {
        Finding::good("disk", seen)
    } else {
        Finding::worse("disk", seen, "Builds need about 3 GiB; `cargo clean` frees older ones.")
    }
}

/// A container whose first process is no init never reaps orphans.
fn init() -> Finding {
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
        format!("process 1 leaves {}", events::narrate::count(zombies, "zombie")),
        "It is no init. Harmless for checks, which reap their own; docker run --init has one.",
    )
}

/// Programs of this workbook that run although nobody here started them.
fn strays(target: &Path) -> Finding {
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

fn optional(name: &'static str, what_for: &str, package: &str) -> Finding {
    let mut program = Command::new(name);
    match output(program.arg("--version")) {
        Some(version) => {
            let version = version.lines().next().unwrap_or_default().to_owned();
            Finding::good(name, events::timeline::clip(&version, 50))
        }
        None => Finding::worse(
            name,
            format!("not installed; optional, for {what_for}"),
            format!("apt install {package}, or brew install {}", name.trim_end_matches("-server")),
        ),
    }
}

/// What a quick command prints, if it succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// `1.95.0` of `channel = "1.95.0"`.
fn quoted_after(text: &str, key: &str) -> Option<String> {
    let line = text.lines().find(|line| line.trim_start().starts_with(key))?;
    line.split('"').nth(1).map(str::to_owned)
}

fn is_at_least(found: &str, wanted: &str) -> bool {
    let numbers = |version: &str| -> Vec<u32> {
        version.split(['.', '-']).map_while(|part| part.parse().ok()).collect()
    };
    numbers(found) >= numbers(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(is_at_least("1.100.0", "1.95.0"));
        assert!(is_at_least("1.96.0-nightly", "1.95.0"));
        assert!(!is_at_least("1.9.0", "1.95.0"));
        assert_eq!(
            quoted_after("[toolchain]\nchannel = \"1.95.0\"\n", "channel").unwrap(),
            "1.95.0"
        );
    }
}
