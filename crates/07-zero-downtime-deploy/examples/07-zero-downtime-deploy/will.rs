//! What a primary leaves to the program that takes its place, and how it gets there.
//!
//! Descriptors travel over a Unix socket, in one message. The words are in a file without a name (man
//! `memfd_create`), whose descriptor is the first of them: so they may be long, and no send waits for room.

use std::{
    fs::File,
    io::{self, IoSlice, IoSliceMut, Seek, Write},
    mem::MaybeUninit,
    net::TcpListener,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{fs::FileExt, net::UnixStream},
    },
};

use rustix::{
    fs::{MemfdFlags, memfd_create},
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};
use serde::{Deserialize, Serialize};
use supervisor::workers::{WorkersHandover, WorkersRecord};
use zero_downtime_deploy::primary::PrimaryRecord;

use crate::canary::CanaryRecord;

/// The format of this program's will. A program that reads another one says so in its rehearsal.
pub(crate) const FORMAT: u32 = 1;

/// How many descriptors one message can carry (man `unix`, `SCM_MAX_FD`).
const MOST: usize = 253;

/// What is sent beside the descriptors: a message must have a byte at least.
const WORD: &[u8] = b"will";

/// The longest will that is read.
const LONGEST: u64 = 64 << 20;

/// The words.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Will {
    pub(crate) format: u32,
    /// How many programs this primary was before.
    pub(crate) generation: u32,
    /// When the primary stopped to hear its workers, in microseconds of unix time.
    pub(crate) left_at: u64,
    pub(crate) workers: WorkersRecord,
    pub(crate) primary: PrimaryRecord,
    pub(crate) canary: CanaryRecord,
}

/// The words and the descriptors, in the order in which they are sent.
pub(crate) struct Legacy {
    pub(crate) will: Will,
    /// The clients' socket.
    pub(crate) listener: TcpListener,
    /// The operators' socket.
    pub(crate) admin: TcpListener,
    /// The channel of each worker; none in a rehearsal.
    pub(crate) channels: Vec<OwnedFd>,
}

impl Legacy {
    /// The workers, for [`supervisor::Workers::put_together`], and the rest.
    pub(crate) fn into_parts(self) -> (Will, WorkersHandover, TcpListener) {
        let Legacy { mut will, listener, admin, channels } = self;
        let record = std::mem::take(&mut will.workers);
        (will, WorkersHandover { record, listener, channels }, admin)
    }
}

impl Legacy {
    /// Puts all of it into `socket`, in which it waits until the next program reads.
    pub(crate) fn send(&self, socket: &UnixStream) -> io::Result<()> {
        let words = words(&self.will)?;
        let fds: Vec<BorrowedFd<'_>> = [words.as_fd(), self.listener.as_fd(), self.admin.as_fd()]
            .into_iter()
            .chain(self.channels.iter().map(AsFd::as_fd))
            .collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if fds.len() > MOST || !ancillary.push(SendAncillaryMessage::ScmRights(&fds)) {
            let wanted = format!("{} descriptors don't fit into one message", fds.len());
            return Err(io::Error::other(wanted));
        }
        sendmsg(socket, &[IoSlice::new(WORD)], &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

fn words(will: &impl Serialize) -> io::Result<File> {
    let mut file = File::from(memfd_create("will", MemfdFlags::CLOEXEC)?);
    file.write_all(&serde_json::to_vec(will)?)?;
    file.rewind()?;
    Ok(file)
}

impl Legacy {
    /// Takes it out of `socket`.
    pub(crate) fn receive(socket: &UnixStream) -> io::Result<Self> {
        let mut fds = descriptors(socket)?.into_iter();
        let mut next = || fds.next().ok_or_else(|| io::Error::other("a descriptor is missing"));
        let will = read(&File::from(next()?))?;
        let (listener, admin) = (TcpListener::from(next()?), TcpListener::from(next()?));
        let legacy = Legacy { will, listener, admin, channels: fds.collect() };
        legacy.check()?;
        Ok(legacy)
    }

    fn check(&self) -> io::Result<()> {
        for listener in [&self.listener, &self.admin] {
            if !rustix::net::sockopt::socket_acceptconn(listener)? {
                return Err(io::Error::other("a socket that does not listen"));
            }
        }
        Ok(())
    }
}

/// The descriptors that wait in `socket`. None of them gets to a program that this one starts.
fn descriptors(socket: &UnixStream) -> io::Result<Vec<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut word = [0; WORD.len()];
    let mut parts = [IoSliceMut::new(&mut word)];
    let got = recvmsg(socket, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    if got.bytes != WORD.len() || word != WORD {
        return Err(io::Error::other("no will came"));
    }
    let messages = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None,
    });
    Ok(messages.flatten().collect())
}

/// The format comes first: another one may have other words.
fn read(file: &File) -> io::Result<Will> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    let length = file.metadata()?.len().min(LONGEST);
    let mut text = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    // Two programs may share the descriptor, and with it the place in the file.
    file.read_exact_at(&mut text, 0)?;
    let Head { format } = serde_json::from_slice(&text)?;
    if format != FORMAT {
        return Err(io::Error::other(format!(
            "a will in format {format}, and this program reads format {FORMAT}"
        )));
    }
    Ok(serde_json::from_slice(&text)?)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn listener() -> TcpListener {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port")
    }

    fn legacy(format: u32, channels: usize) -> Legacy {
        let will = Will {
            format,
            generation: 3,
            left_at: 5,
            workers: WorkersRecord::default(),
            primary: PrimaryRecord::default(),
            // Longer than a socket has room.
            canary: CanaryRecord { reason: Some("x".repeat(1 << 20)), ..CanaryRecord::default() },
        };
        let channels = (0..channels).map(|_| OwnedFd::from(listener())).collect();
        Legacy { will, listener: listener(), admin: listener(), channels }
    }

    fn received(legacy: &Legacy) -> io::Result<Legacy> {
        let (ours, theirs) = UnixStream::pair()?;
        legacy.send(&ours)?;
        Legacy::receive(&theirs)
    }

    fn refusal(legacy: &Legacy) -> String {
        received(legacy).err().expect("a refusal").to_string()
    }

    #[test]
    fn words_of_any_length_and_all_descriptors_arrive() {
        let sent = legacy(FORMAT, 0);
        let got = received(&sent).expect("all of it");
        assert_eq!(got.will, sent.will);
        let same = |one: &TcpListener, other: &TcpListener| {
            one.local_addr().expect("bound") == other.local_addr().expect("bound")
        };
        assert!(same(&got.listener, &sent.listener) && same(&got.admin, &sent.admin));
    }

    #[test]
    fn what_does_not_fit_is_refused_in_words() {
        assert_eq!(
            refusal(&legacy(FORMAT + 1, 0)),
            "a will in format 2, and this program reads format 1"
        );
        assert_eq!(refusal(&legacy(FORMAT, MOST)), "256 descriptors don't fit into one message");
        let (ours, theirs) = UnixStream::pair().expect("two sockets");
        drop(ours);
        let nothing = Legacy::receive(&theirs).err().expect("a refusal");
        assert_eq!(nothing.to_string(), "no will came");
    }
}
