//! A large answer that is on its way when the drain begins.

use events::Exit;
use harness::{Cluster, Kept, Signal, Trial};

use crate::scene::{self, NO_HURRY, PROMPT};

/// More than the buffers between two sockets hold, so most of it is still the worker's to send.
const PATH: &str = "/download?mb=32";
const LENGTH: usize = 32 << 20;

/// The client reads the head, and the rest only when the workers have closed their idle connections.
/// A worker that has handed the whole answer to its HTTP library owes it all the same.
pub(crate) fn a_large_answer_is_sent_whole(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY, ("LAME_DUCK_MS", "50")])?;
    let idle = scene::meet_all(trial, &cluster, 2)?;
    let body = download(trial, &cluster, || {
        cluster.signal(Signal::SIGTERM);
        for (pid, mut connection) in idle {
            connection.wait_closed().map_err(|failure| {
                let observed = format!("the idle connection to pid {pid}: {failure}");
                trial.broken("idle connections are closed after the lame duck", observed)
            })?;
        }
        trial.recorder.observe("the idle connections are closed: the client reads on");
        Ok(())
    })?;
    let observed = format!("GET {PATH}: {body} of {LENGTH} bytes");
    trial.expect(body == LENGTH, "200 and the whole body", observed)?;
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(0), "exit code 0: nothing was cut off", exit.to_string())
}

/// How many bytes of the body come, when `meanwhile` lies between its head and the rest.
fn download(trial: &Trial, cluster: &Cluster, meanwhile: impl FnOnce() -> Kept) -> Kept<usize> {
    let failed = |failure: harness::wire::Failure| {
        trial.broken("200 and the whole body", format!("GET {PATH}: {failure}"))
    };
    let mut client = cluster.connect()?;
    client.send(harness::wire::request("GET", PATH, "").as_bytes()).map_err(failed)?;
    let head = client.read_head().map_err(failed)?;
    trial.recorder.observe(format!("GET {PATH}: the answer begins, and its client reads no more"));
    meanwhile()?;
    Ok(client.read_body(&head).map_err(failed)?.body.len())
}
