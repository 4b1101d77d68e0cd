//! What files of rules have in common, as far as the macros of sqlx let it be said once.

/// How many rows of one table are due, month by month of `$moment`: those where `$due` holds.
macro_rules! count_by_age {
    ($table:literal, $moment:literal, $due:literal) => {
        pub(super) async fn count_due(
            pool: &crate::PgPool,
        ) -> Result<Vec<super::MonthRows>, crate::StoreError> {
            let mut tx = super::begin_count(pool).await?;
            let rows = sqlx::query_as!(
                super::MonthRows,
                "SELECT '"
                    + $table
                    + "' AS \"table!\", date_trunc('month', "
                    + $moment
                    + " AT TIME ZONE 'UTC')::date AS \"month!\", count(*) AS \"rows!\" FROM "
                    + $table
                    + " WHERE "
                    + $due
                    + " GROUP BY 2",
            );
            Ok(rows.fetch_all(&mut *tx).await?)
        }
    };
}

/// A rule about one table: rows leave by the age of `$moment` where `$due` holds. `$key` is what finds a row that
/// was locked.
macro_rules! delete_by_age {
    ($table:literal, $key:literal, $moment:literal, $due:literal) => {
        super::macros::count_by_age!($table, $moment, $due);

        pub(super) async fn delete_batch(
            pool: &crate::PgPool,
            since: &mut time::OffsetDateTime,
            most: i64,
        ) -> Result<super::Batch, crate::StoreError> {
            let mut tx = super::begin_batch(pool).await?;
            let gone = sqlx::query_as!(
                super::GoneRows,
                "WITH gone AS (DELETE FROM " + $table + " WHERE " + $key + " = ANY (ARRAY(SELECT " + $key + " FROM "
                    + $table + " WHERE " + $due + " AND " + $moment + " >= $2 ORDER BY " + $moment + " LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING "
                    + $moment + " AS moment) SELECT '" + $table
                    + "' AS \"table!\", date_trunc('month', moment AT TIME ZONE 'UTC')::date AS \"month!\", count(*) AS \"rows!\","
                    + " max(moment) AS last FROM gone GROUP BY 2",
                most,
                *since,
            )
            .fetch_all(&mut *tx)
            .await?;
            tx.commit().await?;
            Ok(super::Batch::since(since, most, gone, $table))
        }
    };
}

/// A batch that a function of the owner deletes; `$table` is the one whose rows it counts against the most.
macro_rules! delete_by_owner {
    ($function:literal, $table:literal) => {
        pub(super) async fn delete_batch(
            pool: &crate::PgPool,
            since: &mut time::OffsetDateTime,
            most: i64,
        ) -> Result<super::Batch, crate::StoreError> {
            let mut tx = super::begin_batch(pool).await?;
            let gone = sqlx::query_as!(
                super::GoneRows,
                "SELECT purged AS \"table!\", month AS \"month!\", quantity AS \"rows!\", latest AS last FROM "
                    + $function
                    + "($1, $2)",
                most,
                *since,
            )
            .fetch_all(&mut *tx)
            .await?;
            tx.commit().await?;
            Ok(super::Batch::since(since, most, gone, $table))
        }
    };
}

pub(super) use {count_by_age, delete_by_age, delete_by_owner};
