//! Clients that say who they are.

use std::collections::BTreeSet;

use harness::{Kept, Signal, Trial};

use crate::{
    scene::{ENDLESS, PROMPT},
    site::{NEW, OLD, Site, WORKERS},
};

const CLIENTS: usize = 100;

pub(crate) fn a_client_keeps_its_version(trial: &Trial) -> Kept {
    let site = Site::start(trial, &[("STEPS", "25,50"), ("STEP_ANSWERS", "300")])?;
    site.deploy_to(NEW, 25)?;
    let few = those_in(&site)?;
    is_about(trial, few.len(), 25, 4..=46)?;
    site.asks_until_share(50)?;
    let many = those_in(&site)?;
    is_about(trial, many.len(), 50, 26..=74)?;
    let left: Vec<_> = few.difference(&many).collect();
    let expected = "each client that got the candidate at 25 % gets it at 50 %";
    trial.expect(left.is_empty(), expected, format!("{} of them do not", left.len()))?;
    for client in many.iter().take(8) {
        let cookie = format!("{client}; theme=dark");
        let again = site.ask_on(1, Some(&cookie))?;
        let expected = format!("the same version for {client}, with one more cookie");
        trial.expect(again.version == NEW, expected, format!("{OLD}, with {cookie}"))?;
    }
    site.log_is(1, &["accepted", "step"])?;
    site.cluster.signal(Signal::SIGKILL);
    site.cluster.wait_gone(PROMPT)?;
    // The next deploy goes on in the same log, and has another number.
    let site = Site::start(trial, &[("STEPS", "25"), ENDLESS])?;
    site.deploy_to("1.2.0", 25)?;
    let mut next = BTreeSet::new();
    for number in 0..CLIENTS {
        let client = format!("c{number}");
        if site.ask_on(0, Some(&client))?.is_new() {
            next.insert(client);
        }
    }
    is_about(trial, next.len(), 25, 4..=46)?;
    let expected = "other clients than at the deploy before, at the same share";
    trial.expect(next != few, expected, format!("the same {} of {CLIENTS}", next.len()))
}

/// Chance: 4.9 standard deviations, so that one right program in a million fails.
fn is_about(
    trial: &Trial,
    number: usize,
    percent: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Kept {
    let (least, most) = (range.start(), range.end());
    let expected = format!("about {percent} of {CLIENTS} clients: {least} to {most}");
    trial.expect(range.contains(&number), expected, format!("{number}"))
}

/// The clients that get the candidate, from every worker and each time.
fn those_in(site: &Site<'_>) -> Kept<BTreeSet<String>> {
    let mut all_in = BTreeSet::new();
    for number in 0..CLIENTS {
        let client = format!("c{number}");
        // Between two clients one worker gets a request more, so nothing is in step.
        site.ask_on(number, None)?;
        let answers = site.ask_all(Some(&client))?;
        let new = answers.iter().filter(|got| got.version == NEW).count();
        let expected = format!("one version for the client {client}, from every worker");
        let observed = format!("{new} of {WORKERS} answers are of {NEW}");
        site.trial.expect(new == 0 || new == WORKERS, expected, observed)?;
        if new > 0 {
            all_in.insert(client);
        }
    }
    site.trial.recorder.observe(format!("{} of {CLIENTS} clients get {NEW}", all_in.len()));
    Ok(all_in)
}

impl Site<'_> {
    /// Asks without a name until the next share holds.
    fn asks_until_share(&self, share: u64) -> Kept {
        for _ in 0..100 {
            if self.operate("GET", "/deploy")?.json["share"] == share {
                return self.has_share(share);
            }
            for line in 0..WORKERS {
                self.ask_many(line, 10)?;
            }
        }
        self.has_share(share)
    }
}
