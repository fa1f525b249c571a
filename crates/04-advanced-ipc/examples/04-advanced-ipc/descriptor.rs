//! One descriptor over a Unix socket: what only processes of one machine can give each other.
//!
//! A descriptor travels beside the bytes of a stream (`SCM_RIGHTS`, man `unix(7)`), and never alone: it
//! needs at least one byte. A plain `read` of that byte closes the descriptor, so a socket that passes
//! descriptors has a receiver that knows it. This one carries nothing else.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    cmsg_space,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};

/// The byte that a descriptor travels with. It says nothing.
const COMPANION: [u8; 1] = [0];

/// Passes `descriptor` on. The receiver gets one of its own for the same open file: both share its
/// position.
pub(crate) fn send(socket: impl AsFd, descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor];
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    sendmsg(socket, &[IoSlice::new(&COMPANION)], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Takes one descriptor, which no process that we start inherits.
///
/// # Errors
/// When none came. Those that came are closed then.
pub(crate) fn receive(socket: impl AsFd) -> io::Result<OwnedFd> {
    let mut byte = COMPANION;
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut buffers = [IoSliceMut::new(&mut byte)];
    let received = recvmsg(socket, &mut buffers, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let descriptor = first(&mut ancillary);
    // The bytes arrive all the same, and nothing else says that it was lost.
    if received.flags.contains(ReturnFlags::CTRUNC) {
        let why = "a descriptor was lost: this process may open no more";
        return Err(io::Error::other(why));
    }
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    descriptor.ok_or_else(|| io::Error::other("a byte came without a descriptor"))
}

fn first(ancillary: &mut RecvAncillaryBuffer<'_>) -> Option<OwnedFd> {
    ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        fs::File,
        io::Write,
        os::unix::{fs::MetadataExt, net::UnixStream},
        process::Command,
    };

    use rustix::{
        io::{Errno, FdFlags, fcntl_getfd},
        process::{Resource, Rlimit, getrlimit, setrlimit},
    };

    use super::*;

    fn pair() -> (UnixStream, UnixStream) {
        UnixStream::pair().expect("a socket pair")
    }

    fn some_file() -> File {
        File::open("/proc/self/exe").expect("our own program")
    }

    #[test]
    fn it_is_the_same_file_and_no_child_inherits_it() {
        let ((ours, theirs), file) = (pair(), some_file());
        send(&ours, file.as_fd()).expect("it is sent");
        let received = receive(&theirs).expect("it is received");
        assert!(fcntl_getfd(&received).expect("its flags").contains(FdFlags::CLOEXEC));
        let [sent, received] = [file, received.into()].map(|file| file.metadata().expect("open"));
        assert_eq!((sent.dev(), sent.ino()), (received.dev(), received.ino()));
    }

    #[test]
    fn a_byte_alone_and_the_end_are_no_descriptor() {
        let (mut ours, theirs) = pair();
        ours.write_all(b"x").expect("there is room");
        drop(ours);
        let error = receive(&theirs).expect_err("a byte alone");
        assert!(error.to_string().contains("without a descriptor"), "{error}");
        let error = receive(&theirs).expect_err("the end");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn the_kernel_passes_253_at_once_and_no_more() {
        let (ours, _theirs) = pair();
        let passes = |number: usize| {
            let descriptors = vec![ours.as_fd(); number];
            let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(254))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
            sendmsg(&ours, &[IoSlice::new(&COMPANION)], &mut ancillary, SendFlags::NOSIGNAL)
        };
        assert_eq!((passes(253), passes(254)), (Ok(1), Err(Errno::INVAL)));
    }

    /// The limit belongs to the whole process, so this test runs once more in a process of its own.
    #[test]
    fn a_descriptor_that_was_lost_on_its_way_is_an_error() {
        if env::var_os("MAY_OPEN_NOTHING").is_some() {
            return receives_with_no_descriptor_left();
        }
        let name = "descriptor::tests::a_descriptor_that_was_lost_on_its_way_is_an_error";
        let mut command = Command::new(env::current_exe().expect("our own program"));
        let command = command.args(["--exact", name]).env("MAY_OPEN_NOTHING", "1");
        let output = command.output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    fn receives_with_no_descriptor_left() {
        let ((ours, theirs), file) = (pair(), some_file());
        send(&ours, file.as_fd()).expect("it is sent");
        send(&ours, file.as_fd()).expect("it is sent again");
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..before }).expect("lower");
        let lost = receive(&theirs);
        setrlimit(Resource::Nofile, before).expect("as before");
        let error = lost.expect_err("there is no descriptor for it");
        assert!(error.to_string().contains("was lost"), "{error}");
        receive(&theirs).expect("the next one finds room");
    }
}
