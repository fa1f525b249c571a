//! Cargo's two streams, JSON messages on stdout and prose on stderr, as one stream.

use std::{
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::Child,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use serde::Deserialize;

use super::{Target, failure::Hang, narration::Narration};
use crate::contract::patience;

/// How long cargo may say nothing. It says a line for each crate that it compiles, and no crate here
/// takes minutes. Another build that holds cargo's lock may.
const SILENCE: Duration = Duration::from_mins(10);

/// What the runner wants to know of a build.
pub(super) enum Message {
    /// An executable is ready.
    Made(Target, PathBuf),
    Warning(Diagnostic),
    Error(Diagnostic),
    /// A line of cargo itself that may explain a failure.
    Complaint(String),
    /// Cargo has said nothing for too long.
    Hangs(Hang),
}

/// One complaint of the compiler, as it prints it.
pub(crate) struct Diagnostic {
    /// The target whose source it is about.
    pub(crate) target: String,
    /// The text, with colours where they were asked for.
    pub(crate) rendered: String,
}

/// The messages of a running build, until both streams end.
pub(super) struct Stream<'a> {
    lines: Receiver<Line>,
    narration: &'a mut Narration,
    silence: Duration,
}

enum Line {
    Json(String),
    Prose(String),
}

impl<'a> Stream<'a> {
    pub(super) fn of(child: &mut Child, narration: &'a mut Narration) -> Self {
        let (sender, lines) = channel();
        forward(child.stdout.take(), Line::Json, sender.clone());
        forward(child.stderr.take(), Line::Prose, sender);
        Stream { lines, narration, silence: SILENCE.mul_f64(patience()) }
    }
}

impl Iterator for Stream<'_> {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        loop {
            let due = self.narration.until_due();
            let message = match processes::hear(&self.lines, due.unwrap_or(self.silence)) {
                Ok(Line::Json(line)) => parse(&line),
                Ok(Line::Prose(line)) => Some(self.listen(line)),
                Err(RecvTimeoutError::Timeout) if due.is_some() => self.narration.begin(),
                Err(RecvTimeoutError::Timeout) => Some(self.hang()),
                Err(RecvTimeoutError::Disconnected) => return None,
            };
            if message.is_some() {
                return message;
            }
        }
    }
}

impl Stream<'_> {
    fn hang(&self) -> Message {
        Message::Hangs(Hang { time: self.silence, is_blocked: self.narration.is_blocked })
    }

    fn listen(&mut self, line: String) -> Message {
        self.narration.heard(&line);
        Message::Complaint(line)
    }
}

fn forward(
    pipe: Option<impl Read + Send + 'static>,
    wrap: fn(String) -> Line,
    sender: Sender<Line>,
) {
    let Some(pipe) = pipe else { return };
    thread::spawn(move || {
        let lines = BufReader::new(pipe).lines().map_while(Result::ok);
        for line in lines {
            if sender.send(wrap(line)).is_err() {
                break;
            }
        }
    });
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Json {
    CompilerMessage {
        target: JsonTarget,
        message: JsonDiagnostic,
    },
    CompilerArtifact {
        target: JsonTarget,
        executable: Option<PathBuf>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct JsonTarget {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct JsonDiagnostic {
    level: String,
    message: String,
    rendered: Option<String>,
}

fn parse(line: &str) -> Option<Message> {
    match serde_json::from_str(line).ok()? {
        Json::CompilerArtifact { target, executable } => made(target, executable?),
        Json::CompilerMessage { target, message } => complain(target, message),
        Json::Other => None,
    }
}

fn made(target: JsonTarget, executable: PathBuf) -> Option<Message> {
    let name = target.name;
    let target = match target.kind.first()?.as_str() {
        "bin" => Target::Bin(name),
        "example" => Target::Example(name),
        "test" => Target::Test(name),
        _ => return None,
    };
    Some(Message::Made(target, executable))
}

/// The compiler's closing count ("aborting due to 2 previous errors") says nothing new.
fn complain(target: JsonTarget, message: JsonDiagnostic) -> Option<Message> {
    let diagnostic = Diagnostic { target: target.name, rendered: message.rendered? };
    match message.level.as_str() {
        "warning" if !message.message.ends_with("emitted") => Some(Message::Warning(diagnostic)),
        "error" if !message.message.starts_with("aborting due to") => {
            Some(Message::Error(diagnostic))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executable_is_found_by_kind_and_name() {
        let line = r#"{"reason":"compiler-artifact","target":{"kind":["test"],"name":"contract"},
            "profile":{"test":true},"executable":"/t/contract-1f"}"#;
        let Some(Message::Made(target, path)) = parse(line) else {
            panic!("an artifact with an executable is something made");
        };
        assert_eq!(target, Target::Test("contract".into()));
        assert_eq!(path, PathBuf::from("/t/contract-1f"));
    }

    #[test]
    fn libraries_and_other_messages_are_passed_over() {
        let library = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"events"},
            "executable":null}"#;
        for line in [library, r#"{"reason":"build-finished","success":true}"#, "prose"] {
            assert!(parse(line).is_none());
        }
    }

    #[test]
    fn an_error_keeps_the_text_of_the_compiler_and_the_closing_count_goes() {
        let line = |message: &str| {
            format!(
                r#"{{"reason":"compiler-message","target":{{"kind":["bin"],"name":"exercise-1"}},
                "message":{{"level":"error","message":"{message}","rendered":"error: {message}"}}}}"#
            )
        };
        let Some(Message::Error(error)) = parse(&line("expected `;`")) else {
            panic!("an error stays an error");
        };
        assert_eq!(error.rendered, "error: expected `;`");
        assert!(parse(&line("aborting due to 1 previous error")).is_none());
    }
}
