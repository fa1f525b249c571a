//! Programs that do their worst.

use std::{
    env,
    io::Write,
    net::TcpListener,
    process::{Command, ExitCode, Stdio},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{SigSet, Signal, raise},
    unistd::setsid,
};

/// Each program, and what a judge must observe of it.
pub(crate) const ALL: &[(&str, &str)] = &[
    ("never_listens", "no such line within"),
    ("exits_at_once", "ended first"),
    ("prints_garbage", "that line with no `address`"),
    ("says_localhost", "with a name instead of the IP address"),
    ("says_it_in_words", "`Listening on port 8000` isn't a JSON object"),
    ("accepts_and_never_answers", "no answer to GET / that names its process"),
    ("ignores_sigterm", "still running"),
    ("is_stopped", "still running"),
    ("floods_stdout", "still running"),
    ("prints_a_line_without_end", "still running"),
    ("spins", "still running"),
    ("leaves_a_grandchild", "left behind"),
    ("leaves_a_grandchild_in_a_session_of_its_own", "left behind"),
];

pub(crate) fn run(name: &str) -> ExitCode {
    match name {
        "exits_at_once" => ExitCode::FAILURE,
        "never_listens" => {
            start_grandchild("ignores_sigterm");
            forever()
        }
        "prints_garbage" => {
            println!("{{\"event\":\"listening\"}}\n{{\"event\":\"listening\",\"address\":7}}\n[");
            forever()
        }
        "is_stopped" => {
            // Said by a helper once this process is stopped, or SIGTERM could come before.
            start_helper("says_that_its_parent_listens");
            let _ = raise(Signal::SIGSTOP);
            forever()
        }
        "says_that_its_parent_listens" => {
            let parent = std::os::unix::process::parent_id();
            let is_stopped = || processes::Stat::of(parent).filter(|stat| stat.state == 'T');
            let stopped = processes::until(Duration::from_mins(1), is_stopped);
            stopped.map_or(ExitCode::FAILURE, |_| {
                listening();
                ExitCode::SUCCESS
            })
        }
        "says_localhost" => {
            println!("{{\"event\":\"listening\",\"address\":\"localhost:9\"}}");
            forever()
        }
        "says_it_in_words" => {
            println!("Listening on port 8000");
            forever()
        }
        "accepts_and_never_answers" => {
            let Ok(listener) = TcpListener::bind("127.0.0.1:0") else { return ExitCode::FAILURE };
            let Ok(address) = listener.local_addr() else { return ExitCode::FAILURE };
            println!("{{\"event\":\"listening\",\"address\":\"{address}\"}}");
            forever()
        }
        "floods_stdout" => {
            ignore_sigterm();
            listening();
            loop {
                println!("{{\"event\":\"worker-ready\",\"worker\":1,\"pid\":1}}\nnoise");
            }
        }
        "spins" => {
            ignore_sigterm();
            listening();
            loop {
                std::hint::spin_loop();
            }
        }
        "prints_a_line_without_end" => {
            ignore_sigterm();
            listening();
            while std::io::stdout().write_all(&[b'x'; 4096]).is_ok() {}
            forever()
        }
        "leaves_a_grandchild" | "leaves_a_grandchild_in_a_session_of_its_own" => {
            let grandchild = if name.ends_with("own") { "own_session" } else { "ignores_sigterm" };
            start_grandchild(grandchild);
            listening();
            // SIGTERM ends this one by default; the other one was told nothing.
            forever()
        }
        "own_session" => {
            let _ = setsid();
            ignore_sigterm();
            forever()
        }
        _ => {
            ignore_sigterm();
            listening();
            forever()
        }
    }
}

fn listening() {
    println!("{{\"event\":\"listening\",\"address\":\"127.0.0.1:9\"}}");
}

/// Blocks the signal rather than handling it: it stays pending forever.
fn ignore_sigterm() {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    set.add(Signal::SIGINT);
    let _ = set.thread_block();
}

fn start_grandchild(name: &str) {
    let Ok(me) = env::current_exe() else { return };
    let _ = Command::new(me).env("HOSTILE", name).stdout(Stdio::null()).spawn();
}

fn start_helper(name: &str) {
    let Ok(me) = env::current_exe() else { return };
    let _ = Command::new(me).env("HOSTILE", name).spawn();
}

fn forever() -> ! {
    loop {
        thread::park();
    }
}
