//! One listening socket: the primary binds it once, every worker inherits it.
//!
//! All of them accept from the same queue in the kernel, so a connection that waits there when a
//! worker ends is accepted by another worker. (One `SO_REUSEPORT` socket per worker would lose it:
//! guide 03 shows that.)

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, TcpListener},
    thread,
    time::{Duration, Instant},
};

use crate::run::StartError;

/// How long an accept waits before it looks up whether it should stop.
pub(crate) const ACCEPT_INTERVAL: Duration = Duration::from_millis(50);

/// How long an earlier service may take to give up the address.
const OTHERS_END: Duration = Duration::from_secs(2);

/// Listens on 127.0.0.1, on the port that `setting` names. Port 0 takes any free one: ask
/// `local_addr` which.
///
/// # Errors
/// [`StartError::Bind`] when another process listens there already.
pub fn bind(setting: &'static str, port: u16) -> Result<TcpListener, StartError> {
    let listener = patiently(|| TcpListener::bind((Ipv4Addr::LOCALHOST, port)))
        .map_err(|source| StartError::Bind { setting, port, source })?;
    bound_the_wait(&listener)?;
    Ok(listener)
}

/// Tries again for a while when the address is in use: after a SIGKILL to a primary its workers may
/// need a moment to end, and they hold the socket.
fn patiently<T>(bind: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let deadline = Instant::now() + OTHERS_END;
    loop {
        match bind() {
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < deadline => {
                thread::park_timeout(ACCEPT_INTERVAL);
            }
            bound => return bound,
        }
    }
}

/// On Linux an accept blocks for at most [`ACCEPT_INTERVAL`].
///
/// Both this limit and `O_NONBLOCK` belong to the socket, not to the descriptor: every process
/// that inherited it shares them. So they are set here, once, and nowhere else.
#[cfg(target_os = "linux")]
fn bound_the_wait(listener: &TcpListener) -> io::Result<()> {
    use nix::sys::{socket::setsockopt, socket::sockopt::ReceiveTimeout, time::TimeVal};
    let micros = i64::from(ACCEPT_INTERVAL.subsec_micros());
    Ok(setsockopt(listener, ReceiveTimeout, &TimeVal::new(0, micros))?)
}

#[cfg(not(target_os = "linux"))]
fn bound_the_wait(listener: &TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)
}

/// Lets no new client into the kernel's queue; a client that waits there can still be accepted. The
/// filter belongs to the socket: it holds in every process and forever, so only a service that ends
/// may set it.
///
/// Without the filter, a handshake that completes between the last `accept` and the last `close` is
/// reset, and on a busy machine that gap can be long. The filter drops a SYN without ACK, and nothing
/// else: a handshake that is under way goes on, and [`crate::accept`] waits for it. A new client gets no
/// answer to its SYN, sends it again after a second (RFC 6298), and is refused then.
///
/// # Errors
/// When the kernel does not take the filter. Outside Linux there is none, and the gap stays.
pub fn admit_no_more(listener: &TcpListener) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use socket2::{SockFilter, SockRef};
        // The opcodes of the kernel's `networking/filter`: load a byte, and, jump if equal, return.
        const LOAD: u16 = 0x30;
        const AND: u16 = 0x54;
        const JUMP_IF_EQUAL: u16 = 0x15;
        const RETURN: u16 = 0x06;
        // In a TCP header byte 13 has the flags, among them SYN (2) and ACK (16).
        SockRef::from(listener).attach_filter(&[
            SockFilter::new(LOAD, 0, 0, 13),
            SockFilter::new(AND, 0, 0, 0x12),
            SockFilter::new(JUMP_IF_EQUAL, 0, 1, 0x02),
            SockFilter::new(RETURN, 0, 0, 0),
            SockFilter::new(RETURN, 0, 0, u32::MAX),
        ])?;
    }
    Ok(())
}
