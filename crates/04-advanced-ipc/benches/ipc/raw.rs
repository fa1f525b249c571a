//! The least that a round trip costs: two processes that block in `read` in turn.

use std::{
    io::{self, Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    process::Command,
    time::Instant,
};

use crate::driver::{Order, orders, own_process};

/// The peer: sends back what comes.
pub(crate) fn peer() -> io::Result<()> {
    let mut stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length])?;
    }
}

pub(crate) fn driver() -> io::Result<()> {
    let (mut stream, theirs) = UnixStream::pair()?;
    let peer: &mut Command = &mut own_process("raw-peer")?;
    let peer = peer.stdin(std::os::fd::OwnedFd::from(theirs)).spawn()?;
    println!("{} 0", peer.id());
    for order in orders() {
        if let Order::Trip { size, count, .. } = order {
            let mut buffer = vec![b'x'; size];
            let began = Instant::now();
            for _ in 0..count {
                stream.write_all(&buffer)?;
                stream.read_exact(&mut buffer)?;
            }
            println!("{}", began.elapsed().as_nanos());
        }
    }
    Ok(())
}
