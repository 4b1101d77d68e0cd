//! Postgres and Temporal die, come back, or come back empty.

use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Signal, kill_process};
use tokio::process::Command;

use super::{Fault, Kind, Scene, Shows, seconds};
use crate::stage::part::pid;
use crate::stage::temporal_file;

/// What dies, and how.
#[derive(Clone, Copy)]
pub(super) enum Engine {
    PostgresStop,
    PostgresKill,
    Backends,
    TemporalKill,
    TemporalAway,
    TemporalLost,
}

const AWAY: (Duration, Duration) = seconds(2, 6);
/// Long enough for the sweeps, and for what is tried again with growing pauses.
const TEMPORAL_AWAY: (Duration, Duration) = seconds(20, 40);
const LOST: (Duration, Duration) = seconds(6, 12);
const BACKENDS: u32 = 10;

/// A Temporal that is away for seconds only shows by what waits for it: health asks it every few seconds.
const TEMPORAL: Shows = Shows::OneOf(&[
    "api check temporal",
    "worker check temporal",
    "worker is not ready",
    "dispatch to Temporal fails",
    "outbox_oldest_age_seconds",
]);

pub(super) const ALL: &[Fault] = &[
    Fault {
        name: "stop-postgres",
        family: "engines",
        what: "Postgres stops at once (SIGQUIT) and is started again after a few seconds",
        shows: Shows::OneOf(&["api is not ready", "api check database"]),
        short: true,
        kind: Kind::Engine(Engine::PostgresStop),
    },
    Fault {
        name: "kill-postgres",
        family: "engines",
        what: "the postmaster is killed and started again after a few seconds",
        shows: Shows::OneOf(&["api is not ready", "api check database"]),
        short: false,
        kind: Kind::Engine(Engine::PostgresKill),
    },
    Fault {
        name: "terminate-backends",
        family: "engines",
        what: "ten times one of the product's backends is terminated, whatever it is doing",
        shows: Shows::OneOf(&["connections to Postgres are lost"]),
        short: false,
        kind: Kind::Engine(Engine::Backends),
    },
    Fault {
        name: "kill-temporal",
        family: "engines",
        what: "Temporal is killed and started again after a few seconds",
        shows: TEMPORAL,
        short: false,
        kind: Kind::Engine(Engine::TemporalKill),
    },
    Fault {
        name: "temporal-away",
        family: "engines",
        what: "Temporal is away for 20 to 40 s under load",
        shows: TEMPORAL,
        short: false,
        kind: Kind::Engine(Engine::TemporalAway),
    },
    Fault {
        name: "lose-temporal",
        family: "engines",
        what: "Temporal comes back with an empty database; `sendpromptly setup temporal` is run, as its operator would",
        shows: TEMPORAL,
        short: false,
        kind: Kind::Engine(Engine::TemporalLost),
    },
];

pub(super) async fn strike(engine: Engine, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    match engine {
        Engine::PostgresStop => postgres("Postgres stopped", Signal::QUIT, scene).await,
        Engine::PostgresKill => postgres("Postgres killed", Signal::KILL, scene).await,
        Engine::Backends => backends(scene).await,
        Engine::TemporalKill => temporal("Temporal killed", AWAY, scene).await,
        Engine::TemporalAway => temporal("Temporal away", TEMPORAL_AWAY, scene).await,
        Engine::TemporalLost => lose_temporal(scene).await,
    }
}

async fn postgres(what: &str, signal: Signal, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let away = scene.dice.between(AWAY.0, AWAY.1);
    kill_process(pid(scene.stage.postgres.pid())?, signal)?;
    scene.journal.open(what);
    // What was sent and could not be noted is sent again.
    scene.journal.crashed();
    scene.stage.postgres.wait_exit().await;
    tokio::time::sleep(away).await;
    scene.stage.postgres = scene.stage.postgres.start_again().await?;
    scene.journal.close();
    Ok(())
}

/// `pg_terminate_backend` of one that is at work, if there is one.
async fn backends(scene: &mut Scene<'_>) -> anyhow::Result<()> {
    const ONE: &str = "
        SELECT pg_terminate_backend(pid) FROM (
            SELECT pid FROM pg_stat_activity WHERE usename = 'sendpromptly_faults'
            ORDER BY state = 'idle', md5(pid::text || $1) LIMIT 1) AS one";
    for _ in 0..BACKENDS {
        let salt = scene.dice.next().to_string();
        let ended: Option<bool> =
            sqlx::query_scalar(ONE).bind(salt).fetch_optional(&scene.stage.owner).await?;
        anyhow::ensure!(ended == Some(true), "the product has no backend");
        scene.journal.crashed();
        let pause = scene.dice.between(Duration::from_millis(200), Duration::from_millis(900));
        scene.journal.lasting("a backend terminated", pause).await;
    }
    Ok(())
}

async fn kill_temporal(scene: &mut Scene<'_>) -> anyhow::Result<()> {
    kill_process(pid(scene.stage.temporal.pid())?, Signal::KILL)?;
    scene.stage.temporal.wait_exit().await;
    // An activity whose end was not noted is run again.
    scene.journal.crashed();
    Ok(())
}

async fn temporal(
    what: &str,
    (least, most): (Duration, Duration),
    scene: &mut Scene<'_>,
) -> anyhow::Result<()> {
    let away = scene.dice.between(least, most);
    scene.journal.open(what);
    kill_temporal(scene).await?;
    tokio::time::sleep(away).await;
    scene.stage.temporal = scene.stage.temporal.start_again().await?;
    scene.journal.close();
    Ok(())
}

async fn lose_temporal(scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let away = scene.dice.between(LOST.0, LOST.1);
    scene.journal.open("Temporal's database lost");
    kill_temporal(scene).await?;
    tokio::time::sleep(away).await;
    let file = temporal_file(scene.stage.folder.path());
    for ending in ["", "-wal", "-shm"] {
        let mut path = file.clone().into_os_string();
        path.push(ending);
        // The last two are there only where it was killed in the middle of something.
        let removed = std::fs::remove_file(&path);
        anyhow::ensure!(
            !ending.is_empty() || removed.is_ok(),
            "Temporal kept nothing in {}",
            file.display()
        );
    }
    scene.stage.temporal = scene.stage.temporal.start_again().await?;
    let worker = &scene.stage.worker;
    let output = Command::new(&worker.binary)
        .args(["setup", "temporal"])
        .env_clear()
        .envs(&worker.settings)
        .kill_on_drop(true)
        .output()
        .await
        .context("run setup")?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "setup temporal: {said}");
    scene.journal.close();
    Ok(())
}
