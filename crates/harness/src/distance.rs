//! Clients that are far away: a network of its own, in which each packet takes its time.
//!
//! On loopback a handshake takes no time at all, so what gets lost between a SYN and the last ACK
//! shows only at a distance. This process moves to a network namespace and gives 127.0.0.1 to a tun
//! device. The program listens there as always; clients connect to 127.0.0.2, which is at the other
//! end of the device. Each packet that leaves is held for a while and comes back with source and
//! destination exchanged: to the program the client is 127.0.0.2, and to the client the program is.
//! The checksums stay right, because they don't depend on the order of the two addresses.

use std::{
    env,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr},
    os::unix::process::CommandExt,
    process::{Command, ExitCode, Stdio},
    sync::mpsc::{Sender, channel},
    thread,
    time::{Duration, Instant},
};

use processes::{adopt_orphans, end_descendants, on_interrupt};

use crate::{Trial, broken::Kept, recorder::Recorder, subject::Subject};

/// Where a client finds the program.
pub(crate) const OTHER_END: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const DEVICE: &str = "far0";
/// How long SIGKILL may take to end everything.
const SWEEP_LIMIT: Duration = Duration::from_secs(10);
const MTU: u16 = 1500;
/// Set in the process that runs inside.
const INSIDE: &str = "FAR_NETWORK";

/// Lets `scene` try `program`, or the program that `SUBJECT` names, with `delay` between client and
/// program in each direction. Prints why not, where this machine does not allow it.
#[must_use]
pub fn from_afar(program: &str, delay: Duration, scene: fn(&Trial) -> Kept) -> ExitCode {
    if env::var_os(INSIDE).is_none() {
        return match refusal() {
            Some(why) => {
                println!("skipped: {why}");
                ExitCode::SUCCESS
            }
            None => move_inside(),
        };
    }
    match guard().and_then(|()| build(delay)) {
        Ok(()) => play(program, Trial::at_a_distance, scene),
        Err(error) => {
            eprintln!("the network can't be built: {error}");
            ExitCode::from(4)
        }
    }
}

/// An interruption ends what we started.
pub(crate) fn guard() -> io::Result<()> {
    adopt_orphans()?;
    on_interrupt(|| drop(end_descendants(SWEEP_LIMIT)))
}

pub(crate) fn play(
    program: &str,
    place: fn(Trial) -> Trial,
    scene: fn(&Trial) -> Kept,
) -> ExitCode {
    let trial = Subject::from_env(program).and_then(|subject| {
        Trial::new(subject, Recorder::default()).map_err(|error| error.to_string())
    });
    let outcome = trial.and_then(|trial| {
        let trial = place(trial);
        scene(&trial).map_err(|broken| {
            let story = broken.story(&trial.recorder);
            let timeline = events::timeline::timeline(&story.timeline, 100).join("\n");
            format!("expected  {}\nobserved  {}\n{timeline}", story.expected, story.observed)
        })
    });
    let left = end_descendants(SWEEP_LIMIT);
    match outcome {
        Ok(()) if left.is_empty() => ExitCode::SUCCESS,
        Ok(()) => {
            eprintln!("processes that SIGKILL did not end: {left:?}");
            ExitCode::from(4)
        }
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

/// Why this machine can't be used; `None` if it can.
fn refusal() -> Option<String> {
    if let Err(error) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        return Some(format!("/dev/net/tun can't be opened ({error})"));
    }
    let mut try_it = namespace();
    try_it.args(["ip", "link"]).stdout(Stdio::null()).stderr(Stdio::null());
    match try_it.status() {
        Ok(status) if status.success() => None,
        Ok(_) => Some("this user can't make a network namespace, or `ip` is missing".to_owned()),
        Err(error) => Some(format!("`unshare` can't be started ({error})")),
    }
}

/// A command that runs what follows in a network namespace of its own.
fn namespace() -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--net", "--"]);
    unshare
}

fn move_inside() -> ExitCode {
    let error = match env::current_exe() {
        Ok(me) => namespace().arg(me).args(env::args_os().skip(1)).env(INSIDE, "1").exec(),
        Err(error) => error,
    };
    eprintln!("can't move to a namespace: {error}");
    ExitCode::from(4)
}

fn build(delay: Duration) -> io::Result<()> {
    let mut device = tun::Configuration::default();
    device.tun_name(DEVICE).mtu(MTU).up();
    let device = tun::create(&device).map_err(io::Error::other)?;
    ip("link set lo up")?;
    // Otherwise the whole of 127.0.0.0/8 would be here, and 127.0.0.2, too.
    ip("addr del 127.0.0.1/8 dev lo")?;
    ip(&format!("addr add 127.0.0.1/32 dev {DEVICE}"))?;
    // A packet from 127.0.0.2 is a forgery on any other device.
    std::fs::write(format!("/proc/sys/net/ipv4/conf/{DEVICE}/route_localnet"), "1")?;
    ip(&format!("route add {OTHER_END}/32 dev {DEVICE}"))?;
    let (mut from_device, mut to_device) = device.split();
    let (sender, packets) = channel();
    thread::spawn(move || hold(&mut from_device, &sender, delay));
    thread::spawn(move || {
        let (_never, alarm) = channel::<()>();
        for (due, packet) in packets {
            let left = Instant::saturating_duration_since(&due, Instant::now());
            let _ = alarm.recv_timeout(left);
            // The kernel refuses a packet only when the device is gone.
            let _ = to_device.write(&packet);
        }
    });
    Ok(())
}

fn ip(arguments: &str) -> io::Result<()> {
    let status = Command::new("ip").args(arguments.split(' ')).status()?;
    let failed = || io::Error::other(format!("`ip {arguments}` failed ({status})"));
    status.success().then_some(()).ok_or_else(failed)
}

/// Reads packets for as long as the device is there, and says when each is due at the other end.
fn hold(device: &mut impl Read, sender: &Sender<(Instant, Vec<u8>)>, delay: Duration) {
    let mut buffer = [0; MTU as usize];
    while let Ok(length @ 1..) = device.read(&mut buffer) {
        let mut packet = buffer[..length].to_vec();
        if exchange_addresses(&mut packet) && sender.send((Instant::now() + delay, packet)).is_err()
        {
            return;
        }
    }
}

/// Exchanges source and destination; `false` if it isn't IPv4.
fn exchange_addresses(packet: &mut [u8]) -> bool {
    let is_v4 = packet.first().is_some_and(|byte| byte >> 4 == 4) && packet.len() >= 20;
    if is_v4 {
        let (source, destination) = packet[12..20].split_at_mut(4);
        source.swap_with_slice(destination);
    }
    is_v4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_and_destination_are_exchanged_in_ipv4_alone() {
        let mut packet = [0; 20];
        packet[0] = 0x45;
        packet[12..20].copy_from_slice(&[127, 0, 0, 1, 127, 0, 0, 2]);
        assert!(exchange_addresses(&mut packet));
        assert_eq!(packet[12..20], [127, 0, 0, 2, 127, 0, 0, 1]);
        assert!(!exchange_addresses(&mut [0x60; 40]));
        assert!(!exchange_addresses(&mut [0x45; 3]));
    }
}
