//! The pictures of a tour: drawn anew on a terminal that can move its cursor, and once on any other.
//!
//! This binary is the test, and the tour that the test plays in a terminal.

use std::{
    env,
    fs::File,
    io::Read,
    process::{Command, ExitCode},
    time::Duration,
};

use harness::{Kept, Stage};
use libtest_mimic::{Arguments, Failed, Trial};
use nix::pty::{Winsize, openpty};

const LIMIT: Duration = Duration::from_mins(1);
/// A picture is complete after this many looks, which take 5 ms each at least.
const LOOKS: usize = 40;

fn main() -> ExitCode {
    if env::var_os("SUBJECT").is_some() {
        return harness::tour("pictures", play, &[]);
    }
    let tests = vec![
        Trial::test("a_terminal_sees_a_picture_grow", grows),
        Trial::test("a_dumb_terminal_sees_a_picture_once", || is_shown_once("dumb")),
        Trial::test("a_terminal_without_a_name_sees_a_picture_once", || is_shown_once("")),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

#[expect(clippy::unnecessary_wraps, reason = "a tour plays it")]
fn play(stage: &mut Stage) -> Kept {
    stage.step("A picture grows");
    let picture = |_| vec!["   the picture".to_owned(), "   its legend".to_owned()];
    let is_over =
        stage.watch(LIMIT, picture, complete()) && stage.watch_live(LIMIT, picture, complete());
    stage.finding(is_over, "it is complete");
    Ok(())
}

/// Says at each look whether the picture is complete.
fn complete() -> impl FnMut() -> bool {
    let mut looks = 0;
    move || {
        looks += 1;
        looks > LOOKS
    }
}

/// All that a terminal of this kind is sent.
fn shown(term: &str) -> Result<String, Failed> {
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None)?;
    let mut tour = Command::new(env::current_exe()?)
        .env("SUBJECT", "/bin/true")
        .env("TERM", term)
        .env("NO_COLOR", "1")
        .stdin(terminal.slave.try_clone()?)
        .stdout(terminal.slave.try_clone()?)
        .stderr(terminal.slave)
        .spawn()?;
    let (mut bytes, mut screen) = (Vec::new(), File::from(terminal.master));
    // Linux ends a terminal that each process has left with an error.
    let _ = screen.read_to_end(&mut bytes);
    if !tour.wait()?.success() {
        return Err("the tour does not hold".into());
    }
    Ok(String::from_utf8(bytes)?.replace("\r\n", "\n"))
}

fn grows() -> Result<(), Failed> {
    let shown = shown("xterm")?;
    if shown.matches("the picture").count() < 3 || !shown.contains("\x1b[2F\x1b[J") {
        return Err(format!("it is not drawn anew: {shown:?}").into());
    }
    Ok(())
}

fn is_shown_once(term: &str) -> Result<(), Failed> {
    let shown = shown(term)?;
    if shown.contains(['\x1b', '\r']) || shown.matches("the picture").count() != 1 {
        return Err(format!("{term:?}: {shown:?}").into());
    }
    Ok(())
}
