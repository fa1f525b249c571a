//! The promises of exercise 7, easiest first.

mod streams;

use std::process::ExitCode;

use harness::{Promise, promise};

const GUIDE: &str = "guides/08-zero-downtime-deploys.md";

const PROMISES: &[Promise] = &[promise!(
    streams::a_stream_moves_and_misses_nothing,
    "A stream is told before its worker goes, and goes on at the next one without a gap.",
    "#connections-that-stay"
)
.extra()];

fn main() -> ExitCode {
    harness::contract(env!("CARGO_BIN_EXE_solution-7"), GUIDE, PROMISES)
}
