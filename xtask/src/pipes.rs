//! Reading what a child process prints, without ever waiting for a stray that keeps its pipe.

use std::{
    io::{self, BufRead, BufReader, Read},
    sync::mpsc::{Receiver, channel},
    thread,
};

/// More than any report or tour has to say.
const LONGEST: u64 = 8 << 20;

/// Hands the first line of `pipe` to `heard`; an empty one when there is none.
pub(crate) fn first_line(
    pipe: Option<impl Read + Send + 'static>,
    heard: impl FnOnce(String) + Send + 'static,
) {
    let Some(pipe) = pipe else { return };
    thread::spawn(move || {
        let mut line = String::new();
        // What can't be read, or isn't text, isn't a line.
        let _ = BufReader::new(pipe.take(LONGEST)).read_line(&mut line);
        heard(line);
    });
}

/// Everything that `pipe` says until it closes, sent as one text.
pub(crate) fn everything(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, text) = channel();
    thread::spawn(move || {
        let Some(mut pipe) = pipe else { return };
        let mut bytes = Vec::new();
        let _ = pipe.by_ref().take(LONGEST).read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
        // A program that writes more must not block on a full pipe.
        let _ = io::copy(&mut pipe, &mut io::sink());
    });
    text
}
