//! What it costs to pass a request on: the same load at four shares.

use std::time::{Duration, Instant};

use harness::{
    Kept, Trial,
    load::{Clients, Connections, Load},
};

use crate::scene::{deploy, start, sum, until};

const SPAN: Duration = Duration::from_secs(4);
/// As fast as they can.
const BUSY: [Clients; 1] = [Clients::new(8, Connections::KeptAlive, "/", 0)];

pub(crate) fn cost(trial: &Trial) -> Kept {
    println!("passing on, by the candidate's share");
    let mut first = None;
    for share in [0, 10, 50, 100] {
        let (rate, p50, p99) = at(trial, share)?;
        let all = *first.get_or_insert(rate);
        println!(
            "  {share:>3} %   {:3} % of the requests   p50 {p50:.2} ms, p99 {p99:.2} ms",
            rate * 100 / all.max(1)
        );
    }
    Ok(())
}

fn at(trial: &Trial, share: u32) -> Kept<(u128, f64, f64)> {
    let steps = share.max(1).to_string();
    let endless = [("STEPS", steps.as_str()), ("STEP_ANSWERS", "1000"), ("KEEP_MS", "600000")];
    let cluster = start(trial, &endless)?;
    if share > 0 {
        deploy(trial, &cluster, "1.1.0")?;
        until(trial, &cluster, |said| said["share"] == share)?;
    }
    let load = Load::start(cluster.address, &BUSY);
    let began = Instant::now();
    processes::until(SPAN, || (!cluster.is_running()).then_some(()));
    let ledger = sum(&load.finish());
    let rate = u128::from(ledger.answered_in_all()) * 1000 / began.elapsed().as_millis().max(1);
    let ms = |share| ledger.quantile(share).as_secs_f64() * 1e3;
    Ok((rate, ms(0.5), ms(0.99)))
}
