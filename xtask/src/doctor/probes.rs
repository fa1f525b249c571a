//! What the doctor looks at, one function per thing.

use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
};

use super::{Finding, processes};
use crate::{
    machine::{self, Missing, Trial},
    workspace::{Workspace, target_dir},
};

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
        file_limit(),
        process_limit(),
        processes::process_table(),
        disk(&workspace.root),
        processes::init(),
        processes::strays(&target),
    ];
    findings.extend(machine::trials().map(|Trial { name, outcome }| match outcome {
        Ok(seen) => Finding::good(name, seen),
        Err(Missing { seen, fix }) => Finding::missing(name, seen, fix),
    }));
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
    let seen = events::numbers::count(cores, "core");
    if cores >= 2 {
        Finding::good("cores", seen)
    } else {
        let fix = "Checks are slower here; CHECK_PATIENCE=3 gives everything three times as long.";
        Finding::worse("cores", seen, fix)
    }
}

fn file_limit() -> Finding {
    limit("open files", "ulimit -n", FILES)
}

fn process_limit() -> Finding {
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
        format!("{} MiB free", events::numbers::thousands(usize::try_from(free).unwrap_or(0)));
    if free >= MEBIBYTES {
        Finding::good("disk", seen)
    } else {
        Finding::worse("disk", seen, "Builds need about 3 GiB; `cargo clean` frees older ones.")
    }
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
