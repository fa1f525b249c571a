//! Deaths in a row, in one slot: what begins a row, what it costs, and what ends it.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use harness::{
    Cluster, Kept, Signal, Trial, patience,
    who::{children, greet},
};

use crate::scene::{self, AT_ONCE, PROMPT, WORKERS};

/// The delay is so long that nobody waits for it. It is not for the first death of a slot, and
/// keeps the primary from nothing else.
pub(crate) fn a_delay_is_for_one_slot_alone(trial: &Trial) -> Kept {
    let wait = patience(Duration::from_mins(1));
    let millis = wait.as_millis().to_string();
    let settings = [AT_ONCE, ("RESTART_DELAY_MS", &*millis), ("RESTART_DELAY_MAX_MS", &*millis)];
    let cluster = trial.start(&settings)?;
    let met = scene::meet_all(trial, &cluster)?;
    let mut known: BTreeSet<u32> = met.keys().copied().collect();
    let [first, second] = [1, 2].map(|slot| scene::in_slot(&met, slot));
    drop(met);
    let part = |text: &str| format!("with RESTART_DELAY_MS={millis}, after {text}");
    let again = replaced(trial, &cluster, &mut known, first, 1)
        .map_err(|broken| broken.during(&part("the first death in slot 1")))?;
    cluster.signal_process(again, Signal::SIGKILL)?;
    scene::is_reaped(trial, again)
        .and_then(|()| replaced(trial, &cluster, &mut known, second, 2))
        .map(|_| ())
        .map_err(|broken| {
            broken
                .during(&part("two deaths in slot 1 and the first in slot 2"))
                .advice("Whom does a delay concern, and what does the primary do meanwhile?")
        })
}

/// Kills `victim` and waits until somebody new answers as worker `slot`, long before a delay.
fn replaced(
    trial: &Trial,
    cluster: &Cluster,
    known: &mut BTreeSet<u32>,
    victim: u32,
    slot: u32,
) -> Kept<u32> {
    cluster.signal_process(victim, Signal::SIGKILL)?;
    let limit = patience(PROMPT);
    let new = processes::until(limit, || {
        let mut answers = greet(cluster, "/", limit).into_iter().map(|(who, _)| who);
        answers.find(|who| who.worker == slot && !known.contains(&who.pid))
    });
    let Some(new) = new else {
        let observed = format!("nobody new answers as worker {slot} within {} s", limit.as_secs());
        return Err(trial.broken(format!("another worker {slot} at once"), observed));
    };
    trial.recorder.observe(format!("worker {slot} answers again (pid {})", new.pid));
    known.insert(new.pid);
    Ok(new.pid)
}

/// In slot 2 nobody is ever ready. The first restart is immediate, the second waits for longer than
/// we do: five workers are seen, and three are left.
pub(crate) fn not_to_be_ready_in_time_is_a_death(trial: &Trial) -> Kept {
    let timeout = patience(Duration::from_secs(1)).as_millis().to_string();
    let wait = patience(Duration::from_mins(1)).as_millis().to_string();
    let cluster = trial.start(&[
        AT_ONCE,
        ("FAULTS", "1.0.0/2:never-ready"),
        ("READY_TIMEOUT_MS", &timeout),
        ("RESTART_DELAY_MS", &wait),
        ("RESTART_DELAY_MAX_MS", &wait),
    ])?;
    let (mut seen, mut there) = (BTreeSet::new(), BTreeSet::new());
    let waits = processes::until(patience(PROMPT), || {
        there = children(&cluster);
        seen.extend(there.iter().copied());
        (seen.len() > WORKERS && there.len() < WORKERS).then_some(())
    });
    // Whoever counts it twice, or not at all, has another one soon, or none.
    let again = processes::until(patience(Duration::from_millis(500)), || {
        children(&cluster).difference(&seen).next().copied()
    });
    let observed = format!(
        "{} processes were started, and {} are there",
        seen.len() + usize::from(again.is_some()),
        children(&cluster).len()
    );
    let expected = "a worker that is not ready in READY_TIMEOUT_MS is ended, and started again: at \
                    once, and then after RESTART_DELAY_MS";
    trial.expect(waits.is_some() && again.is_none(), expected, observed).map_err(|broken| {
        broken.advice(match seen.len() {
            WORKERS if there.len() == WORKERS => "Who ends it, when nothing is rolled?",
            WORKERS => "How many deaths is that, and when may the slot have its next worker?",
            _ => "Not to be ready in time is a death in the row of the slot.",
        })
    })
}

/// To be ready for longer than the longest delay ends a row; and no delay is longer. The first is the
/// one gap here that may not be too long: it is told from a delay of a minute.
pub(crate) fn a_row_ends_and_a_delay_has_a_limit(trial: &Trial) -> Kept {
    let most = patience(Duration::from_secs(2));
    let wait = patience(Duration::from_mins(1)).as_millis().to_string();
    let limit = most.as_millis().to_string();
    let cluster =
        trial.start(&[AT_ONCE, ("RESTART_DELAY_MS", &wait), ("RESTART_DELAY_MAX_MS", &limit)])?;
    let met = scene::meet_all(trial, &cluster)?;
    let mut known: BTreeSet<u32> = met.keys().copied().collect();
    let victim = scene::in_slot(&met, 2);
    drop(met);
    let again = replaced(trial, &cluster, &mut known, victim, 2)?;
    let is_gone = || (!processes::is_alive(again)).then_some(());
    processes::until(most.mul_f64(1.1), is_gone);
    cluster.signal_process(again, Signal::SIGKILL)?;
    let died = Instant::now();
    let third = scene::newcomer(trial, &cluster, &known)?;
    known.insert(third);
    let observed = format!("its slot was empty for {} ms", died.elapsed().as_millis());
    let expected = format!(
        "a worker that was ready for longer than RESTART_DELAY_MAX_MS={limit} is replaced at once"
    );
    trial
        .expect(died.elapsed() < most / 2, expected, observed)
        .map_err(|broken| broken.advice("What ends the row of deaths of a slot?"))?;
    cluster.signal_process(third, Signal::SIGKILL)?;
    let part = format!("with RESTART_DELAY_MS={wait} RESTART_DELAY_MAX_MS={limit}");
    scene::newcomer(trial, &cluster, &known).map(|_| ()).map_err(|broken| broken.during(&part))
}
