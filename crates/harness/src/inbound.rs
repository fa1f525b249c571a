//! One request that the program sends to a server of the check.

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read},
    net::TcpStream,
    time::Duration,
};

use crate::patience;

/// The longest body that is read.
const MAX_BODY: u64 = 64 * 1024;
/// The longest line of a head.
const MAX_LINE: u64 = 16 * 1024;
/// How long a sender may take for its request.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// A request, as far as a check asks about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbound {
    /// Its path, with the query.
    pub path: String,
    /// Its body.
    pub body: String,
}

impl Inbound {
    /// Reads one request. The connection is then closed by the answer.
    ///
    /// # Errors
    /// When the sender breaks off, or takes longer than ten seconds.
    pub(crate) fn read(stream: &TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(patience(READ_LIMIT)))?;
        let mut reader = BufReader::new(stream);
        let first = line(&mut reader)?;
        let path = first.split_whitespace().nth(1).ok_or(ErrorKind::InvalidData)?.to_owned();
        let mut length = 0;
        loop {
            let line = line(&mut reader)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = Vec::new();
        reader.take(length.min(MAX_BODY)).read_to_end(&mut body)?;
        Ok(Inbound { path, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    match reader.take(MAX_LINE).read_line(&mut line)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(line),
    }
}
