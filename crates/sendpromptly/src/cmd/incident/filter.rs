//! The filters that are shared in the console, by their names.

use domain::alert::one_line;
use domain::catalogue::Catalogue;
use domain::saved_filter::FilteredList;
use store::declared_names;
use store::saved_filters::{find_named, list_shared};
use store::search::filter::narrow_saved;
use store::search::incidents::{IncidentSearch, OwnerFilter};
use time::OffsetDateTime;

use crate::admin_context::AdminContext;
use crate::failure::Failure;

/// What a shared filter narrows to, as the console would at this moment. `owner` takes the place of its own.
///
/// # Errors
/// When no filter has this name, it names something that is gone, or it is about whoever looks and nobody is named.
pub(super) async fn find(
    admin: &AdminContext,
    name: &str,
    owner: Option<OwnerFilter>,
) -> anyhow::Result<IncidentSearch> {
    let shared = list_shared(&admin.pool, FilteredList::Incidents).await?;
    let Some(filter) = find_named(&shared, name) else {
        let names: Vec<_> = shared.iter().map(|one| one_line(&one.name)).collect();
        return Err(unknown(&names).into());
    };
    let is_mine = filter.filter.get("owner").is_some_and(|owner| owner == "me");
    if is_mine && owner.is_none() {
        let why = "is about the incidents of whoever looks: name them with --owner";
        return Err(Failure::option("filter", why).into());
    }
    let catalogue = Catalogue::from_all(declared_names::list_all(&admin.pool).await?);
    let narrowed = narrow_saved(&filter.filter, &catalogue, OffsetDateTime::now_utc(), None);
    Ok(narrowed.map_err(|gone| Failure::option("filter", gone.to_string()))?)
}

fn unknown(names: &[String]) -> Failure {
    if names.is_empty() {
        return Failure::option("filter", "names none: no filter of incidents is shared");
    }
    Failure::option("filter", format!("must be one of {}", names.join(", ")))
}
