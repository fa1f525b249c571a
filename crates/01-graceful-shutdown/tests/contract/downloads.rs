//! A large answer that is on its way when the drain begins.

use std::time::Duration;

use events::Exit;
use harness::{Cluster, Kept, Signal, Trial, patience, wire::Connection};

use crate::scene::{self, NO_HURRY, PROMPT};

/// More than the buffers between two sockets hold, so most of it is still the worker's to send.
const PATH: &str = "/download?mb=32";
/// How long an idle connection may stay open in the drain until the client reads on all the same.
const LAME_DUCK_AND_MORE: Duration = Duration::from_secs(3);
const LENGTH: usize = 32 << 20;

/// The client reads the head, and the rest once the workers have closed their idle connections. (That
/// they do is another promise, so it isn't waited for for long.) A worker that has handed the whole
/// answer to its HTTP library owes it all the same.
pub(crate) fn a_large_answer_is_sent_whole(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY, ("LAME_DUCK_MS", "50")])?;
    let mut idle = scene::meet_all(trial, &cluster, 2)?;
    let body = download(trial, &cluster, || {
        cluster.signal(Signal::SIGTERM);
        let mut are_closed = || idle.values_mut().all(Connection::is_closed);
        processes::until(patience(LAME_DUCK_AND_MORE), || are_closed().then_some(()));
        trial.recorder.observe("the client reads on");
    })?;
    drop(idle);
    let observed = format!("GET {PATH}: {body} of {LENGTH} bytes");
    trial.expect(body == LENGTH, "200 and the whole body", observed)?;
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(
        exit == Exit::Code(0),
        "exit code 0: the download was answered whole",
        exit.to_string(),
    )
}

/// How many bytes of the body come, when `meanwhile` lies between its head and the rest.
fn download(trial: &Trial, cluster: &Cluster, meanwhile: impl FnOnce()) -> Kept<usize> {
    let failed = |failure: harness::wire::Failure| {
        trial.broken("200 and the whole body", format!("GET {PATH}: {failure}"))
    };
    let mut client = cluster.connect()?;
    client.send(harness::wire::request("GET", PATH, "").as_bytes()).map_err(failed)?;
    let head = client.read_head().map_err(failed)?;
    trial.recorder.observe(format!("GET {PATH}: the answer begins, and its client reads no more"));
    meanwhile();
    Ok(client.read_body(&head).map_err(failed)?.body.len())
}
