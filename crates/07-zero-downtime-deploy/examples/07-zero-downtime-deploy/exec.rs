//! The step that has no way back once it succeeds: this process executes another program.
//!
//! The kernel keeps the pid, the children, the signals that wait and the socket on descriptor 0. Everything
//! else is gone: the event loop, its tasks, each descriptor that is close-on-exec.

use std::{
    env,
    ffi::{CString, OsStr, OsString},
    io,
    os::unix::{ffi::OsStrExt, net::UnixStream},
    path::{Path, PathBuf},
};

use cluster_basics::inherited::{BEQUEST, Bequest};
use nix::unistd::{dup2_stdin, execve};

use crate::{rehearsal::null_stdin, will::Legacy};

/// Executes `program`, which finds `legacy` on descriptor 0. Returns only if that failed, and why.
pub(crate) fn exec(program: &Path, legacy: &Legacy) -> io::Error {
    let failed = try_exec(program, legacy);
    // Nothing that is started from now on may find the will.
    match null_stdin() {
        Ok(()) => failed,
        Err(error) => error,
    }
}

fn try_exec(program: &Path, legacy: &Legacy) -> io::Error {
    match prepared(program, legacy) {
        Ok((path, arguments, variables)) => match execve(&path, &arguments, &variables) {
            Ok(never) => match never {},
            Err(error) => error.into(),
        },
        Err(error) => error,
    }
}

type Call = (CString, Vec<CString>, Vec<CString>);

fn prepared(program: &Path, legacy: &Legacy) -> io::Result<Call> {
    let (ours, theirs) = UnixStream::pair()?;
    legacy.send(&ours)?;
    // The number that no event loop has. To put them on 3 and further would close the epoll of this
    // program, which goes on if the kernel refuses.
    dup2_stdin(&theirs)?;
    let path = c_string(program.as_os_str())?;
    let arguments = env::args_os().skip(1).map(|argument| c_string(&argument));
    let arguments = [Ok(path.clone())].into_iter().chain(arguments).collect::<io::Result<_>>()?;
    let variables = env::vars_os().filter(|(name, _)| name != BEQUEST);
    let bequest = (OsString::from(BEQUEST), OsString::from(Bequest::Take.value()));
    let variables = variables.chain([bequest]).map(|(mut pair, value)| {
        pair.push("=");
        pair.push(value);
        c_string(&pair)
    });
    Ok((path, arguments, variables.collect::<io::Result<_>>()?))
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    CString::new(text.as_bytes()).map_err(io::Error::other)
}

/// The file that this program was started from, as it was named. It is remembered at the start and looked at
/// for each replacement: a deploy has put another file there, or turned a link on the way to it. The file that
/// runs (`current_exe`) is the old release, or "… (deleted)".
pub(crate) fn own_path() -> io::Result<PathBuf> {
    let name = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    if name.components().count() > 1 || name.is_absolute() {
        return std::path::absolute(name);
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&folders).map(|folder| folder.join(&name));
    match found.filter(|_| !name.as_os_str().is_empty()).find(|path| path.is_file()) {
        Some(path) => std::path::absolute(path),
        None => env::current_exe(),
    }
}
