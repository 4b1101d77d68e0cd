//! How many customers wait for what an incident is about.
//!
//! A customer is one reference of one project, however many incidents they have. What is read is as
//! much as is not resolved.

use domain::catalogue::EffectType;
use domain::ids::ProjectId;
use domain::project::Mode;
use sqlx::PgExecutor;

use crate::StoreError;

/// Customers who do not have what they should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Customers {
    /// Who paid and got nothing.
    pub without: i64,
    /// Who still have what they should have lost.
    pub with_too_much: i64,
}

/// Counts the customers of one project, or of all, whose incidents are not resolved: those of live
/// projects, and those of test projects.
pub async fn count_customers(
    db: impl PgExecutor<'_>,
    project_id: Option<ProjectId>,
) -> Result<(Customers, Customers), StoreError> {
    let taking: Vec<_> = EffectType::TAKING.iter().map(ToString::to_string).collect();
    let counts = sqlx::query!(
        r#"SELECT p.mode, i.effect_type = ANY($2) AS "taking!", count(DISTINCT i.internal_reference) AS "customers!"
           FROM projects p JOIN incidents i ON i.project_id = p.id
               AND i.state IN ('open', 'acknowledged', 'reprocessing')
           WHERE $1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1
           GROUP BY p.id, p.mode, i.effect_type = ANY($2)"#,
        project_id.map(ProjectId::as_uuid),
        &taking,
    )
    .fetch_all(db)
    .await?;
    let (mut live, mut test) = (Customers::default(), Customers::default());
    for count in counts {
        let of_mode = if count.mode == Mode::Live { &mut live } else { &mut test };
        if count.taking {
            of_mode.with_too_much += count.customers;
        } else {
            of_mode.without += count.customers;
        }
    }
    Ok((live, test))
}
