//! What is done to many incidents at this moment, or paused, for the home: whoever did not start it, or closed its page,
//! finds it there.

use domain::alert::one_line;
use domain::bulk::{BulkCounts, BulkState};
use domain::ids::ProjectId;
use domain::project::Mode;
use store::bulk::{self, Bulk};
use store::projects::Project;
use store::{PgPool, StoreError};

use super::page::{heading, many};

/// A page shows so many.
const MOST: i64 = 10;

/// A bulk that runs or is paused.
pub(crate) struct BulkUnderWay {
    /// Its own page.
    pub(crate) path: String,
    /// As in `Reprocessing 20 incidents`.
    pub(crate) heading: String,
    pub(crate) project: String,
    /// As it continues a sentence: that it is paused, and why, where it paused by itself.
    pub(crate) paused: Option<String>,
}

impl BulkUnderWay {
    fn new(bulk: &Bulk, projects: &[Project]) -> Self {
        let project = projects.iter().find(|project| project.id == bulk.project_id);
        let paused = (bulk.state == BulkState::Paused).then(|| match &bulk.why {
            Some(why) => format!("paused by itself: {}", one_line(why)),
            None => "paused".to_owned(),
        });
        // What is not over is not counted.
        let counts = BulkCounts::default();
        Self {
            path: super::path(bulk.id),
            heading: heading(bulk.action, bulk.state, &many(bulk.items.into()), counts),
            project: project.map(|project| one_line(&project.name)).unwrap_or_default(),
            paused,
        }
    }
}

/// Those of the projects of a mode, or of the one of them that is asked for.
pub(crate) async fn list_under_way(
    pool: &PgPool,
    projects: &[Project],
    only: Option<ProjectId>,
    mode: Mode,
) -> Result<Vec<BulkUnderWay>, StoreError> {
    let shown = projects.iter().filter(|project| project.mode == mode).map(|project| project.id);
    let shown: Vec<_> = shown.filter(|id| only.is_none_or(|only| only == *id)).collect();
    let bulks = bulk::list_under_way(pool, &shown, MOST).await?;
    Ok(bulks.iter().map(|bulk| BulkUnderWay::new(bulk, projects)).collect())
}
