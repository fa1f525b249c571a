//! The figures of guide 08: `cargo bench -p zero-downtime-deploy --bench deploys`.
//!
//! What clients get of the same bad version, by the way in which it is deployed; what it costs to pass a request
//! on; and how long a primary that replaces itself hears nothing, beside a restart. With an argument
//! (`-- replacements`) 100 replacements under load and signals instead. All of one run are compared with each
//! other; another machine has other figures and the same ratios.

#[path = "deploys/passing.rs"]
mod passing;
#[path = "deploys/replacing.rs"]
mod replacing;
#[path = "deploys/scene.rs"]
mod scene;
#[path = "deploys/strategies.rs"]
mod strategies;

use std::{
    env,
    path::PathBuf,
    process::{Command, ExitCode},
};

fn main() -> ExitCode {
    let Some(program) = example() else {
        eprintln!("the example can't be built");
        return ExitCode::FAILURE;
    };
    let is_long = env::args().any(|argument| argument == "replacements");
    harness::measure(&program.to_string_lossy(), |trial| {
        if is_long {
            return replacing::hundred(trial);
        }
        strategies::compare(trial)?;
        passing::cost(trial)?;
        replacing::beside_a_restart(trial)
    })
}

/// The example in a release build. Cargo builds none for a bench.
fn example() -> Option<PathBuf> {
    const NAME: &str = "07-zero-downtime-deploy";
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments =
        ["build", "--release", "--quiet", "-p", "zero-downtime-deploy", "--example", NAME];
    let built = Command::new(cargo).args(arguments).status().ok()?;
    let folder = PathBuf::from(env!("CARGO_BIN_EXE_solution-7"));
    built.success().then(|| folder.parent().map(|folder| folder.join("examples").join(NAME)))?
}
