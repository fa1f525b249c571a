//! The spool: a file in which accepted tasks survive every process.
//!
//! Each change of a task appends one line with the whole task; the last line of a task counts. A line is
//! with the kernel when `write` returns, so it survives `kill -9` of every process. A machine that loses
//! its power may lose the last lines: guide 07 says what that costs to prevent.

mod file;

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use cluster_basics::config::ConfigError;

use self::file::{Lines, Problem};
use crate::{Id, Task, config::refused, task::State};

/// What a former program left in the spool.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Its tasks, in the order in which they were written last. Those that ended earlier come first.
    pub tasks: Vec<Task>,
    /// The number of the next task.
    pub next: Id,
}

impl Default for Id {
    fn default() -> Self {
        Id(1)
    }
}

/// The file.
pub struct Spool {
    lines: Lines,
    path: PathBuf,
    /// No other program may use it meanwhile. The lock ends with this process.
    _lock: File,
    /// The last line of each task, and when it was written.
    last: BTreeMap<Id, (u64, String)>,
    next: Id,
    /// The file is written anew when it has more lines than this.
    most: u64,
}

/// This many lines that count no more are worth less than writing the file anew.
const SLACK: u64 = 1000;

impl Spool {
    /// Opens the spool at `path`, and reads what is in it.
    ///
    /// # Errors
    /// When it can't be used, another program uses it, or it isn't a spool.
    pub fn open(path: &Path) -> Result<(Self, Recovered), ConfigError> {
        let lock = file::lock(path).map_err(|problem| refuse(path, &problem))?;
        let (lines, texts) = Lines::open(path).map_err(|problem| refuse(path, &problem))?;
        let path = path.to_owned();
        let (last, next) = (BTreeMap::new(), Id::default());
        let mut spool = Spool { lines, path, _lock: lock, last, next, most: SLACK };
        for (number, text) in (2..).zip(texts) {
            if spool.replay(number, text).is_none() {
                return Err(refuse(&spool.path, &Problem::Damaged));
            }
        }
        let recovered = Recovered { tasks: spool.tasks(), next: spool.next };
        Ok((spool, recovered))
    }

    fn replay(&mut self, number: u64, text: String) -> Option<()> {
        if let Some(next) = file::next_of(&text) {
            self.next = self.next.max(next);
            return Some(());
        }
        let task: Task = serde_json::from_str(&text).ok()?;
        self.next = self.next.max(task.id.next());
        self.last.insert(task.id, (number, text));
        Some(())
    }

    fn tasks(&self) -> Vec<Task> {
        let task = |text: &String| serde_json::from_str(text).ok();
        let mut tasks: Vec<Task> = self.in_order().into_iter().filter_map(task).collect();
        for task in &mut tasks {
            // No worker of a former program will start it.
            if let State::Held(_) = task.state {
                task.state = State::Queued;
            }
        }
        tasks
    }

    /// The last line of each task, in the order in which they were written.
    fn in_order(&self) -> Vec<&String> {
        let mut lines: Vec<&(u64, String)> = self.last.values().collect();
        lines.sort_unstable_by_key(|(number, _)| *number);
        lines.into_iter().map(|(_, text)| text).collect()
    }

    /// Writes `task` as it is now. When this returns, that survives every process.
    ///
    /// # Errors
    /// When it can't be written. Then it counts as not written.
    pub fn write(&mut self, task: &Task) -> io::Result<()> {
        let text = serde_json::to_string(task)?;
        self.lines.append(&text)?;
        self.next = self.next.max(task.id.next());
        self.last.insert(task.id, (self.lines.count, text));
        self.compact();
        Ok(())
    }

    /// The task is remembered no more. Its number is not given out again.
    pub fn forget(&mut self, id: Id) {
        self.last.remove(&id);
    }

    /// Writes the file anew, without the lines that count no more, so that it can't grow forever.
    fn compact(&mut self) {
        if self.lines.count <= self.most {
            return;
        }
        match Lines::replace(&self.path, self.next, &self.in_order()) {
            Ok(lines) => {
                let live = self.last.len() as u64;
                for (number, (_, (at, _))) in (0..).zip(by_number(&mut self.last)) {
                    *at = number;
                }
                (self.lines, self.most) = (lines, 2 * live + SLACK);
            }
            Err(error) => {
                events::warn(format_args!("the spool can't be written anew: {error}"));
                self.most = 2 * self.lines.count;
            }
        }
    }
}

fn by_number(last: &mut BTreeMap<Id, (u64, String)>) -> Vec<(&Id, &mut (u64, String))> {
    let mut lines: Vec<_> = last.iter_mut().collect();
    lines.sort_unstable_by_key(|(_, (number, _))| *number);
    lines
}

fn refuse(path: &Path, problem: &Problem) -> ConfigError {
    refused("SPOOL", path, problem.wanted())
}

#[cfg(test)]
mod tests;
