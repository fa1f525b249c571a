//! A slow server behind the program: it counts what it is asked, and answers when the check says so.
//!
//! A cache, a lock or a job is right or wrong only while something takes long. Here a check decides how
//! long: it holds the answers for a path, does what it wants to try, and releases them. No timing is left
//! to chance.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use crate::{inbound::Inbound, patience, recorder::Recorder};

/// How long an answer is held at most: a check that ends early leaves no thread waiting.
const HELD_AT_MOST: Duration = Duration::from_mins(2);

/// How the origin answers for a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// At once, with 200 and what was sent to it.
    #[default]
    Answers,
    /// Not before the manner changes.
    Holds,
    /// The same, but for this many requests for the path, the first ones: these are answered at once.
    HoldsAfter(usize),
    /// At once, with 500.
    Fails,
}

/// An origin on an address of its own, for as long as the check runs.
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    asked: Vec<Inbound>,
    /// How many answers it has sent, by path.
    answered: BTreeMap<String, usize>,
    manners: BTreeMap<String, Manner>,
}

impl Origin {
    /// An origin that answers at once.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(recorder: &Recorder) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let (theirs, recorder) = (shared.clone(), recorder.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, recorder) = (theirs.clone(), recorder.clone());
                thread::spawn(move || shared.serve(&stream, &recorder));
            }
        });
        Ok(Origin { address, shared })
    }

    /// Where it is, as a program is told.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on requests for `path` are answered like this, those that are held, too.
    pub fn set(&self, path: &str, manner: Manner) {
        self.shared.state().manners.insert(path.to_owned(), manner);
        self.shared.news.notify_all();
    }

    /// What it was asked for `path` so far, in order.
    #[must_use]
    pub fn asked(&self, path: &str) -> Vec<Inbound> {
        self.shared.state().of(path).cloned().collect()
    }

    /// Waits until it was asked `count` times for `path`, `limit` at most, and says whether it was.
    #[must_use]
    pub fn was_asked(&self, path: &str, count: usize, limit: Duration) -> bool {
        self.wait(limit, |state| state.count(path) >= count)
    }

    /// Waits until it has sent `count` answers for `path`, `limit` at most, and says whether it has.
    #[must_use]
    pub fn has_answered(&self, path: &str, count: usize, limit: Duration) -> bool {
        self.wait(limit, |state| state.answered.get(path).is_some_and(|sent| *sent >= count))
    }

    fn wait(&self, limit: Duration, is_so: impl Fn(&State) -> bool) -> bool {
        let is_not_so = |state: &mut State| !is_so(state);
        let state = self.shared.state();
        let waited = self.shared.news.wait_timeout_while(state, patience(limit), is_not_so);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        is_so(&state)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: &TcpStream, recorder: &Recorder) {
        // A sender that breaks off has asked for nothing.
        let Ok(asked) = Inbound::read(stream) else { return };
        recorder.observe(format!("the origin is asked for {}", asked.path));
        let path = without_query(&asked.path).to_owned();
        let mut state = self.state();
        state.asked.push(asked.clone());
        let number = state.count(&path);
        self.news.notify_all();
        let is_held = |state: &mut State| match state.manner(&path) {
            Manner::Holds => true,
            Manner::HoldsAfter(answered) => number > answered,
            Manner::Answers | Manner::Fails => false,
        };
        let waited = self.news.wait_timeout_while(state, patience(HELD_AT_MOST), is_held);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let status = match state.manner(&path) {
            Manner::Fails => "500 Internal Server Error",
            Manner::Answers | Manner::Holds | Manner::HoldsAfter(_) => "200 OK",
        };
        drop(state);
        recorder.observe(format!("the origin answers {status} for {}", asked.path));
        let (length, body) = (asked.body.len(), asked.body);
        // The asker may have hung up.
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        *self.state().answered.entry(path).or_default() += 1;
        self.news.notify_all();
    }
}

impl State {
    fn of<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Inbound> {
        self.asked.iter().filter(move |asked| without_query(&asked.path) == path)
    }

    fn count(&self, path: &str) -> usize {
        self.of(path).count()
    }

    fn manner(&self, path: &str) -> Manner {
        self.manners.get(path).copied().unwrap_or_default()
    }
}

fn without_query(path: &str) -> &str {
    path.split_once('?').map_or(path, |(path, _)| path)
}
