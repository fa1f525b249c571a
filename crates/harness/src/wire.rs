//! HTTP/1.1 by hand, because an ordinary client does not tell what we must know: was the
//! connection refused, reset, closed before a single byte of the answer, or in the middle of it?

use std::{
    fmt,
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Bytes of an answer's head at most.
const MAX_HEAD: usize = 16 * 1024;

/// An answer that arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status code.
    pub status: u16,
    /// Whether the server closes the connection after it (RFC 9112, section 9.6).
    pub closes: bool,
    /// Its body.
    pub body: String,
}

/// How a request fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody listens.
    Refused,
    /// The connection was reset before the first byte of an answer.
    Reset,
    /// The connection was closed in good order before the first byte of an answer.
    Closed,
    /// The answer began, and the connection ended in the middle of it.
    Truncated,
    /// Nothing came for this long.
    TimedOut(Duration),
    /// What came is not HTTP/1.1.
    Malformed(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused => f.write_str("connection refused"),
            Failure::Reset => f.write_str("connection reset before an answer"),
            Failure::Closed => f.write_str("connection closed without an answer"),
            Failure::Truncated => f.write_str("cut off in the middle of the answer"),
            Failure::TimedOut(limit) => write!(f, "no answer within {:.1} s", limit.as_secs_f64()),
            Failure::Malformed(what) => write!(f, "not an HTTP/1.1 answer: {what}"),
        }
    }
}

/// The head of an answer whose body is still to come.
#[derive(Debug)]
pub struct Head {
    status: u16,
    closes: bool,
    body: Body,
}

#[derive(Clone, Copy, Debug)]
enum Body {
    Length(u64),
    Chunked,
    UntilClose,
}

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
        let in_time = |error: std::io::Error| classify(&error, false, limit);
        let stream = TcpStream::connect_timeout(&address, limit).map_err(in_time)?;
        stream.set_read_timeout(Some(limit)).map_err(in_time)?;
        stream.set_write_timeout(Some(limit)).map_err(in_time)?;
        stream.set_nodelay(true).map_err(in_time)?;
        Ok(Connection { reader: BufReader::new(stream), limit, answered: 0 })
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
            Ok(_) => Err(Failure::Malformed("an answer that nobody asked for".to_owned())),
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
        let read = match head.body {
            Body::Length(length) => self.reader.by_ref().take(length).read_to_end(&mut body),
            Body::Chunked => {
                chunked_transfer::Decoder::new(&mut self.reader).read_to_end(&mut body)
            }
            Body::UntilClose => self.reader.read_to_end(&mut body),
        };
        let is_whole = match head.body {
            Body::Length(length) => body.len() as u64 == length,
            Body::Chunked | Body::UntilClose => true,
        };
        match read {
            Ok(_) if is_whole => {
                self.answered += 1;
                let body = String::from_utf8_lossy(&body).into_owned();
                Ok(Answer { status: head.status, closes: head.closes, body })
            }
            Ok(_) => Err(Failure::Truncated),
            Err(error) => Err(classify(&error, true, self.limit)),
        }
    }

    /// Sends GET `path` and reads the whole answer.
    ///
    /// # Errors
    /// Says how it failed.
    pub fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        // A server may answer and close before it has read all of a request: the answer counts.
        let _ = self.send(request("GET", path, "").as_bytes());
        let head = self.read_head()?;
        self.read_body(&head)
    }
}

/// The bytes of a request.
#[must_use]
pub fn request(method: &str, path: &str, body: &str) -> String {
    let length =
        if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}\r\n{body}")
}

fn parse_head(bytes: &[u8]) -> Result<Head, Failure> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(bytes).map_err(|error| Failure::Malformed(error.to_string()))?;
    let header = |name: &str| {
        let found =
            response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(found.value).trim().to_ascii_lowercase())
    };
    let lists = |name: &str, token: &str| {
        header(name).is_some_and(|value| value.split(',').any(|item| item.trim() == token))
    };
    let body = match header("content-length").map(|length| length.parse()) {
        _ if lists("transfer-encoding", "chunked") => Body::Chunked,
        Some(Ok(length)) => Body::Length(length),
        Some(Err(_)) => return Err(Failure::Malformed("Content-Length is no number".to_owned())),
        None if matches!(response.code, Some(204 | 304)) => Body::Length(0),
        None => Body::UntilClose,
    };
    let closes = lists("connection", "close")
        || matches!(body, Body::UntilClose)
        || response.version == Some(0);
    Ok(Head { status: response.code.unwrap_or(0), closes, body })
}

fn classify(error: &std::io::Error, began: bool, limit: Duration) -> Failure {
    match error.kind() {
        ErrorKind::ConnectionRefused => Failure::Refused,
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Failure::TimedOut(limit),
        _ if began => Failure::Truncated,
        ErrorKind::UnexpectedEof => Failure::Closed,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
            Failure::Reset
        }
        other => Failure::Malformed(other.to_string()),
    }
}
