//! A version is a file: its workers execute that, whatever a link leads to later, and whichever primary starts them.
//! It is given to the exercise, so the solution is judged.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use events::Exit;
use harness::{
    Cluster, Kept, Promise, Signal, Trial, patience, promise,
    who::{self, children, greet_one},
    wire::{Connection, request},
};

const PROMPT: Duration = Duration::from_secs(20);
const WORKERS: usize = 4;
const SETTINGS: [(&str, &str); 4] =
    [("STEPS", "50"), ("STEP_ANSWERS", "5"), ("SLOWER_BY_MS", "60000"), ("LAME_DUCK_MS", "50")];

const PROMISES: &[Promise] = &[promise!(
    a_version_is_a_file,
    "The workers of a deploy execute its file, also after a link was turned and after a new start.",
    "#the-guarantees"
)];

fn main() -> ExitCode {
    let solution = env!("CARGO_BIN_EXE_solution-7");
    harness::contract(solution, "guides/08-zero-downtime-deploys.md", PROMISES)
}

fn a_version_is_a_file(trial: &Trial) -> Kept {
    let cluster = trial.start(&SETTINGS)?;
    who::meet_all(trial, &cluster, "/", WORKERS)?;
    let own = exe(cluster.pid);
    let [first, second] = ["release-1", "release-2"].map(|name| trial.path(name).join("app"));
    for release in [&first, &second] {
        could(trial, fs::create_dir(folder(release)))?;
        could(trial, fs::copy(&own, release))?;
    }
    let current = trial.path("current");
    could(trial, symlink(folder(&first), &current))?;
    let program = current.join("app").to_string_lossy().into_owned();
    for (path, status) in [("app", 400), ("/nonexistent", 422), (program.as_str(), 202)] {
        let query = format!("/deploy?version=1.1.0&program={path}");
        let got = operate(trial, &cluster, &query)?;
        trial.expect(got == status, format!("{status} for {path}"), got.to_string())?;
    }
    // The next release is there before this one is promoted.
    could(trial, fs::remove_file(&current).and_then(|()| symlink(folder(&second), &current)))?;
    all_execute(trial, &cluster, &first)?;
    let victim = children(&cluster).into_iter().next().unwrap_or_default();
    cluster.signal_process(victim, Signal::SIGKILL)?;
    let is_gone = || (!children(&cluster).contains(&victim)).then_some(());
    processes::until(patience(PROMPT), is_gone);
    all_execute(trial, &cluster, &first)?;
    let log = fs::read_to_string(trial.path("deploys.log")).unwrap_or_default();
    let named = log.lines().filter(|line| line.contains(&*first.to_string_lossy())).count();
    let expected = "the file in each line of the log";
    trial.expect(named == log.lines().count(), expected, format!("{named} lines: {log}"))?;
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(0), "exit code 0", exit.to_string())?;
    let cluster = trial.start(&SETTINGS)?;
    all_execute(trial, &cluster, &first)
}

/// Waits until there are four workers, and each executes `program`. Requests meanwhile move the deploy on.
fn all_execute(trial: &Trial, cluster: &Cluster, program: &Path) -> Kept {
    let programs = || -> BTreeSet<PathBuf> { children(cluster).into_iter().map(exe).collect() };
    let wanted = BTreeSet::from([program.to_owned()]);
    let done = processes::until(patience(PROMPT), || {
        let _ = greet_one(cluster, "/");
        (children(cluster).len() == WORKERS && programs() == wanted).then_some(())
    });
    let expected = format!("four workers that execute {}", program.display());
    trial.expect(done.is_some(), expected, format!("{:?}", programs()))
}

fn exe(pid: u32) -> PathBuf {
    fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default()
}

fn folder(file: &Path) -> PathBuf {
    file.parent().unwrap_or(file).to_owned()
}

fn operate(trial: &Trial, cluster: &Cluster, query: &str) -> Kept<u16> {
    let admin = cluster.admin.ok_or_else(|| trial.broken("an address for operators", "none"))?;
    let asked = Connection::open(admin, patience(PROMPT)).and_then(|mut connection| {
        connection.send(request("POST", query, "").as_bytes())?;
        connection.answer()
    });
    asked
        .map(|answer| answer.status)
        .map_err(|failure| trial.broken("an answer", failure.to_string()))
}

fn could<T>(trial: &Trial, result: std::io::Result<T>) -> Kept<T> {
    result.map_err(|error| trial.broken("a file of this check", error.to_string()))
}
