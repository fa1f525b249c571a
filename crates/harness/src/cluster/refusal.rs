//! Settings that make no sense: the program must end before it serves.

use std::process::Command;

use events::{Event, Exit, ServiceEvent, Source};

use super::{Cluster, START_LIMIT};
use crate::{
    broken::{Broken, Kept},
    patience,
    recorder::Recorder,
};

/// The exit code of a program whose settings make no sense (`PROTOCOL.md`).
const REFUSED: Exit = Exit::Code(2);

impl Cluster {
    /// Starts `command`, which must end with exit code 2 and say something about `setting`.
    ///
    /// # Errors
    /// When it serves all the same, goes on, ends otherwise, or does not say why.
    pub(crate) fn refuses(recorder: &Recorder, command: Command, setting: &str) -> Kept {
        let earlier = recorder.entries().len();
        let cluster = Cluster::spawn(recorder, command)?;
        let limit = patience(START_LIMIT);
        let ended = recorder.wait(limit, |entries| {
            let serves = |entry: &events::Entry| {
                matches!(entry.event, Some(Event::Service(ServiceEvent::Listening { .. })))
            };
            let serves = entries[earlier..].iter().any(serves).then_some(None);
            serves.or_else(|| cluster.exit.get().map(|exit| Some(*exit)))
        });
        let observed = match ended {
            Some(Some(REFUSED)) => return says_why(recorder, earlier, setting),
            Some(Some(exit)) => exit.to_string(),
            Some(None) => "it says where it listens".to_owned(),
            None => format!("it still runs, {} s later", limit.as_secs()),
        };
        let moment = recorder.observe(observed.clone());
        let expected = format!("exit code 2: {setting} makes no sense");
        Err(Broken::new(expected, observed).at(moment))
    }
}

/// One line names the setting. Which of the two streams it was written to is not recorded.
fn says_why(recorder: &Recorder, earlier: usize, setting: &str) -> Kept {
    let name = setting.split('=').next().unwrap_or(setting);
    let entries = recorder.entries();
    let mut said = entries[earlier..].iter().filter(|entry| entry.source == Source::Output);
    if said.any(|entry| entry.text.contains(name)) {
        return Ok(());
    }
    let observed = format!("exit code 2, and no line about {name}");
    let moment = recorder.observe(observed.clone());
    let expected = format!("one line on stderr that says what to write instead of {setting}");
    Err(Broken::new(expected, observed).at(moment))
}
