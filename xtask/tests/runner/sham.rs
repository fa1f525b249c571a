//! A workbook of three sentences, with a cargo and a contract that are shell scripts.
//!
//! The runner meets cargo and contracts as processes, so a test can put anything in their place:
//! a grader that crashes, a build that hangs. Nothing is compiled, and no learner's file touched.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

/// How long anything here may take before a test fails.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The folder of the sham workbook; gone with this value.
pub(crate) struct Sham {
    pub(crate) folder: TempDir,
}

/// A test that fails leaves nothing behind either.
impl Drop for Sham {
    fn drop(&mut self) {
        for pid in processes_of(self.folder.path()) {
            let _ = processes::sweep::send(pid, nix::sys::signal::Signal::SIGKILL);
        }
    }
}

impl Sham {
    /// A workbook with topic 01 and its exercise, and a contract of three promises and an extra.
    pub(crate) fn new() -> Self {
        let sham = Sham { folder: TempDir::with_prefix("sham-workbook-").unwrap() };
        sham.write("xtask/Cargo.toml", "");
        sham.write("crates/01-graceful-shutdown/Cargo.toml", "");
        sham.write("crates/01-graceful-shutdown/stub.rs", "// the stub\n");
        sham.write("crates/01-graceful-shutdown/hints.md", HINTS);
        sham.write("exercises/exercise-1.rs", "// the stub\n");
        sham.write("solutions/exercise-1.rs", "// the solution\n");
        sham.write("guides/01-graceful-shutdown-patterns.md", GUIDE);
        sham.script("program", "exec sleep 1000");
        sham.cargo("");
        sham.contract("say kept");
        sham
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a shell script that can be started.
    pub(crate) fn script(&self, file: &str, body: &str) {
        self.write(file, &format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(self.path(file), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A cargo that does `first`, then says that it built the contract, both programs and a tour.
    pub(crate) fn cargo(&self, first: &str) {
        let artifact = |kind: &str, name: &str, file: &str| {
            format!(
                r#"echo '{{"reason":"compiler-artifact","target":{{"kind":["{kind}"],"name":"{name}"}},"executable":"{}"}}'"#,
                self.path(file).display()
            )
        };
        let lines = [
            first.to_owned(),
            artifact("test", "contract", "contract"),
            artifact("test", "tour", "tour"),
            artifact("bin", "exercise-1", "program"),
            artifact("bin", "solution-1", "program"),
            artifact("example", "01-graceful-shutdown", "program"),
        ];
        self.script("cargo", &lines.join("\n"));
    }

    /// A contract that does `judge` for each promise, where `say STATUS` prints a report, and
    /// `$CONTRACT_PROMISE` is one of `first`, `second`, `third`, `beyond`.
    pub(crate) fn contract(&self, judge: &str) {
        let say = r#"say() { echo '{"status":"'$1'","millis":7}'; }
break_it() { echo '{"status":"broken","millis":7,"story":{"expected":"200","observed":"connection reset","timeline":[{"at":0.5,"source":"observed","text":"GET /: reset","here":true}]}}'; }
starved() { break_it | sed 's/}$/,"starvation":{"tester_ms":400,"program_ms":700}}/'; }"#;
        let body = format!(
            "if [ $CONTRACT = catalogue ]; then echo '{CATALOGUE}'; exit; fi\n{say}\n{judge}"
        );
        self.script("contract", &body);
    }

    /// The runner, at work in this workbook.
    pub(crate) fn xtask(&self) -> Command {
        self.at_work(Command::new(runner()))
    }

    /// The same, and SIGHUP ends it. Under `nohup` these tests ignore SIGHUP, and so does what they start.
    pub(crate) fn xtask_without_nohup(&self) -> Command {
        let mut command = Command::new("env");
        command.arg("--default-signal=HUP").arg(runner());
        self.at_work(command)
    }

    fn at_work(&self, mut command: Command) -> Command {
        command
            .current_dir(self.folder.path())
            .env("CARGO_MANIFEST_DIR", self.path("xtask"))
            .env("CARGO", self.path("cargo"))
            .env("CARGO_TARGET_DIR", self.path("target"))
            .env("SHAM", self.folder.path())
            .env("CHECK_JOBS", "8")
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null());
        command
    }

    /// The runner with `line` as its arguments, as `assert_cmd` runs it.
    pub(crate) fn run(&self, line: &str) -> assert_cmd::assert::Assert {
        let mut command = assert_cmd::Command::from_std(self.xtask());
        command.args(line.split_whitespace()).timeout(SOON).assert()
    }
}

/// The runner, which cargo puts one folder above this test. The path that cargo compiles in names another
/// folder once the workbook was moved.
pub(crate) fn runner() -> PathBuf {
    target().join("xtask")
}

/// Cargo's folder for this profile.
pub(crate) fn target() -> PathBuf {
    let me = env::current_exe().unwrap();
    me.parent().and_then(Path::parent).unwrap().to_owned()
}

/// The scripts of `folder` that run.
pub(crate) fn scripts_of(folder: &Path) -> Vec<u32> {
    running(folder, &["cmdline"])
}

/// Everything that runs because of a runner in `folder`: whatever it is, it inherited `SHAM`.
pub(crate) fn processes_of(folder: &Path) -> Vec<u32> {
    running(folder, &["cmdline", "environ"])
}

fn running(folder: &Path, traces: &[&str]) -> Vec<u32> {
    let marker = folder.to_str().unwrap();
    let is_marked = |pid: &u32| {
        traces.iter().any(|trace| {
            let trace = fs::read(format!("/proc/{pid}/{trace}")).unwrap_or_default();
            String::from_utf8_lossy(&trace).contains(marker)
        })
    };
    let all = processes::table().into_iter().filter(|process| !process.is_zombie);
    all.map(|process| process.pid).filter(is_marked).collect()
}

/// Sends `signal` (`TERM`, `INT`) to `child` alone.
pub(crate) fn signal(child: &Child, signal: &str) {
    let status = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
    assert!(status.unwrap().success(), "SIG{signal} can't be sent");
}

/// Waits until `child` has ended; what its exit code is, or 128 + the signal that killed it.
pub(crate) fn exit_code(child: &mut Child) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    let status = processes::until(SOON, || child.try_wait().unwrap());
    let status = status.expect("the runner ends soon after its signal");
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}

const CATALOGUE: &str = r#"[
{"id":"first","sentence":"Both workers answer.","extra":false,"guide":"guides/01-graceful-shutdown-patterns.md#one"},
{"id":"second","sentence":"A request in flight is answered.","extra":false,"guide":"guides/01-graceful-shutdown-patterns.md#one"},
{"id":"third","sentence":"A second signal ends it at once.","extra":false,"guide":"guides/01-graceful-shutdown-patterns.md#one"},
{"id":"beyond","sentence":"It says how long it took.","extra":true,"guide":"guides/01-graceful-shutdown-patterns.md#one"}]"#;

const HINTS: &str = "# Hints\n\n## Where to begin\nfor: start\n\n### 1\nLook at main.\n\n### 2\nTwo.\n\
    \n### 3\nThree.\n\n## In flight\nfor: first, second\n\n### 1\nWho holds it?\n\n### 2\nThe guard.\n\
    \n### 3\n`guard.wait()`\n";

const GUIDE: &str = "# Graceful shutdown\n\n## One\n\nText with **bold** and a list:\n\n- one\n- two\n\
    \n<details>\n<summary>Who dies?</summary>\n\nNobody.\n\n</details>\n";
