//! How a world is set up.

use std::time::Duration;

use engine::Engine;
use store::PgPool;

/// How a world is set up.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that a world may have")]
pub struct WorldOptions {
    /// How long the app has to report. The contract counts in minutes; a world may count in
    /// milliseconds, which a trigger in its database sees to.
    pub timeout: Option<Duration>,
    /// How old each event is when it is accepted, and each extension when it is registered. An extension, which is asked in
    /// the middle of the time that the app has, is then asked soon and still has long to answer.
    pub age: Duration,
    /// Whether an API runs, with its relay.
    pub api: bool,
    /// Whether a worker runs from the beginning.
    pub worker: bool,
    /// Whether the repair endpoint is the dead-man URL, too.
    pub probes: bool,
    /// Whether its workers see that retention is scheduled.
    pub retention: bool,
}

impl Default for WorldOptions {
    fn default() -> Self {
        let age = Duration::ZERO;
        Self { timeout: None, age, api: true, worker: true, probes: false, retention: false }
    }
}

impl WorldOptions {
    /// A world in which silence is an incident after this long.
    #[must_use]
    pub fn with_timeout(timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..Self::default() }
    }

    /// A world whose events are this old when they are accepted.
    #[must_use]
    pub fn with_age(self, age: Duration) -> Self {
        Self { age, ..self }
    }

    /// A world whose repair endpoint is called each minute while all works.
    #[must_use]
    pub fn with_probes(self) -> Self {
        Self { probes: true, ..self }
    }

    /// A world whose workers see that retention is scheduled.
    #[must_use]
    pub fn with_retention(self) -> Self {
        Self { retention: true, ..self }
    }

    /// The engine of such a world.
    pub(crate) fn fit(self, engine: Engine) -> Engine {
        let engine = engine.with_probes(self.probes);
        if self.retention { engine.with_retention() } else { engine }
    }

    /// A world without an API, and so without its relay.
    #[must_use]
    pub fn without_api(self) -> Self {
        Self { api: false, ..self }
    }

    /// A world whose worker is started by the test.
    #[must_use]
    pub fn without_worker(self) -> Self {
        Self { worker: false, ..self }
    }
}

/// Connects to a database whose deadlines are as the options say.
pub(crate) async fn connect(url: &str, options: WorldOptions) -> anyhow::Result<PgPool> {
    let pool = store::pool::connect_lazily(url, 10)?;
    if let Some(sql) = shorten(options) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await?;
    }
    Ok(pool)
}

/// Makes every deadline of a database shorter than the contract allows, and what is in it older, if the options say so.
fn shorten(options: WorldOptions) -> Option<String> {
    let (millis, age) = (options.timeout?.as_millis(), options.age.as_millis());
    Some(format!(
        "CREATE FUNCTION shorten_event() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN NEW.timeout_at := clock_timestamp() + interval '{millis} milliseconds';
         NEW.received_at := NEW.received_at - interval '{age} milliseconds'; RETURN NEW; END $$;
         CREATE TRIGGER shorten BEFORE INSERT ON payment_events FOR EACH ROW EXECUTE FUNCTION shorten_event();
         CREATE FUNCTION age_extension() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN NEW.created_at := NEW.created_at - interval '{age} milliseconds'; RETURN NEW; END $$;
         CREATE TRIGGER age BEFORE INSERT ON extensions FOR EACH ROW EXECUTE FUNCTION age_extension();
         CREATE FUNCTION shorten_reprocess() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN NEW.result_due_at := clock_timestamp() + interval '{millis} milliseconds'; RETURN NEW; END $$;
         CREATE TRIGGER shorten BEFORE UPDATE ON reprocesses FOR EACH ROW
         WHEN (NEW.state = 'awaiting_result' AND OLD.state = 'delivering') EXECUTE FUNCTION shorten_reprocess();"
    ))
}
