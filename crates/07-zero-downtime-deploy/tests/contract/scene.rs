//! What several promises need to set their scene.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use harness::{
    Kept, Signal, Trial,
    exchange::{Pending, start_with_cookie},
    patience,
    who::children,
};
use serde_json::Value;

use crate::site::{Got, NEW, OLD, Site, WORKERS, versions};

/// How long something may take that has nothing to wait for.
pub(crate) const PROMPT: Duration = Duration::from_secs(15);
/// As many answers as no step here comes to.
pub(crate) const ENDLESS: (&str, &str) = ("STEP_ANSWERS", "1000");

impl Site<'_> {
    /// Deploys this version, and returns the number of the deploy.
    pub(crate) fn deploy(&self, version: &str) -> Kept<u64> {
        let said = self.operates("POST", &format!("/deploy?version={version}&by=anna"), 202)?;
        let number = said.json["deploy"].as_u64();
        number.ok_or_else(|| self.trial.broken("the number of the deploy", said.to_string()))
    }

    /// Deploys the version, and waits until every worker knows its first share.
    pub(crate) fn deploy_to(&self, version: &str, share: u64) -> Kept<u64> {
        let number = self.deploy(version)?;
        self.has_share(share)?;
        Ok(number)
    }

    /// Waits until every worker knows this share, as the program says.
    pub(crate) fn has_share(&self, share: u64) -> Kept {
        let is_so = |json: &Value| json["share"] == share && json["phase"] != "starting";
        self.until(&format!("every worker knows a share of {share} %"), is_so)
    }

    /// Waits until the program says that this is so. It proves nothing: it is only waited for.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Kept {
        let mut last = Ok(Value::Null);
        let done = processes::until(patience(PROMPT), || {
            last = self.operate("GET", "/deploy").map(|said| said.json);
            let is_over = last.as_ref().map_or(true, &is_so);
            is_over.then_some(())
        });
        let said = last?;
        if done.is_some() {
            self.trial.recorder.observe(format!("GET /deploy: {what}"));
            return Ok(());
        }
        let limit = patience(PROMPT).as_secs();
        Err(self.trial.broken(what, format!("not within {limit} s: GET /deploy says {said}")))
    }

    /// Waits until the log says that this deploy has this end, and returns the line.
    pub(crate) fn ends(&self, deploy: u64, did: &str) -> Kept<Value> {
        self.asks_until_it_ends(deploy, did, |_| Ok(()))
    }

    /// The same, with requests meanwhile.
    pub(crate) fn asks_until_it_ends(
        &self,
        deploy: u64,
        did: &str,
        mut ask: impl FnMut(&Self) -> Kept,
    ) -> Kept<Value> {
        let mut end = Ok(None);
        processes::until(patience(PROMPT), || {
            end = ask(self).and_then(|()| self.end_of(deploy));
            (!matches!(end, Ok(None)) || !self.cluster.is_running()).then_some(())
        });
        let expected = format!("deploy {deploy} ends: {did}");
        let Some(entry) = end? else {
            let observed = match self.did(deploy)?.last() {
                Some(last) => format!("the last thing in the log is {last:?}"),
                None => "no line about it in the log".to_owned(),
            };
            return Err(self.trial.broken(expected, observed));
        };
        self.trial.recorder.observe(format!("the log: {}", told(&entry)));
        self.trial.expect(entry["did"] == did, expected, told(&entry))?;
        Ok(entry)
    }

    /// The line that ends this deploy.
    pub(crate) fn end_of(&self, deploy: u64) -> Kept<Option<Value>> {
        let ends = ["promoted", "sent-back", "abandoned"];
        let is_end = |entry: &&Value| {
            entry["deploy"] == deploy && ends.iter().any(|end| entry["did"] == *end)
        };
        Ok(self.log()?.iter().find(is_end).cloned())
    }

    /// Exactly this happened to the deploy, as the log says.
    pub(crate) fn log_is(&self, deploy: u64, wanted: &[&str]) -> Kept {
        let did = self.did(deploy)?;
        let expected = format!("the log says of deploy {deploy}: {}", wanted.join(", "));
        self.trial.expect(did == wanted, expected, did.join(", "))
    }

    /// The deploy is over: only the old version answers, from the workers that were there at first.
    pub(crate) fn is_as_before(&self) -> Kept {
        let there = children(&self.cluster);
        let observed = format!("{} workers, {} of them new", there.len(), self.newcomers().len());
        let expected = "once the log says sent-back: the four workers that were there before";
        self.trial.expect(there == self.first, expected, observed)?;
        let mut answers = Vec::new();
        for line in 0..WORKERS {
            answers.extend(self.ask_many(line, 25)?);
        }
        self.are_all(&answers, OLD)
    }

    /// The workers that were not there at first.
    pub(crate) fn newcomers(&self) -> BTreeSet<u32> {
        children(&self.cluster).difference(&self.first).copied().collect()
    }

    /// The one worker of the candidate.
    pub(crate) fn candidate(&self) -> Kept<u32> {
        let there = self.has_children(WORKERS + 1)?;
        let new = there.difference(&self.first).next().copied();
        new.ok_or_else(|| self.trial.broken("a worker of the candidate", "none"))
    }

    pub(crate) fn are_all(&self, answers: &[Got], version: &str) -> Kept {
        let is_so = answers.iter().all(|got| got.status == 200 && got.version == version);
        let expected = format!("{} answers with 200, all of {version}", answers.len());
        self.trial.expect(is_so, expected, shown(answers))
    }

    /// Asks until the candidate has answered this often, without a name, on one connection.
    pub(crate) fn ask_until_new(&self, number: usize) -> Kept<Vec<Got>> {
        let mut answers: Vec<Got> = Vec::new();
        let most = number * 100 + 100;
        while answers.iter().filter(|got| got.is_new()).count() < number {
            if answers.len() == most {
                let expected = format!("{number} answers of the candidate");
                let observed = format!("of {most} requests: {}", shown(&answers));
                return Err(self.trial.broken(expected, observed));
            }
            answers.push(self.ask_on(0, None)?);
        }
        self.trial.recorder.observe(format!("asked {} times: {}", answers.len(), shown(&answers)));
        Ok(answers)
    }

    /// A name whose requests the candidate answers.
    pub(crate) fn name_that_is_in(&self) -> Kept<String> {
        self.name_that(Got::is_new, "a client that gets the candidate")
    }

    /// A name whose requests it does not.
    pub(crate) fn name_that_is_out(&self) -> Kept<String> {
        self.name_that(|got| !got.is_new(), "a client that does not get the candidate")
    }

    fn name_that(&self, is_it: impl Fn(&Got) -> bool, what: &str) -> Kept<String> {
        for number in 0..500 {
            let name = format!("client-{number}");
            if is_it(&self.ask_on(0, Some(&name))?) {
                self.trial.recorder.observe(format!("{name} is {what}"));
                return Ok(name);
            }
        }
        Err(self.trial.broken(what, "none of 500 clients"))
    }

    /// A request of this client on a connection of its own.
    pub(crate) fn pends(&self, path: &str, client: &str) -> Kept<Pending> {
        let (connection, cookie) = (self.cluster.connect()?, format!("client={client}"));
        let limit = patience(Duration::from_secs(30));
        Ok(start_with_cookie(&self.trial.recorder, connection, path, &cookie, limit))
    }

    pub(crate) fn kill(&self, pid: u32) -> Kept {
        self.cluster.signal_process(pid, Signal::SIGKILL)
    }

    /// Freezes the worker `pid`, and waits until it is.
    pub(crate) fn freeze(&self, pid: u32) -> Kept {
        self.cluster.signal_process(pid, Signal::SIGSTOP)?;
        let is_stopped = || processes::Stat::of(pid).filter(|stat| stat.state == 'T');
        let stopped = processes::until(patience(PROMPT), is_stopped).is_some();
        self.trial.expect(stopped, "a process that SIGSTOP stops", format!("pid {pid} runs on"))
    }

    /// Ends the program by SIGTERM; it must exit with 0, and leave nothing behind.
    pub(crate) fn stops(self) -> Kept {
        self.cluster.signal(Signal::SIGTERM);
        let exit = self.cluster.wait_exit(PROMPT)?;
        self.trial.expect(exit == events::Exit::Code(0), "exit code 0", exit.to_string())?;
        self.cluster.wait_gone(PROMPT)
    }
}

/// A line of the log, in short.
pub(crate) fn told(entry: &Value) -> String {
    let Some(fields) = entry.as_object() else { return entry.to_string() };
    let shown = fields.iter().filter(|(name, _)| *name != "at_ms" && *name != "by");
    let words: Vec<String> = shown.map(|(name, value)| format!("{name}={value}")).collect();
    words.join(" ")
}

/// These answers, in short.
pub(crate) fn shown(answers: &[Got]) -> String {
    let mut words: Vec<String> = versions(answers)
        .into_iter()
        .map(|(version, number)| format!("{number} of {version}"))
        .collect();
    let bad = answers.iter().filter(|got| got.status != 200).count();
    if bad > 0 {
        words.push(format!("{bad} not 200"));
    }
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// The next program of this trial begins without a log.
pub(crate) fn fresh(trial: &Trial) {
    // It need not be there.
    let _ = std::fs::remove_file(trial.path("deploys.log"));
}

/// Lets this much time pass.
pub(crate) fn pass(trial: &Trial, time: Duration) {
    let until = Instant::now() + patience(time);
    processes::until(patience(time) + PROMPT, || (Instant::now() >= until).then_some(()));
    trial.recorder.observe(format!("{} ms have passed", patience(time).as_millis()));
}

/// A time in milliseconds, scaled by the patience of this check.
pub(crate) fn millis(time: Duration) -> String {
    patience(time).as_millis().to_string()
}

/// A fault of the new version.
pub(crate) fn fault(fault: &str) -> String {
    format!("{NEW}:{fault}")
}
