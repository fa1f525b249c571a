//! Step 9: a job whose holder is frozen for longer than its lease.

use std::thread;

use harness::{
    Kept, Signal, Stage,
    origin::{Manner, Origin},
    patience,
};

use crate::clients::{Ask, Done, LIMIT, account, ask, ask_any, doors, in_file};

const JOB: &str = "/jobs/report";

pub(crate) fn a_holder_is_frozen(stage: &mut Stage) -> Kept {
    stage.step("A worker is frozen in its job, past its lease of 500 ms");
    let origin = Origin::start(&stage.trial().recorder);
    let origin = origin.map_err(|error| stage.trial().broken("an origin", error.to_string()))?;
    let (url, (setting, file)) = (origin.url(), in_file(stage, "jobs.db"));
    let cluster = stage.start(&[("ORIGIN", &url), ("LEASE_MS", "500"), (setting, &file)])?;
    for _ in 0..6 {
        ask_any(cluster.address, Ask::post(JOB));
    }
    stage.say("The job has run six times, so the next run has token 7.");
    origin.set(JOB, Manner::Holds);
    let mut workers = doors(stage, &cluster)?;
    let (first, second) = (workers.pop_first(), workers.pop_first());
    let Some(((slot, (pid, mut first)), (other, (_, mut second)))) = first.zip(second) else {
        return Ok(());
    };
    let first = thread::spawn(move || ask(&mut first, Ask::post(JOB)));
    let is_working = origin.was_asked(JOB, 7, LIMIT);
    stage.trial().expect(is_working, "a worker that does the job", "none")?;
    cluster.signal_process(pid, Signal::SIGSTOP)?;
    // As long as the lease lasts, the answer is 409.
    let second = thread::spawn(move || {
        let mut refused = 0;
        let done = processes::until(patience(LIMIT), || {
            let done = ask(&mut second, Ask::post(JOB));
            refused += usize::from(done.status() == 409);
            (done.status() != 409).then_some(done)
        });
        (refused, done)
    });
    let is_taken = origin.was_asked(JOB, 8, LIMIT);
    stage.trial().expect(is_taken, "another worker that does it after the lease", "none")?;
    origin.set(JOB, Manner::Answers);
    let second = second.join().ok().and_then(|(refused, done)| Some((refused, done?)));
    let Some((refused, written)) = second else {
        return Err(stage.trial().broken("an answer from the other worker", "none"));
    };
    cluster.signal_process(pid, Signal::SIGCONT)?;
    let late = first.join().map_err(|_| stage.trial().broken("an answer", "none"))?;
    let token = |done: &Done| done.json()["token"].clone();
    let text =
        format!("worker {other} was refused {refused} times, then has token {}", token(&written));
    stage.finding(written.status() == 200 && token(&written) == 8, text);
    let text = format!("worker {slot} runs again with token 7: {}", late.status());
    stage.finding(late.status() == 409, text);
    let last = ask_any(cluster.address, Ask::get(JOB));
    let is_right = token(&last) == 8 && last.json()["result"] == written.json()["result"];
    stage.finding(is_right, format!("the result that counts has token {}", token(&last)));
    account(stage, &[written, late, last]);
    Ok(())
}
