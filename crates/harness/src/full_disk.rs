//! A disk that is full: no file of a program may grow beyond a size.

use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::{broken::Kept, cluster::Cluster, trial::Trial};

impl Trial {
    /// Starts the program so that its disk can be full later.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_on_a_small_disk(&self, settings: &[(&str, &str)]) -> Kept<Cluster> {
        Cluster::start(&self.recorder, without_signal(&self.command(settings)))
    }

    /// From now on no file of the primary can grow beyond `bytes`; with `None`, as far as at first.
    ///
    /// # Errors
    /// When the system does not allow that.
    pub fn limit_files(&self, cluster: &Cluster, bytes: Option<u64>) -> Kept {
        let most = getrlimit(Resource::Fsize);
        let limit = Rlimit { current: bytes.or(most.current), ..most };
        let pid = i32::try_from(cluster.pid).ok().and_then(Pid::from_raw);
        let limited = prlimit(pid, Resource::Fsize, limit);
        self.recorder.observe(match bytes {
            Some(bytes) => format!("no file of the primary can grow beyond {bytes} bytes now"),
            None => "the files of the primary can grow again".to_owned(),
        });
        limited.map(drop).map_err(|error| self.broken("a limit for files", error.to_string()))
    }
}

/// A file that reaches its limit sends SIGXFSZ, which ends a program. A disk that is full sends nothing.
fn without_signal(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#]);
    shell.arg(command.get_program()).args(command.get_args()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell
}
