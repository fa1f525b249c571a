//! The processes that descend from one, looked at again and again.
//!
//! A check asks for them every few milliseconds, and most processes of a machine aren't ours.
//! So those are remembered, and only the others are read.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use crate::table::{self, Process};

/// How long a process counts as foreign without another look. Its number can come to mean another
/// process only after the kernel has given out all other numbers, which takes far longer.
const MEMORY: Duration = Duration::from_millis(500);

/// A process, and everything that descends from it.
#[derive(Debug)]
pub struct Family {
    root: u32,
    /// The processes that do not descend from `root`. None of them ever will: a process that loses
    /// its parent goes to one of its own ancestors.
    foreign: HashSet<u32>,
    forgets_at: Instant,
}

impl Family {
    /// The processes that descend from `root`.
    #[must_use]
    pub fn of(root: u32) -> Self {
        Family { root, foreign: HashSet::new(), forgets_at: Instant::now() }
    }

    /// Every process that the root started, and those that they started, without zombies.
    #[must_use]
    pub fn members(&mut self) -> Vec<Process> {
        let mut members = self.with_zombies();
        members.retain(|process| !process.is_zombie);
        members
    }

    /// The same with zombies.
    pub(crate) fn with_zombies(&mut self) -> Vec<Process> {
        let now = Instant::now();
        if now >= self.forgets_at {
            self.foreign.clear();
            self.forgets_at = now + MEMORY;
        }
        let table = table::except(&self.foreign);
        self.remember_foreign(&table);
        let family = descent(&table, HashSet::from([self.root]));
        let is_member = |p: &Process| p.pid != self.root && family.contains(&p.pid);
        table.into_iter().filter(is_member).collect()
    }

    /// A process is foreign if its line of parents leads to a foreign process, or to the kernel,
    /// which is number 0. If its parent is not listed, the parent has just ended: the next look
    /// will tell.
    fn remember_foreign(&mut self, table: &[Process]) {
        self.foreign.insert(0);
        let strict: Vec<Process> = table.iter().filter(|p| p.pid != self.root).copied().collect();
        self.foreign = descent(&strict, std::mem::take(&mut self.foreign));
    }
}

/// `ancestors`, and every process of `table` that descends from one of them.
pub(crate) fn descent(table: &[Process], ancestors: HashSet<u32>) -> HashSet<u32> {
    let mut family = ancestors;
    loop {
        let before = family.len();
        let heirs = table.iter().filter(|p| family.contains(&p.parent)).map(|p| p.pid);
        let heirs: Vec<u32> = heirs.collect();
        family.extend(heirs);
        if family.len() == before {
            return family;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn cat() -> Child {
        Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat starts")
    }

    fn end(mut child: Child) {
        drop(child.stdin.take());
        child.wait().expect("cat ends at end of file");
    }

    fn process(pid: u32, parent: u32) -> Process {
        Process { pid, parent, group: pid, is_zombie: false, is_asleep: true }
    }

    #[test]
    fn a_child_is_listed_until_it_is_gone() {
        let mut family = Family::of(std::process::id());
        let pids = |family: &mut Family| family.members().into_iter().map(|p| p.pid);
        let first = cat();
        assert!(pids(&mut family).any(|pid| pid == first.id()));
        let second = cat();
        let there: Vec<u32> = pids(&mut family).collect();
        assert!(there.contains(&first.id()) && there.contains(&second.id()), "{there:?}");
        let gone = first.id();
        end(first);
        assert!(pids(&mut family).all(|pid| pid != gone));
        end(second);
    }

    #[test]
    fn only_a_process_whose_ancestors_are_known_is_foreign() {
        let mut family = Family::of(10);
        let table = [process(1, 0), process(10, 1), process(11, 10), process(20, 1)];
        // The parent of this one ended while the list was made.
        let orphan = process(30, 29);
        family.remember_foreign(&[&table[..], &[orphan]].concat());
        assert_eq!(family.foreign, HashSet::from([0, 1, 20]));
    }
}
