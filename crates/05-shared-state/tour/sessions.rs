//! Step 5: a session, and what it outlives.

use harness::{Cluster, Kept, Signal, Stage, patience, who::children};

use crate::clients::{Ask, LIMIT, WORKERS, ask, ask_any, doors, in_file};

pub(crate) fn outlives_its_worker(stage: &mut Stage) -> Kept {
    stage.step("A session outlives its worker, and the cluster");
    let (setting, file) = in_file(stage, "sessions.db");
    let settings = [(setting, file.as_str()), ("RESTART_DELAY_MS", "100")];
    let cluster = stage.start(&settings)?;
    let log_in = Ask { body: "user=anna", ..Ask::post("/login") };
    let answer = ask_any(cluster.address, log_in);
    let pid = answer.json()["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
    let cookie = answer.outcome.ok().and_then(|answer| answer.set_cookie).unwrap_or_default();
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let Some(worker) = pid.filter(|_| !cookie.is_empty()) else {
        return Err(stage.trial().broken("a cookie from a worker that names itself", "none"));
    };
    ask_any(cluster.address, Ask { cookie: Some(&cookie), ..Ask::post("/cart?item=book") });
    cluster.signal_process(worker, Signal::SIGKILL)?;
    let is_replaced = || {
        let now = children(&cluster);
        (now.len() == WORKERS && !now.contains(&worker)).then_some(())
    };
    let replaced = processes::until(patience(LIMIT), is_replaced);
    stage.trial().expect(replaced.is_some(), "a new worker in its place", "none")?;
    let known = known_by(stage, &cluster, &cookie)?;
    stage.finding(known == WORKERS, format!("its worker is killed: {known} of 4 workers know it"));
    drop(cluster);
    let cluster = stage.start(&settings)?;
    let known = known_by(stage, &cluster, &cookie)?;
    stage.finding(known == WORKERS, format!("all is killed, and back: {known} of 4 know it"));
    ask_any(cluster.address, Ask { cookie: Some(&cookie), ..Ask::post("/logout") });
    let known = known_by(stage, &cluster, &cookie)?;
    stage.finding(known == 0, format!("after its logout {known} of 4 know it"));
    Ok(())
}

/// How many workers know the session, with what is in its cart.
fn known_by(stage: &Stage, cluster: &Cluster, cookie: &str) -> Kept<usize> {
    let known = |(_, mut connection)| {
        let me = ask(&mut connection, Ask { cookie: Some(cookie), ..Ask::get("/me") });
        me.status() == 200 && me.json()["cart"] == serde_json::json!(["book"])
    };
    Ok(doors(stage, cluster)?.into_values().map(known).filter(|known| *known).count())
}
