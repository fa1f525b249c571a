//! HTTP/1.1 by hand, because an ordinary client does not tell what we must know: was the
//! connection refused, reset, closed before a single byte of the answer, or in the middle of it?

mod answer;
mod head;

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use self::{
    answer::classify,
    head::{Body, parse_head},
};
pub use self::{
    answer::{Answer, Failure},
    head::Head,
};

/// Bytes of an answer's head at most.
const MAX_HEAD: usize = 16 * 1024;

/// One connection, and how many requests it has carried.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<TcpStream>,
    limit: Duration,
    /// Requests answered on it so far.
    pub answered: usize,
}

impl Connection {
    /// Connects to `address`; every later read gives up after `limit`.
    ///
    /// # Errors
    /// [`Failure::Refused`], most likely.
    pub fn open(address: SocketAddr, limit: Duration) -> Result<Self, Failure> {
        let in_time = |error: io::Error| classify(&error, false, limit);
        let stream = TcpStream::connect_timeout(&address, limit).map_err(in_time)?;
        stream.set_read_timeout(Some(limit)).map_err(in_time)?;
        stream.set_write_timeout(Some(limit)).map_err(in_time)?;
        stream.set_nodelay(true).map_err(in_time)?;
        Ok(Connection { reader: BufReader::new(stream), limit, answered: 0 })
    }

    /// From now on a read waits for `limit` at most.
    pub(crate) fn limit_reads(&mut self, limit: Duration) -> io::Result<()> {
        self.limit = limit;
        self.reader.get_ref().set_read_timeout(Some(limit))
    }

    /// Whether the server has closed it by now. A client must look before it uses a connection
    /// again (RFC 9112, section 9.3.1).
    #[must_use]
    pub fn is_closed(&mut self) -> bool {
        let stream = self.reader.get_ref();
        if stream.set_nonblocking(true).is_err() {
            return true;
        }
        let peeked = stream.peek(&mut [0]);
        let is_open = matches!(&peeked, Err(error) if error.kind() == ErrorKind::WouldBlock);
        stream.set_nonblocking(false).is_err() || !is_open
    }

    /// Waits until the server closes it, the read limit at most.
    ///
    /// # Errors
    /// When it stays open, or something arrives on it.
    pub fn wait_closed(&mut self) -> Result<(), Failure> {
        match self.reader.fill_buf() {
            Ok([]) => Ok(()),
            Ok(_) => Err(Failure::Malformed("an answer to no request".to_owned())),
            Err(error) => match classify(&error, false, self.limit) {
                Failure::Reset => Ok(()),
                other => Err(other),
            },
        }
    }

    /// Sends raw bytes.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.reader.get_mut().write_all(bytes).map_err(|error| classify(&error, false, self.limit))
    }

    /// Reads until the head of an answer is complete.
    ///
    /// # Errors
    /// Says how it failed; [`Failure::Reset`] and [`Failure::Closed`] mean that not one byte came.
    pub fn read_head(&mut self) -> Result<Head, Failure> {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            let began = !bytes.is_empty();
            match self.reader.by_ref().take(MAX_HEAD as u64).read_until(b'\n', &mut bytes) {
                Ok(0) if began => return Err(Failure::Truncated),
                Ok(0) => return Err(Failure::Closed),
                Ok(_) if bytes.len() >= MAX_HEAD => {
                    return Err(Failure::Malformed("a head of over 16 KiB".to_owned()));
                }
                Ok(_) => {}
                Err(error) => return Err(classify(&error, began || !bytes.is_empty(), self.limit)),
            }
        }
        parse_head(&bytes)
    }

    /// Reads the body that belongs to `head`.
    ///
    /// # Errors
    /// [`Failure::Truncated`] when the connection ends before the body does.
    pub fn read_body(&mut self, head: &Head) -> Result<Answer, Failure> {
        let mut body = Vec::new();
        match head.body {
            Body::Length(length) => self.read_exactly(length, &mut body)?,
            Body::Chunked => self.read_chunks(&mut body)?,
            Body::UntilClose => drop(self.in_time(|reader| reader.read_to_end(&mut body))?),
        }
        self.answered += 1;
        let body = String::from_utf8_lossy(&body).into_owned();
        let (retry_after, set_cookie) = (head.retry_after.clone(), head.set_cookie.clone());
        Ok(Answer { status: head.status, closes: head.closes, retry_after, set_cookie, body })
    }

    /// Reads a chunked body (RFC 9112, section 7.1): each chunk after a line with its size, a last
    /// one of size 0, then trailers up to an empty line. Anything less is a body that was cut off.
    fn read_chunks(&mut self, body: &mut Vec<u8>) -> Result<(), Failure> {
        loop {
            let line = self.read_line()?;
            let Ok(httparse::Status::Complete((_, size))) = httparse::parse_chunk_size(&line)
            else {
                return Err(Failure::Malformed("a chunk without a size".to_owned()));
            };
            if size == 0 {
                while self.read_line()? != b"\r\n" {}
                return Ok(());
            }
            self.read_exactly(size, body)?;
            self.read_line()?;
        }
    }

    fn read_line(&mut self) -> Result<Vec<u8>, Failure> {
        let mut line = Vec::new();
        self.in_time(|reader| reader.take(MAX_HEAD as u64).read_until(b'\n', &mut line))?;
        if line.ends_with(b"\n") { Ok(line) } else { Err(Failure::Truncated) }
    }

    fn read_exactly(&mut self, length: u64, body: &mut Vec<u8>) -> Result<(), Failure> {
        let read = self.in_time(|reader| reader.take(length).read_to_end(body))?;
        if read as u64 == length { Ok(()) } else { Err(Failure::Truncated) }
    }

    /// Reads a part of an answer that has begun.
    fn in_time<T>(
        &mut self,
        read: impl FnOnce(&mut BufReader<TcpStream>) -> io::Result<T>,
    ) -> Result<T, Failure> {
        read(&mut self.reader).map_err(|error| classify(&error, true, self.limit))
    }

    /// Sends GET `path` and reads the whole answer.
    ///
    /// # Errors
    /// Says how it failed.
    pub fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        // A server may answer and close before it has read all of a request: the answer counts.
        let _ = self.send(request("GET", path, "").as_bytes());
        self.answer()
    }

    /// Reads the whole answer to a request that was sent.
    ///
    /// # Errors
    /// Says how it failed.
    pub fn answer(&mut self) -> Result<Answer, Failure> {
        let head = self.read_head()?;
        self.read_body(&head)
    }
}

/// The bytes of a request.
#[must_use]
pub fn request(method: &str, path: &str, body: &str) -> String {
    request_with_cookie(method, path, None, body)
}

/// The same with a `Cookie`, such as `sid=1`.
#[must_use]
pub fn request_with_cookie(method: &str, path: &str, cookie: Option<&str>, body: &str) -> String {
    let cookie = cookie.map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
    let length =
        if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{cookie}{length}\r\n{body}")
}
