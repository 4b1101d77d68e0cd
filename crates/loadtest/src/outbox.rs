//! The outbox as seen from outside: how much waits in it, and holding it back.

use sqlx::PgPool;

/// A trigger, because it works in every build: whatever is enqueued is not due before it is
/// released.
const HOLD: &str = "
    CREATE FUNCTION loadtest_hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.next_attempt_at := 'infinity';
        RETURN NEW;
    END $$;
    CREATE TRIGGER loadtest_hold BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION loadtest_hold()";
const RELEASE: &str = "
    DROP TRIGGER loadtest_hold ON outbox;
    DROP FUNCTION loadtest_hold;
    UPDATE outbox SET next_attempt_at = now()";
const DISCARD: &str = "
    DROP TRIGGER loadtest_hold ON outbox;
    DROP FUNCTION loadtest_hold;
    DELETE FROM outbox WHERE next_attempt_at = 'infinity'";

/// How many messages wait, and how many are parked.
pub async fn count(pool: &PgPool) -> anyhow::Result<(i64, i64)> {
    let count = "SELECT count(*) FILTER (WHERE parked_at IS NULL), count(parked_at) FROM outbox";
    Ok(sqlx::query_as(count).fetch_one(pool).await?)
}

/// Whether any message waits. Cheap enough to be asked again and again beside a load.
pub async fn has_waiting(pool: &PgPool) -> anyhow::Result<bool> {
    let waiting = "SELECT EXISTS (SELECT FROM outbox WHERE parked_at IS NULL)";
    Ok(sqlx::query_scalar(waiting).fetch_one(pool).await?)
}

/// Lets everything that is enqueued from now on wait.
pub async fn hold(pool: &PgPool) -> anyhow::Result<()> {
    sqlx::raw_sql(HOLD).execute(pool).await?;
    Ok(())
}

/// Makes everything that waits due.
pub async fn release(pool: &PgPool) -> anyhow::Result<()> {
    sqlx::raw_sql(RELEASE).execute(pool).await?;
    Ok(())
}

/// Gives up what is held back; its events get no watch. What is enqueued from now on is dispatched.
pub async fn discard(pool: &PgPool) -> anyhow::Result<()> {
    sqlx::raw_sql(DISCARD).execute(pool).await?;
    Ok(())
}
