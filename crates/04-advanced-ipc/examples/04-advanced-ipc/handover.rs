//! Where workers fetch the primary's file, and which process may.
//!
//! The address is a name, which any process of this machine could use, or take first. But on a Unix
//! socket the kernel says which process is at the other end (`SO_PEERCRED`), and both sides look.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, ErrorKind, Write},
    os::{fd::AsFd, unix::process::parent_id},
    process,
    time::Duration,
};

use advanced_ipc::Pid;
use events::warn;
use rustix::fs::{MemfdFlags, memfd_create};
use tokio::{
    io::Interest,
    net::{UnixListener, UnixStream},
    sync::watch,
    task::AbortHandle,
    time::sleep,
};

use crate::descriptor;

/// How long nothing is accepted after an error: most likely no descriptor is left.
const PAUSE: Duration = Duration::from_millis(50);

/// The processes of the workers that are there.
type Processes = watch::Receiver<BTreeSet<Pid>>;

/// Gives the primary's file to each worker that asks, until it is dropped.
pub(crate) struct Handover(AbortHandle);

impl Handover {
    /// Begins to give workers a file. A primary that can't still has workers.
    pub(crate) fn open(processes: Processes) -> Option<Self> {
        let opened = file_without_a_name()
            .and_then(|file| Self::at(&address(process::id()), file, processes));
        opened.map_err(|error| warn(format_args!("no worker gets a file: {error}"))).ok()
    }

    fn at(address: &str, file: File, processes: Processes) -> io::Result<Self> {
        let serving = serve(UnixListener::bind(address)?, file, processes);
        Ok(Handover(tokio::spawn(serving).abort_handle()))
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A name that begins with a zero lies in no folder, and is free again when its process ends (man
/// `unix(7)`, abstract sockets).
fn address(primary: u32) -> String {
    format!("\0advanced-ipc/{primary}")
}

/// Only its descriptor leads to it, so a worker that has read it was given that.
fn file_without_a_name() -> io::Result<File> {
    let mut file = File::from(memfd_create("handover", MemfdFlags::CLOEXEC)?);
    write!(file, "opened by process {}", process::id())?;
    Ok(file)
}

async fn serve(listener: UnixListener, file: File, processes: Processes) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        let is_worker = process_at(&stream).is_some_and(|pid| processes.borrow().contains(&pid));
        if is_worker {
            // A new connection has room for a byte. If the worker is gone, nothing is owed to it.
            let _ = descriptor::send(&stream, file.as_fd());
        }
    }
}

/// The process at the other end: it connected, or it began to listen.
fn process_at(stream: &UnixStream) -> Option<Pid> {
    let pid = stream.peer_cred().ok()?.pid()?;
    u32::try_from(pid).ok().map(Pid)
}

/// The file of this worker's primary.
///
/// # Errors
/// When there is none, or another process took the primary's address.
pub(crate) async fn fetch() -> io::Result<File> {
    let primary = parent_id();
    fetch_at(&address(primary), Pid(primary)).await
}

async fn fetch_at(address: &str, primary: Pid) -> io::Result<File> {
    let stream = UnixStream::connect(address).await?;
    if process_at(&stream) != Some(primary) {
        return Err(ErrorKind::PermissionDenied.into());
    }
    let descriptor = stream.async_io(Interest::READABLE, || descriptor::receive(&stream)).await?;
    Ok(descriptor.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    /// What a process gets that the kernel names as this one, and that believes in `primary`.
    async fn fetched(name: &str, workers: &[Pid], primary: Pid) -> io::Result<String> {
        let address = format!("{}/{name}", address(process::id()));
        let (_sender, processes) = watch::channel(workers.iter().copied().collect());
        let _handover = Handover::at(&address, file_without_a_name()?, processes)?;
        let file = fetch_at(&address, primary).await?;
        let mut text = [0; 64];
        let length = file.read_at(&mut text, 0)?;
        Ok(String::from_utf8_lossy(&text[..length]).into_owned())
    }

    #[tokio::test]
    async fn a_worker_gets_the_file() {
        let text = fetched("worker", &[Pid::own()], Pid::own()).await.expect("it is a worker");
        assert_eq!(text, format!("opened by process {}", process::id()));
    }

    #[tokio::test]
    async fn a_process_that_is_not_a_worker_gets_no_file() {
        let refused = fetched("stranger", &[], Pid::own()).await;
        assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::UnexpectedEof));
    }

    #[tokio::test]
    async fn a_process_that_took_the_address_is_not_believed() {
        let refused = fetched("impostor", &[Pid::own()], Pid(1)).await;
        assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::PermissionDenied));
    }
}
