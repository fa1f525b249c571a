//! A name server that says nothing: each name takes as long as a test says, and is not found then.
//!
//! This process moves to a network and a list of mounts of its own. There `/etc/resolv.conf` names 127.0.0.1,
//! and the check holds the port of a name server and reads nothing.

use std::{
    env, fs, io,
    net::UdpSocket,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use crate::{
    Trial,
    broken::Kept,
    distance::{guard, play},
};

/// Set in the process that runs inside: the file with the settings of the resolver.
const INSIDE: &str = "SILENT_NAME_SERVER";
/// How often a question is asked. The resolver allows for no more.
const ATTEMPTS: u64 = 5;
/// `$0` is that file, and the rest is what runs inside.
const MOVE: &str = "ip link set lo up && mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";

/// Lets `scene` try `program` where no name server answers, and a name takes as long as `takes`: 150 s at most,
/// as the resolver waits 30 s for one answer. Prints why not, where this machine does not allow
/// it.
#[must_use]
pub fn without_names(program: &str, takes: Duration, scene: fn(&Trial) -> Kept) -> ExitCode {
    let Some(settings) = env::var_os(INSIDE) else {
        return move_inside(takes);
    };
    // The name of the file is all that is needed of it: it is mounted.
    let _ = fs::remove_file(settings);
    let silent = UdpSocket::bind("127.0.0.1:53");
    match guard().and(silent) {
        Ok(_silent) => play(program, |trial| trial, scene),
        Err(error) => {
            eprintln!("the name server can't be silent: {error}");
            ExitCode::from(4)
        }
    }
}

fn move_inside(takes: Duration) -> ExitCode {
    let moved = settings(takes).and_then(|file| {
        let works = namespace(&file).arg("true").stderr(Stdio::null()).status()?.success();
        if !works {
            fs::remove_file(&file)?;
            println!("skipped: this user can't make a network and mounts of its own");
            return Ok(ExitCode::SUCCESS);
        }
        let mut inside = namespace(&file);
        inside.arg(env::current_exe()?).args(env::args_os().skip(1)).env(INSIDE, &file);
        Err(inside.exec())
    });
    moved.unwrap_or_else(|error| {
        eprintln!("can't move to a namespace: {error}");
        ExitCode::from(4)
    })
}

fn settings(takes: Duration) -> io::Result<PathBuf> {
    let file = env::temp_dir().join(format!("resolv-{}.conf", std::process::id()));
    let timeout = takes.as_secs() / ATTEMPTS;
    let text = format!("nameserver 127.0.0.1\noptions timeout:{timeout} attempts:{ATTEMPTS}\n");
    fs::write(&file, text)?;
    Ok(file)
}

fn namespace(settings: &PathBuf) -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--net", "--mount", "--", "sh", "-c", MOVE]).arg(settings);
    unshare
}
