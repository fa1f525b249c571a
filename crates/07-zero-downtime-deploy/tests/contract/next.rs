//! The file that the primary becomes when SIGUSR1 asks: a link of this trial, turned from one program to the
//! next, as a link to the current release is.

use std::{
    collections::BTreeSet,
    env, fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::Duration,
};

use events::{Event, PrimaryEvent};
use harness::{Broken, Kept, Signal, Trial, descriptors::open_files, patience, who::children};

use crate::{
    scene::PROMPT,
    site::{Site, WORKERS},
};

/// The bits of signals in a mask of /proc.
const SIGUSR1: u64 = 1 << 9;
const SIGTERM: u64 = 1 << 14;

/// A program, and the link that it becomes the target of.
pub(crate) struct Next<'a> {
    pub(crate) site: Site<'a>,
    link: PathBuf,
}

/// What stays the same when a primary is replaced.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) workers: BTreeSet<u32>,
    listeners: BTreeSet<PathBuf>,
    descriptors: usize,
}

impl<'a> Next<'a> {
    /// Starts the program with `settings`. One that does not replace itself is not judged.
    pub(crate) fn start(trial: &'a Trial, settings: &[(&str, &str)]) -> Kept<Self> {
        let link = trial.path("next");
        let named = link.to_string_lossy().into_owned();
        let settings = [settings, &[("NEXT_PROGRAM", &named)]].concat();
        let next = Next { site: Site::start(trial, &settings)?, link };
        if !next.hears_sigusr1() {
            let what = "This program has no handler for SIGUSR1, so it does not replace itself.";
            return Err(Broken::lacking(what));
        }
        Ok(next)
    }

    fn hears_sigusr1(&self) -> bool {
        self.mask("SigCgt:") & SIGUSR1 != 0
    }

    /// A mask of the primary, as /proc has it: a bit for each signal.
    fn mask(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.site.cluster.pid));
        let status = status.unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix(name));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
    }

    /// The file that the primary executes.
    pub(crate) fn program(&self) -> PathBuf {
        fs::read_link(format!("/proc/{}/exe", self.site.cluster.pid)).unwrap_or_default()
    }

    /// A copy of the program, under this name. Another file may be there: it is replaced, as by a deploy.
    pub(crate) fn copy(&self, name: &str) -> Kept<PathBuf> {
        let (path, fresh) = (self.site.trial.path(name), self.site.trial.path("fresh"));
        let exe = format!("/proc/{}/exe", self.site.cluster.pid);
        let copied = fs::copy(exe, &fresh).and_then(|_| fs::rename(&fresh, &path));
        self.could(copied.map(|()| path))
    }

    /// An executable script.
    pub(crate) fn script(&self, name: &str, text: &str) -> Kept<PathBuf> {
        let path = self.site.trial.path(name);
        let written = fs::write(&path, format!("#!/bin/sh\n{text}\n"))
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)));
        self.could(written.map(|()| path))
    }

    fn could<T>(&self, result: io::Result<T>) -> Kept<T> {
        result.map_err(|error| self.site.trial.broken("a file of this check", error.to_string()))
    }

    /// Turns the link to `program`. At each moment it leads to the old one or to the new one.
    pub(crate) fn turn_to(&self, program: &Path) -> Kept {
        let fresh = self.site.trial.path("fresh-link");
        self.could(symlink(program, &fresh).and_then(|()| fs::rename(&fresh, &self.link)))
    }

    pub(crate) fn ask(&self) {
        self.site.cluster.signal(Signal::SIGUSR1);
    }

    /// Waits until the primary executes `program`.
    pub(crate) fn becomes(&self, program: &Path) -> Kept {
        let is_it = || {
            let is_over = self.program() == program || !self.site.cluster.is_running();
            is_over.then_some(())
        };
        processes::until(patience(PROMPT), is_it);
        let observed = if self.site.cluster.is_running() {
            format!("it executes {}", short(&self.program()))
        } else {
            "the primary has ended".to_owned()
        };
        let expected = format!("after SIGUSR1 the same process executes {}", short(program));
        self.site.trial.expect(self.program() == program, expected, observed)
    }

    /// Has the primary replaced by `program`, from asking to its last step.
    pub(crate) fn replace(&self, program: &Path) -> Kept {
        self.turn_to(program)?;
        self.ask();
        self.becomes(program)?;
        self.adopts()
    }

    /// Waits until signals reach the primary again: then it has taken over.
    pub(crate) fn adopts(&self) -> Kept {
        processes::until(patience(PROMPT), || (!self.is_blocked()).then_some(()));
        let is_open = !self.is_blocked();
        self.site.trial.expect(is_open, "a primary that signals reach", "they stay blocked")
    }

    /// Whether SIGTERM waits.
    pub(crate) fn is_blocked(&self) -> bool {
        self.mask("SigBlk:") & SIGTERM != 0
    }

    /// Sends a signal that is one of many.
    pub(crate) fn signal_quietly(&self, signal: Signal) {
        let _ = processes::sweep::send(self.site.cluster.pid, signal);
    }

    /// What it holds now.
    pub(crate) fn held(&self) -> Held {
        let pid = self.site.cluster.pid;
        let open = open_files(pid);
        let listening = listening();
        let listeners = open.iter().filter(|file| listening.contains(*file)).cloned().collect();
        Held { workers: children(&self.site.cluster), listeners, descriptors: open.len() }
    }

    /// What it holds once it has settled: a question of an operator may still be open, or a rehearsal ending.
    pub(crate) fn still_holds(&self, before: &Held, when: &str) -> Kept {
        processes::until(patience(PROMPT), || (self.held() == *before).then_some(()));
        let now = self.held();
        let trial = self.site.trial;
        let pids = |held: &Held| format!("the workers {:?}", held.workers);
        let expected = format!("the same workers {when}, {}", pids(before));
        trial.expect(now.workers == before.workers, expected, pids(&now))?;
        let expected = format!("the same listening sockets {when}");
        trial.expect(now.listeners == before.listeners, expected, "other ones")?;
        let expected = format!("{} descriptors {when}", before.descriptors);
        let observed = format!("{} descriptors", now.descriptors);
        trial.expect(now.descriptors == before.descriptors, expected, observed)
    }

    /// Has the primary refuse `program`, and go on.
    pub(crate) fn is_refused(&self, program: &Path, what: &str) -> Kept {
        let (own, before) = (self.program(), self.held());
        self.turn_to(program)?;
        let asked = self.site.trial.recorder.observe(format!("the next program: {what}"));
        self.ask();
        let since = self.site.trial.recorder.time_of(asked);
        let refused = self.site.trial.recorder.wait(patience(PROMPT), |entries| {
            let mut later = entries.iter().filter(|entry| entry.at >= since);
            let kept = |event: Option<&Event>| match event {
                Some(Event::Primary(PrimaryEvent::Kept { reason, .. })) => Some(reason.clone()),
                _ => None,
            };
            later.find_map(|entry| kept(entry.event.as_ref()))
        });
        let is_alive = self.site.cluster.is_running();
        self.site.trial.expect(
            is_alive,
            format!("a primary that outlives {what}"),
            "it has ended",
        )?;
        let expected = format!("the report that it is refused: {what}");
        self.site.trial.expect(refused.is_some(), expected, "no such report")?;
        let expected = format!("the program of before, after {what}");
        self.site.trial.expect(self.program() == own, expected, short(&self.program()))?;
        self.still_holds(&before, &format!("after {what}"))
    }

    /// Kills a worker, which must be replaced while all others stay.
    pub(crate) fn replaces_a_worker(&self, victim: u32, when: &str) -> Kept<u32> {
        let others: BTreeSet<u32> = children(&self.site.cluster);
        self.site.kill(victim)?;
        self.fills(&others, victim, when)
    }

    /// Waits until there is another worker in the place of `victim`, out of `before`.
    pub(crate) fn fills(&self, before: &BTreeSet<u32>, victim: u32, when: &str) -> Kept<u32> {
        let mut others = before.clone();
        others.remove(&victim);
        let newcomer = || {
            let now = children(&self.site.cluster);
            let is_whole = now.len() == WORKERS && now.is_superset(&others);
            let new = now.difference(&others).copied().find(|pid| *pid != victim);
            new.filter(|pid| is_whole && is_no_zombie(*pid))
        };
        let new = processes::until(patience(PROMPT), newcomer);
        let expected = format!("a killed worker is replaced {when}, and the others stay");
        let observed = format!("{:?} after {before:?}", children(&self.site.cluster));
        new.ok_or_else(|| self.site.trial.broken(expected, observed))
    }
}

fn is_no_zombie(pid: u32) -> bool {
    processes::Stat::of(pid).is_some_and(|stat| stat.state != 'Z')
}

/// The names of the variables of a process.
pub(crate) fn variables(pid: u32) -> BTreeSet<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let names = environment.split(|byte| *byte == 0).filter_map(|pair| {
        let name = pair.split(|byte| *byte == b'=').next()?;
        Some(String::from_utf8_lossy(name).into_owned())
    });
    names.filter(|name| !name.is_empty()).collect()
}

/// The sockets of this machine that listen, as descriptors lead to them.
fn listening() -> BTreeSet<PathBuf> {
    const LISTEN: &str = "0A";
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields.get(3) == Some(&LISTEN)).then(|| fields.get(9).copied()).flatten().map(socket)
    };
    table.lines().filter_map(inode).collect()
}

fn socket(inode: &str) -> PathBuf {
    PathBuf::from(format!("socket:[{inode}]"))
}

fn short(program: &Path) -> String {
    program.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The file of a command of this machine.
pub(crate) fn command(name: &str) -> PathBuf {
    let folders = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&folders).map(|folder| folder.join(name));
    found.into_iter().find(|path| path.is_file()).unwrap_or_else(|| Path::new("/bin").join(name))
}

/// Lets `time` pass, which no condition waits for: a kill or a signal falls at another moment each time.
pub(crate) fn apart(time: Duration) {
    processes::until(time, || None::<()>);
}
