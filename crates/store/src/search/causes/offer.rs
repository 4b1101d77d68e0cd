//! The causes that a list of incidents offers to narrow it by, and shows above it.
//!
//! What is at risk is added up of those that are shown alone: of all it would be as much to read as what is counted.

use std::collections::BTreeMap;

use domain::cause::Cause;
use domain::ids::CauseId;

use super::{CauseRow, CauseSearch, Counted, count, list_causes};
use crate::search::at_risk::sum_by_cause;
use crate::search::reading;
use crate::{PgPool, StoreError, column};

/// What a list of incidents offers of the causes of what is not resolved, those with the most customers first.
#[derive(Debug, Default)]
pub struct CauseOffer {
    /// A page of causes, to choose among.
    pub offered: Vec<(CauseId, Cause)>,
    /// Whether there are no others.
    pub is_complete: bool,
    /// How many of them have more than one incident.
    pub shared: usize,
    /// The first of these.
    pub shown: Vec<CauseRow>,
}

/// A page of causes, and all that is known of the first `shown` that have more than one incident.
pub async fn offer_causes(
    db: &PgPool,
    search: &CauseSearch,
    shown: usize,
) -> Result<CauseOffer, StoreError> {
    let scan = search.scan();
    let mut tx = reading::begin(db).await?;
    let counted = count(&mut tx, search, &scan).await?;
    let found = scan.cut(counted.iter().map(Counted::key).collect(), None);
    let causes = list_causes(&mut *tx, &column(&found.keys, |key| key.id)).await?;
    let shared: Vec<_> = found.keys.iter().filter(|key| key.incidents > 1).collect();
    let mut of_projects = Vec::new();
    for key in shared.iter().take(shown) {
        of_projects.extend(causes.get(&key.id).map(|cause| (cause.project_id, key.id)));
    }
    let at_risk = if of_projects.is_empty() {
        BTreeMap::new()
    } else {
        sum_by_cause(&mut *tx, &of_projects).await?
    };
    tx.commit().await?;
    let mut counted: BTreeMap<_, _> = counted.into_iter().map(|of| (of.id, of)).collect();
    let rows = of_projects.iter().filter_map(|(_, id)| {
        let sums = at_risk.get(id).cloned().unwrap_or_default();
        Some(counted.remove(id)?.into_row(causes.get(id)?.clone(), sums))
    });
    let offered = found.keys.iter().filter_map(|key| Some((key.id, causes.get(&key.id)?.clone())));
    Ok(CauseOffer {
        shown: rows.collect(),
        shared: shared.len(),
        is_complete: found.next.is_none(),
        offered: offered.collect(),
    })
}
