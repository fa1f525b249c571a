//! The tour of chapter 07: versions that are deployed, judged and sent back, and a primary that replaces itself.
//!
//! `cargo xtask run 07-zero-downtime-deploy` plays it against the example, `cargo xtask run exercise-7` against a
//! learner's program. What only the example has is skipped there.

#[path = "tour/clients.rs"]
mod clients;
#[path = "tour/colours.rs"]
mod colours;
#[path = "tour/ends.rs"]
mod ends;
#[path = "tour/primary.rs"]
mod primary;
#[path = "tour/scene.rs"]
mod scene;
#[path = "tour/verdicts.rs"]
mod verdicts;

use std::process::ExitCode;

use harness::{Kept, Stage};

fn main() -> ExitCode {
    harness::tour(
        "07-zero-downtime-deploy",
        play,
        &[
            ("curl -X POST '{admin}/deploy?version=1.1.0&by=me'", "a deploy: 202, and its number"),
            ("curl {admin}/deploy", "how that goes"),
            ("curl -b client=anna {url}/", "anna keeps her version"),
            ("curl -X POST {admin}/back", "the deploy is taken back"),
            ("kill -USR1 {pid}", "the primary becomes the program that is there now"),
        ],
    )
}

fn play(stage: &mut Stage) -> Kept {
    stage.tell_events(false);
    verdicts::a_good_one(stage)?;
    verdicts::one_that_errs(stage)?;
    verdicts::one_that_is_slow(stage)?;
    verdicts::one_that_crashes(stage)?;
    colours::two_colours(stage)?;
    primary::replaces_itself_in_place(stage)?;
    primary::refuses(stage)?;
    ends::the_end(stage)
}
