//! A webhook that the program POSTs to: it answers, hangs, or refuses.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{inbound::Inbound, patience, recorder::Recorder};

/// A receiver on an address of its own, for as long as the check runs.
pub struct Receiver {
    address: SocketAddr,
    received: Arc<Received>,
}

#[derive(Default)]
struct Received {
    bodies: Mutex<Vec<Value>>,
    news: Condvar,
    opened: AtomicUsize,
    closed: AtomicUsize,
}

impl Receiver {
    /// A receiver that answers each POST with 204, and keeps and records its JSON.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(recorder: &Recorder) -> io::Result<Self> {
        let recorder = recorder.clone();
        Self::serve(move |stream, received| {
            // A sender that breaks off, or says no JSON, has said nothing.
            let Ok(asked) = Inbound::read(&stream) else { return };
            let Ok(body) = serde_json::from_str::<Value>(&asked.body) else { return };
            recorder.observe(format!("a POST to the webhook: {body}"));
            let _ = (&stream).write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
            received.bodies.lock().unwrap_or_else(PoisonError::into_inner).push(body);
            received.news.notify_all();
        })
    }

    /// A receiver that takes each connection, and never says a word.
    ///
    /// # Errors
    /// When no port is free.
    pub fn hanging() -> io::Result<Self> {
        Self::serve(|mut stream, _| {
            let _ = io::copy(&mut stream, &mut io::sink());
        })
    }

    fn serve(handle: impl Fn(TcpStream, &Received) + Clone + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let received = Arc::new(Received::default());
        let shared = received.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (handle, received) = (handle.clone(), shared.clone());
                received.opened.fetch_add(1, Ordering::Relaxed);
                thread::spawn(move || {
                    handle(stream, &received);
                    received.closed.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        Ok(Receiver { address, received })
    }

    /// Where it is, as a program is told.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/alerts", self.address)
    }

    /// How many connections came, and how many of them are at their end. On a hanging receiver it
    /// is the sender that ends them.
    #[must_use]
    pub fn connections(&self) -> (usize, usize) {
        let closed = self.received.closed.load(Ordering::Relaxed);
        (self.received.opened.load(Ordering::Relaxed), closed)
    }

    /// What was received so far.
    #[must_use]
    pub fn bodies(&self) -> Vec<Value> {
        self.received.bodies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `find` makes something of what was received, `limit` at most.
    pub fn wait<T>(
        &self,
        limit: Duration,
        mut find: impl FnMut(&[Value]) -> Option<T>,
    ) -> Option<T> {
        let bodies = self.received.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = None;
        let is_missing = |bodies: &mut Vec<Value>| {
            found = find(bodies);
            found.is_none()
        };
        let _bodies = self.received.news.wait_timeout_while(bodies, patience(limit), is_missing);
        found
    }
}

/// An address where no process listens: connections are refused.
///
/// # Errors
/// When no port is free.
pub fn refusing_url() -> io::Result<String> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    Ok(format!("http://{address}/alerts"))
}
