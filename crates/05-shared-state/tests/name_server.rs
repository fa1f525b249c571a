//! The name of the origin takes ten seconds, and nothing else waits for it.

use std::{process::ExitCode, time::Duration};

use harness::{
    Kept, Trial, patience,
    who::meet_all,
    wire::{Connection, request},
    without_names,
};

const WORKERS: usize = 2;
/// How long the name of the origin takes.
const NAME: Duration = Duration::from_secs(10);
/// No request here takes long, but for the one that needs the name.
const LIMIT: Duration = Duration::from_mins(1);

fn main() -> ExitCode {
    let program = env!("CARGO_BIN_EXE_solution-6");
    without_names(program, NAME, no_event_loop_waits_for_a_name)
}

fn no_event_loop_waits_for_a_name(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("ORIGIN", "http://origin.example:9000"), ("WORKERS", "2")])?;
    let broken = |failure: harness::wire::Failure| trial.broken("an answer", failure.to_string());
    let mut slow: Vec<Connection> = Vec::new();
    for (_, (_, mut connection)) in meet_all(trial, &cluster, "/", WORKERS)? {
        let asked = request("GET", "/page/menu", "");
        connection.send(asked.as_bytes()).map_err(broken)?;
        slow.push(connection);
    }
    for (_, (_, mut connection)) in meet_all(trial, &cluster, "/", WORKERS)? {
        for path in ["/", "/counter?key=k", "/"] {
            let answer = connection.get(path).map_err(broken)?;
            trial.expect(
                answer.status == 200,
                format!("{path}: 200"),
                answer.status.to_string(),
            )?;
        }
    }
    let is_over = slow.iter_mut().any(Connection::is_closed);
    trial.expect(!is_over, "pages that still wait for the name server", "an answer")?;
    for mut connection in slow {
        let has_answered = || connection.is_closed().then_some(());
        let answered = processes::until(patience(LIMIT), has_answered);
        trial.expect(answered.is_some(), "an answer in the end", "none")?;
        let answer = connection.answer().map_err(broken)?;
        trial.expect(answer.status == 502, "502: no origin", answer.status.to_string())?;
    }
    Ok(())
}
