//! The command line: what there is to type, and one plain sentence for what makes no sense.

mod refusal;

use std::{ffi::OsString, process::ExitCode};

use clap::{Arg, ArgAction, ArgMatches, Command as Clap, arg, value_parser};

use crate::{
    check, run,
    subject::Source,
    terminal::{note, say},
    verify::{self, Part},
};

/// What the user wants.
pub(crate) enum Command {
    Status,
    List { json: bool },
    Run(run::Options),
    Check(check::Options),
    Hint { name: String },
    Guide { number: Option<String>, answers: bool },
    Reset { name: String },
    Solution { name: String, spoil: bool },
    Doctor,
    Verify(verify::Options),
    Ci,
}

/// Reads `arguments`. An error was told to the user already and is the exit code.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, ExitCode> {
    match definition().try_get_matches_from(arguments) {
        Ok(matches) => Ok(command(&matches)),
        Err(error) => Err(tell(&error)),
    }
}

fn definition() -> Clap {
    Clap::new("cargo xtask")
        .bin_name("cargo xtask")
        .about("Runs, checks and explains the cluster workbook. Without a command: what is next.")
        .disable_version_flag(true)
        .subcommands(learners_commands())
        .subcommands([
            Clap::new("verify")
                .about("For maintainers: stubs fail, solutions pass, mutants die, guides agree with the code")
                .arg(arg!(--only <PART> "Only this part").value_parser(value_parser!(Part)))
                .arg(arg!(--chapter <NN> "Only this chapter's programs, mutants and tour"))
                .arg(arg!(--thorough "Judge each mutant by the promises before its own, too")),
            Clap::new("ci").about("For maintainers: format, lints, docs, tests, verify"),
        ])
}

/// What a check does that no option says.
const OF_CHECKS: &str = "\
A program is started without a shell, in the workbook's folder. A word of CMD that names a file in \
your folder is completed; any other relative path starts in the workbook's folder.

CHECK_PATIENCE=3 cargo xtask check … gives everything three times as long, for a slow machine.

Exit codes: 0 all promises kept, 1 one is broken or the file does not compile, 2 wrong usage, 3 the \
machine lacks something, 4 the grader itself failed or can't tell.";

fn learners_commands() -> [Clap; 8] {
    let json = arg!(--json "One JSON object on stdout, and nothing else");
    let solution = arg!(--solution "The finished program instead of yours");
    let env = Arg::new("env")
        .long("env")
        .value_name("NAME=VALUE")
        .help("A variable for the program, which gets only PATH and its like from your shell")
        .action(ArgAction::Append)
        .value_parser(setting);
    let program = arg!(--program <CMD> "Any other program, such as \"node server.js\"");
    [
        Clap::new("list")
            .about("Topics, examples, guides and exercises, and how far you are")
            .arg(json.clone()),
        Clap::new("run")
            .about("Play the tour of an example, or of your own exercise")
            .arg(name("What to run: 01-graceful-shutdown, 1, exercise-1"))
            .arg(arg!(--serve "Start the program and nothing else, in your shell's environment; Ctrl-C stops it"))
            .args([&solution, &program])
            .arg(env.clone())
            .arg(json.clone().conflicts_with("serve"))
            .group(clap::ArgGroup::new("subject").args(["solution", "program"])),
        Clap::new("check")
            .about("Grade an exercise: each promise, then the first failure's story")
            .arg(name("The exercise: exercise-1, 1, or all"))
            .args([&program, &solution])
            .arg(env)
            .arg(arg!(--only <PROMISE> "One promise: its number, its name, or a part of it"))
            .arg(
                Arg::new("runs")
                    .long("runs")
                    .value_name("N")
                    .help("Check N times, and count what broke")
                    .value_parser(value_parser!(u32).range(1..))
                    .default_value("1")
                    .hide_default_value(true),
            )
            .arg(
                Arg::new("keep-going")
                    .long("keep-going")
                    .action(ArgAction::SetTrue)
                    .help("Check the later promises although an earlier one is broken"),
            )
            .arg(json)
            .after_help(OF_CHECKS)
            .group(clap::ArgGroup::new("subject").args(["solution", "program"])),
        Clap::new("hint")
            .about("The next rung of the hint ladder: a nudge, the approach, almost the code")
            .arg(name("The exercise: exercise-1 or 1")),
        Clap::new("guide")
            .about("Read a guide; without a number, the list of guides")
            .arg(arg!([NUMBER] "Its number or a part of its name"))
            .arg(arg!(--answers "Unfold the answers to its questions")),
        Clap::new("reset")
            .about("Begin an exercise anew; your work is kept aside")
            .arg(name("The exercise: exercise-1 or 1")),
        Clap::new("solution")
            .about("Show the solution, once you have kept the promises")
            .arg(name("The exercise: exercise-1 or 1"))
            .arg(arg!(--spoil "Show it all the same")),
        Clap::new("doctor")
            .about("Look at the machine: toolchain, limits, ports, optional programs"),
    ]
}

fn name(help: &'static str) -> Arg {
    Arg::new("NAME").required(true).help(help)
}

fn command(matches: &ArgMatches) -> Command {
    let Some((command, matches)) = matches.subcommand() else {
        return Command::Status;
    };
    let text = |id: &str| matches.get_one::<String>(id).cloned();
    let name = || text("NAME").unwrap_or_default();
    let flag = |id: &str| matches.get_flag(id);
    match command {
        "list" => Command::List { json: flag("json") },
        "run" => Command::Run(run::Options {
            name: name(),
            source: source(matches),
            env: settings(matches),
            serve: flag("serve"),
            json: flag("json"),
        }),
        "check" => Command::Check(check::Options {
            name: name(),
            source: source(matches),
            env: settings(matches),
            only: text("only"),
            runs: matches.get_one("runs").copied().unwrap_or(1),
            keep_going: flag("keep-going"),
            json: flag("json"),
        }),
        "hint" => Command::Hint { name: name() },
        "guide" => Command::Guide { number: text("NUMBER"), answers: flag("answers") },
        "reset" => Command::Reset { name: name() },
        "solution" => Command::Solution { name: name(), spoil: flag("spoil") },
        "doctor" => Command::Doctor,
        "verify" => Command::Verify(verify::Options {
            only: matches.get_one("only").copied(),
            chapter: text("chapter"),
            is_thorough: flag("thorough"),
        }),
        _ => Command::Ci,
    }
}

fn source(matches: &ArgMatches) -> Source {
    match matches.get_one::<String>("program") {
        Some(line) => Source::Program(line.clone()),
        None if matches.get_flag("solution") => Source::Solution,
        None => Source::Own,
    }
}

/// The settings for the program under test, as one line that a shell would split.
fn settings(matches: &ArgMatches) -> String {
    let settings = matches.get_many::<String>("env").into_iter().flatten();
    // A setting holds no NUL: it was an argument.
    shlex::try_join(settings.map(String::as_str)).unwrap_or_default()
}

fn setting(text: &str) -> Result<String, String> {
    let (name, _) = text.split_once('=').unwrap_or_default();
    if name.is_empty() {
        return Err("write NAME=VALUE".into());
    }
    Ok(text.to_owned())
}

/// Help goes to stdout and isn't an error; anything else is one sentence on stderr.
fn tell(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        say(error.render().to_string().trim_end());
        return ExitCode::SUCCESS;
    }
    note(refusal::sentence(error));
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> String {
        let arguments = line.split(' ').map(OsString::from);
        let error = definition().try_get_matches_from(arguments).unwrap_err();
        refusal::sentence(&error)
    }

    #[test]
    fn the_definition_holds_together() {
        definition().debug_assert();
    }

    #[test]
    fn wrong_usage_is_one_sentence_that_says_what_to_do() {
        for (line, answer) in [
            ("xtask chekc 1", "There is no `chekc`. Did you mean `check`?"),
            ("xtask list --jsn", "There is no `--jsn`. Did you mean `--json`?"),
            ("xtask teapot", "There is no `teapot` here; `cargo xtask help` lists the commands."),
            (
                "xtask check",
                "<NAME> is missing; `cargo xtask list` shows the names of topics and exercises.",
            ),
        ] {
            assert_eq!(refused(line), answer);
        }
        assert_eq!(
            refused("xtask check 1 --env WORKERS"),
            "`WORKERS` does not fit --env <NAME=VALUE>; `cargo xtask help` explains each command."
        );
        assert!(refused("xtask check 1 --runs 0").starts_with("`0` does not fit --runs <N>"));
        assert!(refused("xtask check 1 --solution --program x").contains("can't be combined"));
    }
}
