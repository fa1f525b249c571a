//! What a terminal of this or that kind is sent.

use std::{
    fs::File,
    io::Read,
    os::unix::process::CommandExt,
    process::{Child, Command},
    sync::mpsc::{Receiver, channel},
    thread,
};

use nix::{
    pty::{Winsize, openpty},
    sys::signal::Signal,
};
use processes::{sweep, until};

use crate::sham::{SOON, Sham, exit_code, processes_of};

/// Starts `command` in a terminal of `columns`; what it shows comes when all have left it.
fn start(mut command: Command, columns: u16) -> (Child, Receiver<String>) {
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None).unwrap();
    let end = || terminal.slave.try_clone().unwrap();
    command.stdin(end()).stdout(end()).stderr(end()).process_group(0);
    let child = command.spawn().unwrap();
    drop(command);
    drop(terminal.slave);
    let (sender, shown) = channel();
    thread::spawn(move || {
        let (mut bytes, mut screen) = (Vec::new(), File::from(terminal.master));
        // Linux ends a terminal that all have left with an error.
        let _ = screen.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"));
    });
    (child, shown)
}

fn show(sham: &Sham, line: &str, columns: u16, variables: &[(&str, &str)]) -> String {
    let mut command = sham.xtask();
    command.args(line.split_whitespace()).env("TERM", "xterm").env("PAGER", "cat");
    command.envs(variables.iter().copied());
    let (mut child, shown) = start(command, columns);
    exit_code(&mut child);
    shown.recv_timeout(SOON).expect("the terminal is left")
}

#[test]
fn colour_is_for_terminals_that_have_it_and_readers_that_want_it() {
    let sham = Sham::new();
    assert!(show(&sham, "list", 80, &[]).contains('\x1b'));
    assert!(show(&sham, "list", 80, &[("NO_COLOR", "")]).contains('\x1b'));
    for variables in [[("NO_COLOR", "1")], [("TERM", "dumb")], [("CLICOLOR", "0")]] {
        for line in ["list", "guide 1", "solution 1 --spoil"] {
            let shown = show(&sham, line, 80, &variables);
            assert!(!shown.contains('\x1b'), "{variables:?}: {shown}");
        }
    }
}

#[test]
fn a_dumb_terminal_is_sent_no_cursor_movement() {
    let sham = Sham::new();
    sham.contract("[ $CONTRACT_PROMISE = second ] && break_it || say kept");
    assert!(show(&sham, "check 1", 80, &[]).contains("\x1b[K"), "a line that changes");
    assert!(!show(&sham, "check 1", 80, &[("TERM", "dumb")]).contains(['\x1b', '\r']));
}

#[test]
fn narrow_terminals_are_not_overrun() {
    let sham = Sham::new();
    sham.run("check 1").success();
    for columns in [60, 40, 30] {
        for line in ["", "list", "guide", "guide 1"] {
            let shown = show(&sham, line, columns, &[("NO_COLOR", "1")]);
            for text in shown.lines().filter(|text| !is_unbreakable(text, columns)) {
                let width = text.chars().count();
                assert!(width <= usize::from(columns), "`{line}` at {columns}: {text}");
            }
        }
    }
}

/// A command to paste, or a word that does not fit behind its label.
fn is_unbreakable(text: &str, columns: u16) -> bool {
    let longest = text.split_whitespace().map(|word| word.chars().count()).max();
    text.contains("cargo xtask") || longest.unwrap_or_default() + 16 > usize::from(columns)
}

#[test]
fn long_texts_go_through_a_pager_that_is_told_of_utf_8() {
    let sham = Sham::new();
    sham.script("pager", "cat > $SHAM/paged; echo \"charset $LESSCHARSET\"");
    for (line, text) in [("guide 1", "Who dies?"), ("solution 1 --spoil", "// the solution")] {
        let pager = sham.path("pager").display().to_string();
        let shown = show(&sham, line, 80, &[("PAGER", &pager), ("LC_ALL", "C")]);
        assert!(shown.contains("charset utf-8"), "{shown}");
        assert!(sham.read("paged").contains(text));
    }
}

#[test]
fn the_prompt_comes_back_after_the_pager_and_not_before() {
    let sham = Sham::new();
    // As `less` does, it stays when Ctrl-C comes.
    sham.script(
        "pager",
        "trap 'echo > $SHAM/interrupted' INT; echo > $SHAM/begun
        until [ -e $SHAM/go ]; do sleep 0.01; done",
    );
    let mut command = sham.xtask();
    command.args(["guide", "1"]).env("TERM", "xterm").env("PAGER", sham.path("pager"));
    let (mut runner, _shown) = start(command, 80);
    let is_there = |file: &str| until(SOON, || sham.path(file).exists().then_some(()));
    is_there("begun").expect("the pager is started");
    sweep::send_to_group(runner.id(), Signal::SIGINT).unwrap();
    is_there("interrupted").expect("the pager hears of it");
    assert!(runner.try_wait().unwrap().is_none(), "the runner waits for its pager");
    sham.write("go", "");
    assert_eq!(exit_code(&mut runner), 0);
    assert_eq!(processes_of(sham.folder.path()), [0; 0]);
}
