//! Two versions on one state.

use harness::{Kept, Trial};

use crate::{
    scene::told,
    site::{OLD, Site},
};

pub(crate) fn a_release_that_cant_read_is_refused(trial: &Trial) -> Kept {
    let site = Site::start(trial, &[("STEPS", "25"), ("STEP_ANSWERS", "4")])?;
    // 1.0.0 reads and writes format 1. A release that writes 2 at once breaks it, and one that can't read 1
    // is broken by it.
    for query in ["reads=1-2&writes=2", "reads=2-2&writes=1", "reads=2-3&writes=3"] {
        let said = site.operates("POST", &format!("/deploy?version=1.1.0&{query}"), 422)?;
        trial.expect(said.json["error"].is_string(), "a sentence", said.to_string())?;
    }
    for query in ["reads=2-1", "reads=one", "writes=0"] {
        site.operates("POST", &format!("/deploy?version=1.1.0&{query}"), 400)?;
    }
    trial.expect(site.log()?.is_empty(), "nothing in the log", "a line")?;
    site.are_all(&site.ask_all(None)?, OLD)?;
    // Expand: it reads both, and writes 1. Then 2 may be written, and then 1 need not be read.
    for (number, version, query) in [
        (1, "1.1.0", "reads=1-2&writes=1"),
        (2, "1.2.0", "reads=1-2&writes=2"),
        (3, "1.3.0", "reads=2-2&writes=2"),
    ] {
        if number == 2 {
            site.operates("POST", "/deploy?version=1.2.0&reads=2-2&writes=2", 422)?;
        }
        let path = format!("/deploy?version={version}&{query}");
        let said = site.operates("POST", &path, 202)?;
        trial.expect(
            said.json["deploy"] == number,
            format!("deploy {number}"),
            said.to_string(),
        )?;
        let ask = |site: &Site<'_>| site.ask_all(None).map(drop);
        let end = site.asks_until_it_ends(number, "promoted", ask)?;
        trial.expect(end["version"] == version, format!("{version} promoted"), told(&end))?;
    }
    site.operates("POST", "/deploy?version=1.4.0", 422).map(drop)
}
