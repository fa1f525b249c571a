//! `DEPLOY_LOG`: who deployed what, and what became of it. One JSON object a line, one write each; a line that
//! was written never changes.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use cluster_basics::config::ConfigError;
use events::{DeployEvent, emit, warn};
use serde::{Deserialize, Serialize};
use supervisor::Version;

use crate::Deploy;

/// What became of a deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Did {
    /// It begins.
    Accepted,
    /// A step has ended well.
    Step,
    /// The candidate is gone, and the version before it serves alone.
    SentBack,
    /// Every slot runs the candidate's version.
    Promoted,
    /// The program ended before the deploy did.
    Abandoned,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    /// The number of the deploy, from 1.
    deploy: u64,
    /// What became of it.
    did: Did,
    /// The version that was deployed.
    version: Version,
    /// The operator.
    by: String,
    /// The candidate's share in the step, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    share: Option<u32>,
    /// The candidate's answers in the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answers: Option<u32>,
    /// How many of them were bad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    errors: Option<u32>,
    /// The score of the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    /// Why it was sent back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The file of its workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    program: Option<PathBuf>,
}

impl Entry {
    /// A deploy that begins has no figures yet.
    fn of(did: Did, deploy: &Deploy) -> Self {
        let Deploy { number, release, share, seen, reason, .. } = deploy;
        let score = Some(seen.score).filter(|_| did != Did::Accepted);
        Entry {
            deploy: *number,
            did,
            version: release.version,
            by: release.by.clone(),
            share: score.map(|_| *share),
            answers: score.map(|score| score.by_candidate),
            errors: score.map(|score| score.errors),
            score: score.map(|score| score.value),
            reason: reason.clone(),
            program: release.program.clone(),
        }
    }
}

/// A line with its time.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    at_ms: u64,
}

/// What the log says of the programs before this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The version that was promoted last, or 1.0.0.
    pub stable: Version,
    /// The highest version that was ever deployed, good or bad.
    pub latest: Version,
    /// How many deploys there were.
    pub deploys: u64,
    /// The file of the version that was promoted last, if it has one.
    pub program: Option<PathBuf>,
}

/// The log, open for further lines.
#[derive(Debug)]
pub struct DeployLog(File);

impl DeployLog {
    /// Opens the log at `path`, and reads it. A deploy without an end gets the line "abandoned".
    ///
    /// # Errors
    /// When it can't be read or written.
    pub fn open(path: &Path) -> Result<(Self, Recovered), ConfigError> {
        let opened = || {
            let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
            let (recovered, unfinished, is_torn) = read(&file)?;
            let mut log = DeployLog(file);
            if is_torn {
                log.0.write_all(b"\n")?;
            }
            if let Some(entry) = unfinished {
                log.append(&Entry { did: Did::Abandoned, ..entry })?;
            }
            Ok::<_, io::Error>((log, recovered))
        };
        opened().map_err(|_| {
            const WANTED: &str = "a file that can be read and written";
            ConfigError::new("DEPLOY_LOG", path.display().to_string(), WANTED)
                .by_default("deploys.log in the temporary folder")
        })
    }

    /// Writes one line: `deploy` did this.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn write(&mut self, did: Did, deploy: &Deploy) -> io::Result<()> {
        self.append(&Entry::of(did, deploy))
    }

    /// The same. If the log can't be written now, the next start of the program takes the deploy for abandoned.
    /// That is no reason to stop.
    pub fn note(&mut self, did: Did, deploy: &Deploy) {
        if let Err(error) = self.write(did, deploy) {
            warn(format_args!("the deploy log can't be written: {error}"));
        }
    }

    fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = Line { entry, at_ms: events::millis(since) };
        let line = format!("{}\n", serde_json::to_string(&line)?);
        // One write, so that `kill -9` leaves whole lines. What is cut short here is completed by the
        // next start.
        self.0.write_all(line.as_bytes())?;
        report(entry);
        Ok(())
    }
}

/// The log is evidence; this is for the reader of stdout.
fn report(entry: &Entry) {
    let (deploy, version) = (entry.deploy, entry.version.to_string());
    match entry.did {
        Did::Accepted => emit(DeployEvent::Started { deploy, version, by: entry.by.clone() }),
        Did::Step => emit(DeployEvent::StepEnded {
            deploy,
            version,
            share: entry.share.unwrap_or_default(),
            answers: entry.answers.unwrap_or_default(),
            errors: entry.errors.unwrap_or_default(),
        }),
        Did::SentBack | Did::Promoted | Did::Abandoned => {
            let outcome = match entry.did {
                Did::Promoted => "promoted",
                Did::SentBack => "sent-back",
                Did::Accepted | Did::Step | Did::Abandoned => "abandoned",
            };
            let reason = entry.reason.clone();
            emit(DeployEvent::Ended { deploy, version, outcome: outcome.to_owned(), reason });
        }
    }
}

/// What is known, the last deploy if it has no end, and whether the last line is cut short.
fn read(file: &File) -> io::Result<(Recovered, Option<Entry>, bool)> {
    let (stable, latest) = (Version::FIRST, Version::FIRST);
    let mut recovered = Recovered { stable, latest, deploys: 0, program: None };
    let (mut unfinished, mut is_torn, mut unread) = (None, false, 0);
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        is_torn = !line.ends_with(b"\n");
        match serde_json::from_slice::<Entry>(&line) {
            Ok(entry) => {
                recovered.learn(&entry);
                unfinished = match entry.did {
                    Did::Accepted | Did::Step => Some(entry),
                    Did::SentBack | Did::Promoted | Did::Abandoned => None,
                };
            }
            Err(_) => unread += 1,
        }
        line.clear();
    }
    if unread > 0 {
        warn(format_args!("{unread} lines of the deploy log aren't entries: left as they are"));
    }
    Ok((recovered, unfinished, is_torn))
}

impl Recovered {
    fn learn(&mut self, entry: &Entry) {
        self.deploys = self.deploys.max(entry.deploy);
        self.latest = self.latest.max(entry.version);
        if entry.did == Did::Promoted {
            self.stable = entry.version;
            self.program.clone_from(&entry.program);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_log_outlives_its_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deploys.log");
        let version = |text: &str| text.parse::<Version>().unwrap();
        let entry = |deploy, did, of: &str| {
            let (share, answers, errors, score) = Default::default();
            let (version, by, reason) = (version(of), "anna".to_owned(), None);
            Entry { deploy, did, version, by, share, answers, errors, score, reason, program: None }
        };
        let (mut log, recovered) = DeployLog::open(&path).unwrap();
        assert_eq!((recovered.stable, recovered.deploys), (Version::FIRST, 0));
        log.append(&entry(1, Did::Accepted, "1.1.0")).unwrap();
        log.append(&entry(1, Did::Promoted, "1.1.0")).unwrap();
        log.append(&entry(2, Did::Accepted, "1.2.0")).unwrap();
        log.0.write_all(b"{\"deploy\":2,\"di").unwrap();
        let (_, recovered) = DeployLog::open(&path).unwrap();
        let (stable, latest) = (version("1.1.0"), version("1.2.0"));
        assert_eq!(recovered, Recovered { stable, latest, deploys: 2, program: None });
        let text = fs::read_to_string(&path).unwrap();
        let last = text.lines().next_back().unwrap();
        assert!(last.contains("abandoned") && text.ends_with('\n'), "{text}");
        assert_eq!(text.lines().count(), 5);
    }
}
