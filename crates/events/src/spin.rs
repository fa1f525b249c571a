//! How the tester says that a process kept a core busy while a check waited.

use std::time::Duration;

use crate::{Entry, Source};

const PRIMARY: &str = "the primary";
const USED: &str = " of CPU time in the last ";

/// The process `pid` has `used` so much CPU time in the last `time`.
#[must_use]
pub fn sentence(pid: u32, is_primary: bool, used: Duration, time: Duration) -> String {
    let name = if is_primary { PRIMARY } else { "a worker" };
    format!("{name} (pid {pid}) used {:.1} s{USED}{:.1} s", used.as_secs_f64(), time.as_secs_f64())
}

/// Whether `entry` is such a sentence.
#[must_use]
pub fn is_said(entry: &Entry) -> bool {
    entry.source == Source::Observed && entry.text.contains(USED)
}

/// What the primary used, as ` (pid 7) used 3.0 s of CPU time in the last 3.0 s`, if one of `entries`
/// says that it kept a core busy. A worker may do so because clients ask it to; the primary waits for
/// what happens, and has nothing to work on.
#[must_use]
pub fn of_primary(entries: &[Entry]) -> Option<&str> {
    entries.iter().filter(|entry| is_said(entry)).find_map(|entry| entry.text.strip_prefix(PRIMARY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_primary_is_said_to_spin() {
        const S: fn(u64) -> Duration = Duration::from_secs;
        let said = |is_primary| [Entry::observed(0.0, sentence(7, is_primary, S(3), S(4)))];
        let usage = Some(" (pid 7) used 3.0 s of CPU time in the last 4.0 s");
        assert_eq!(of_primary(&said(true)), usage);
        assert_eq!(of_primary(&said(false)), None);
        assert_eq!(of_primary(&[Entry::observed(0.0, "the primary ended: exit code 0")]), None);
    }
}
