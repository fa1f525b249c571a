//! What a check needs of the machine, tried out: a moment's work that tells a machine apart from a
//! program that is wrong.
//!
//! It is tried before a check, and again before a program is blamed.

mod tasks;

use std::{
    fs::{self, File},
    io::{
        self,
        ErrorKind::{AddrInUse, AddrNotAvailable},
        Read, Write,
    },
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

pub(crate) use self::tasks::checks_at_a_time;
use crate::{
    exit::{Failure, Lack},
    scratch,
};

/// Connections that are open at the same time.
const CONNECTIONS: usize = 32;
/// Ports for clients: each connection of a load keeps one for a minute after its end.
const PORTS: u32 = 1000;
/// Files that can be opened beside those that are open. A judge and a program each have as many.
const FILES: usize = 200;
/// A journal, a download, and what a program likes to write.
const MEBIBYTES: usize = 8;
/// Loopback connections are made within microseconds.
const LIMIT: Duration = Duration::from_secs(2);

/// Something that was tried: how it is, or what is missing.
pub(crate) struct Trial {
    pub(crate) name: &'static str,
    pub(crate) outcome: Result<String, Missing>,
}

/// What the machine lacks.
pub(crate) struct Missing {
    pub(crate) seen: String,
    pub(crate) fix: &'static str,
}

type Outcome = Result<String, Missing>;

/// How the system says that it ran out of something, and of what.
const SHORTAGES: [(&str, &str); 5] = [
    ("Resource temporarily unavailable", "processes or threads"),
    ("Too many open files", "descriptors"),
    ("Cannot allocate memory", "memory"),
    ("No space left on device", "space for temporary files"),
    ("Cannot assign requested address", "local ports"),
];

/// Everything, tried now.
pub(crate) fn trials() -> [Trial; 5] {
    [
        // Each of the others opens files.
        Trial { name: "descriptors", outcome: descriptors() },
        Trial { name: "tasks", outcome: tasks::tasks() },
        Trial { name: "temporary files", outcome: temporary_files() },
        Trial { name: "loopback", outcome: loopback() },
        Trial { name: "local ports", outcome: local_ports() },
    ]
}

/// An error that names what the machine lacks, if anything.
pub(crate) fn look() -> Result<(), Failure> {
    for Trial { name, outcome } in trials() {
        if let Err(Missing { seen, fix }) = outcome {
            return Err(Failure::Environment(format!(
                "This machine can't check a program now; this isn't a verdict on yours.\n\
                 {name}: {seen}.\n{fix}"
            )));
        }
    }
    Ok(())
}

/// `failure`, unless the machine explains it: it lacks something now, or it did a moment ago.
pub(crate) fn explain(failure: Failure) -> Failure {
    let Failure::Grader(error) = failure else { return failure };
    if let Err(machine) = look() {
        return machine;
    }
    let said = format!("{error:#}");
    match SHORTAGES.iter().find(|(sign, _)| said.contains(sign)) {
        None => Failure::Grader(error),
        Some((sign, what)) => Failure::Environment(format!(
            "The machine ran out of {what} in the middle ({sign}); this isn't a verdict on your \
             program.\nOne check at a time needs less: CHECK_JOBS=1 cargo xtask check …"
        )),
    }
}

fn temporary_files() -> Outcome {
    let folder = match scratch::temporary() {
        Ok(folder) => folder,
        Err(error) => {
            let seen =
                error.downcast_ref::<Lack>().map_or_else(|| error.to_string(), |l| l.0.clone());
            let seen = seen.trim_end_matches('.').to_owned();
            return Err(Missing { seen, fix: "Checks keep journals and copies there." });
        }
    };
    let file = folder.join("trial");
    let mebibyte = vec![0; 1 << 20];
    let written = File::create(&file)
        .and_then(|mut file| (0..MEBIBYTES).try_for_each(|_| file.write_all(&mebibyte)));
    let _ = fs::remove_file(&file);
    let place = std::env::temp_dir();
    match written {
        Ok(()) => Ok(format!("{} takes them", place.display())),
        Err(error) => Err(Missing {
            seen: format!("{MEBIBYTES} MiB can't be written in {} ({error})", place.display()),
            fix: "Free some space there, or name another folder: TMPDIR=/path cargo xtask …",
        }),
    }
}

fn loopback() -> Outcome {
    match connect_to_ourselves() {
        Ok(()) => Ok("127.0.0.1 takes connections on a free port".to_owned()),
        Err(error) if matches!(error.kind(), AddrInUse | AddrNotAvailable) => Err(Missing {
            seen: format!("no port is free for a client ({error})"),
            fix: "A connection keeps its port for a minute after its end. Wait a minute, or widen \
                  the range: sysctl -w net.ipv4.ip_local_port_range=\"32768 60999\"",
        }),
        Err(error) => Err(Missing {
            seen: format!("127.0.0.1 can't be connected to ({error})"),
            fix: "Bring the interface up: ip link set lo up. In a sandbox, allow local sockets.",
        }),
    }
}

fn connect_to_ourselves() -> io::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr()?;
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = TcpStream::connect_timeout(&address, LIMIT)?;
        let (mut server, _) = listener.accept()?;
        server.set_read_timeout(Some(LIMIT))?;
        client.write_all(b"?")?;
        server.read_exact(&mut [0])?;
        open.push((client, server));
    }
    Ok(())
}

fn local_ports() -> Outcome {
    // Linux alone has this file; elsewhere there are thousands.
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ends = range.split_whitespace().map_while(|end| end.parse::<u32>().ok());
    let (Some(first), Some(last)) = (ends.next(), ends.next()) else {
        return Ok("as many as the system has".to_owned());
    };
    let count = (last + 1).saturating_sub(first);
    if count >= PORTS {
        return Ok(format!("{first} to {last}"));
    }
    Err(Missing {
        seen: format!("only {count} ({first} to {last}); {PORTS} are needed"),
        fix: "More of them: sysctl -w net.ipv4.ip_local_port_range=\"32768 60999\"",
    })
}

fn descriptors() -> Outcome {
    let mut open = Vec::new();
    while open.len() < FILES {
        match File::open("/dev/null") {
            Ok(file) => open.push(file),
            Err(error) => {
                return Err(Missing {
                    seen: format!("only {} more files can be opened ({error})", open.len()),
                    fix: "In this shell: ulimit -n 1024",
                });
            }
        }
    }
    Ok(format!("{FILES} more files can be opened"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_that_runs_the_tests_has_what_a_check_needs() {
        for Trial { name, outcome } in trials() {
            assert!(outcome.is_ok(), "{name}: {}", outcome.err().map_or(String::new(), |m| m.seen));
        }
    }
}
