//! Versions that are slow.

use harness::{Kept, Trial};

use crate::{
    scene::{fault, fresh, shown, told},
    site::{NEW, Site},
};

/// This makes errors weigh so little that a few of them decide nothing.
const LENIENT: [(&str, &str); 2] = [("WORSE", "2"), ("DOUBT", "1000")];

pub(crate) fn a_slow_version_is_sent_back(trial: &Trial) -> Kept {
    slow(trial)?;
    fresh(trial);
    fails_fast(trial).map_err(|broken| broken.during("a version that fails fast"))?;
    fresh(trial);
    sometimes(trial, "errors:3", "3")
        .map_err(|broken| broken.during("looks with one bad answer of three"))?;
    fresh(trial);
    sometimes(trial, "errors:2", "1")
        .map_err(|broken| broken.during("each second look is slow"))?;
    fresh(trial);
    twice_in_each_step(trial).map_err(|broken| broken.during("two slow looks in each step"))
}

/// Three looks of five answers each, and not one answer fewer. The last one ends the step as well, and the verdict
/// comes first. Each of four workers passes every fourth request
/// on, so of five answers one worker has passed on two, and has answered three requests itself in between: no
/// look is without an answer of the stable version.
fn slow(trial: &Trial) -> Kept {
    let faults = fault("slow:800");
    let settings = [
        ("STEPS", "25"),
        ("STEP_ANSWERS", "15"),
        ("SLOWER_BY_MS", "200"),
        ("LOOK_ANSWERS", "5"),
        ("FAULTS", &faults),
    ];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 25)?;
    let mut answers = Vec::new();
    let end = site.asks_until_it_ends(deploy, "sent-back", |site| {
        answers.extend(site.ask_all_at_once()?);
        Ok(())
    })?;
    let is_so = end["answers"] == 15 && end["errors"] == 0 && end["reason"].is_string();
    let expected = "sent back after 15 answers, which are three looks; with a reason";
    trial.expect(is_so, expected, told(&end))?;
    let bad = answers.iter().filter(|got| got.status != 200).count();
    trial.expect(bad == 0, "200 for each client", shown(&answers))?;
    site.is_as_before()
}

/// Each answer is an error, or each second one, and comes at once. Three looks of two answers come before the
/// errors weigh enough. Of two answers the slower one is the median.
fn fails_fast(trial: &Trial) -> Kept {
    let [worse, doubt] = LENIENT;
    let settings = [
        ("STEPS", "25"),
        ("SLOWER_BY_MS", "60000"),
        ("LOOK_ANSWERS", "2"),
        ("FAULTS", "1.1.0:errors:1,1.2.0:errors:2"),
        worse,
        doubt,
    ];
    let site = Site::start(trial, &settings)?;
    for (version, errors) in [(NEW, 6), ("1.2.0", 3)] {
        let deploy = site.deploy_to(version, 25)?;
        let ask = |site: &Site<'_>| site.ask_on(0, None).map(drop);
        let end = site.asks_until_it_ends(deploy, "sent-back", ask)?;
        let is_so = end["answers"] == 6 && end["errors"] == errors;
        let expected = format!("sent back after 6 answers, three looks, with {errors} errors");
        trial.expect(is_so, expected, told(&end))?;
    }
    site.is_as_before()
}

/// A step begins with no looks, so there are never three slow ones in a row.
fn twice_in_each_step(trial: &Trial) -> Kept {
    let faults = fault("slow:150");
    let settings = [
        ("STEPS", "25,50"),
        ("STEP_ANSWERS", "6"),
        ("SLOWER_BY_MS", "50"),
        ("LOOK_ANSWERS", "3"),
        ("FAULTS", &faults),
    ];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 25)?;
    site.asks_until_it_ends(deploy, "promoted", |site| site.ask_all_at_once().map(drop))?;
    site.log_is(deploy, &["accepted", "step", "step", "promoted"])
}

/// The median is a good answer; or three slow looks are never one after the other. One worker passes all
/// requests on, so its primary hears of the answers in their order.
fn sometimes(trial: &Trial, errors: &str, look: &str) -> Kept {
    let faults = fault(errors);
    let [worse, doubt] = LENIENT;
    let settings = [
        ("STEPS", "25"),
        ("LOOK_ANSWERS", look),
        ("STEP_ANSWERS", "20"),
        ("FAULTS", &faults),
        worse,
        doubt,
    ];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 25)?;
    site.asks_until_it_ends(deploy, "promoted", |site| site.ask_on(0, None).map(drop))?;
    site.log_is(deploy, &["accepted", "step", "promoted"])
}
