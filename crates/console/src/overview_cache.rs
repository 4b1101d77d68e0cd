//! How well it went over the last days and hours, remembered for a while.
//!
//! The list of incidents refreshes itself every few seconds in every tab, while adding up the last
//! quarter of an hour of a busy shop reads every event of it. So it is added up once for all, and
//! kept the longer the more it cost: adding up never takes more than a twentieth of the time.
//! Requests in the meantime wait for the one that is adding up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use domain::ids::ProjectId;
use domain::project::Mode;
use store::search::hours::{Hours, list_hours};
use store::search::overview::overview;
use store::{PgPool, StoreError};
use tokio::sync::Mutex;

/// Over how many days it is said how well it goes.
const DAYS: i32 = 7;
/// How many times as long as it took the result is fresh enough.
const KEPT: u32 = 20;

/// How well it went.
#[derive(Debug, Clone)]
pub(crate) struct OverviewSummary {
    /// How many of a hundred effects came on time, if any were due.
    pub(crate) on_time: Option<f64>,
    /// Half of what was put right took at most so long.
    pub(crate) to_repair: Option<time::Duration>,
    /// The last hours, one by one.
    pub(crate) hours: Arc<Hours>,
}

/// The summaries of each project that was asked about and of all, and until when each is kept.
#[derive(Debug, Clone, Default)]
pub struct OverviewCache(Arc<Mutex<Kept>>);

type Kept = BTreeMap<(Option<ProjectId>, Option<Mode>), (Instant, OverviewSummary)>;

impl OverviewCache {
    /// The last days and hours of one project, or of all of a mode.
    pub(crate) async fn load(
        &self,
        pool: &PgPool,
        project_id: Option<ProjectId>,
        mode: Option<Mode>,
    ) -> Result<OverviewSummary, StoreError> {
        let mut known = self.0.lock().await;
        let begin = Instant::now();
        if let Some((until, summary)) = known.get(&(project_id, mode))
            && begin < *until
        {
            return Ok(summary.clone());
        }
        let counted = overview(pool, project_id, mode, DAYS).await?;
        let summary = OverviewSummary {
            on_time: counted.overall.percent,
            to_repair: counted.time_to_repair.median,
            hours: Arc::new(list_hours(pool, project_id, mode).await?),
        };
        known
            .insert((project_id, mode), (Instant::now() + begin.elapsed() * KEPT, summary.clone()));
        Ok(summary)
    }
}
