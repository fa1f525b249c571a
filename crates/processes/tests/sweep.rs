//! Programs that only fork: each process starts the next one and ends, faster than `/proc` is listed.

#![expect(clippy::expect_used, reason = "a test may panic anywhere")]

use std::{
    io::Read,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError, mpsc::channel},
    thread,
    time::Duration,
};

use processes::{adopt_orphans, descendants_of, end_descendants, hear};

const LIMIT: Duration = Duration::from_mins(1);
/// What the last process of a chain says. Its pipe closes when no process of the chain is left.
const SURVIVED: &str = "survived";

/// A sweep ends everything below this process, so the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Starts a chain, sweeps, and waits until no process of the chain holds its pipe any more.
#[expect(clippy::zombie_processes, reason = "the sweep reaps it")]
fn ends_the_chain(command: &mut Command) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    adopt_orphans().expect("orphans are adopted");
    let mut first = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut output = first.stdout.take().expect("it has a pipe");
    let (sender, said) = channel();
    thread::spawn(move || {
        let mut begun = [0];
        let _ = sender.send(output.read_exact(&mut begun).map(|()| String::new()));
        let mut rest = String::new();
        let _ = sender.send(output.read_to_string(&mut rest).map(|_| rest));
    });
    hear(&said, LIMIT).expect("it begins in time").expect("it says that it begins");
    let left = end_descendants(LIMIT);
    let rest = hear(&said, LIMIT).expect("the pipe closes").expect("the pipe can be read");
    assert!(left.is_empty() && !rest.contains(SURVIVED), "{left:?} {rest}");
    assert_eq!(descendants_of(std::process::id()), []);
}

/// Each process is a shell that starts the next one. `before` stands before its command.
fn shells(before: &str) -> Command {
    let link = format!(
        r#"[ "$1" = 0 ] && {{ echo {SURVIVED}; exit; }}; {before} sh -c "$0" "$0" $(($1 - 1)) &"#
    );
    let mut command = Command::new("sh");
    command.args(["-c", &format!("echo; {link}"), &link, "20000"]);
    command
}

#[test]
fn a_chain_of_shells_is_ended() {
    ends_the_chain(&mut shells(""));
}

#[test]
fn a_chain_whose_processes_have_sessions_of_their_own_is_ended() {
    ends_the_chain(&mut shells("setsid"));
}

/// Without `exec` a process of the chain lives for some hundred microseconds.
#[test]
fn a_chain_that_only_forks_is_ended() {
    for before in ["", "os.setsid();"] {
        let chain = format!(
            "import os\nos.write(1, b'.')\nfor _ in range(50000):\n    if os.fork(): os._exit(0)\n    \
             {before}\nos.write(1, b'{SURVIVED}')"
        );
        let mut python = Command::new("python3");
        if python.arg("--version").output().is_err() {
            println!("skipped: python3 is not installed");
            return;
        }
        ends_the_chain(Command::new("python3").args(["-c", &chain]));
    }
}
