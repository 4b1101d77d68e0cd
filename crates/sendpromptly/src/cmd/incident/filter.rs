//! The filters that are shared in the console, by their names.

use console::incidents::search;
use console::listing::ListQuery;
use domain::alert::one_line;
use domain::catalogue::Catalogue;
use domain::saved_filter::FilteredList;
use store::declared_names;
use store::saved_filters::{SavedFilter, list_shared};
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
    let wanted = name.trim().to_lowercase();
    let Some(filter) = shared.iter().find(|one| one.name.to_lowercase() == wanted) else {
        let names: Vec<_> = shared.iter().map(|one| one_line(&one.name)).collect();
        return Err(unknown(&names).into());
    };
    let query = ListQuery::from_values(&filter.filter);
    if query.owner == "me" && owner.is_none() {
        let why = "is about the incidents of whoever looks: name them with --owner";
        return Err(Failure::option("filter", why).into());
    }
    let catalogue = Catalogue::of_all(declared_names::list_all(&admin.pool).await?);
    let search = search(&query, &catalogue, OffsetDateTime::now_utc(), None);
    match gone(filter, &search) {
        Some(gone) => Err(gone.into()),
        None => Ok(search),
    }
}

/// What it names and is gone would narrow nothing, unseen.
fn gone(filter: &SavedFilter, search: &IncidentSearch) -> Option<Failure> {
    let unread = [
        ("event_type", search.event_type.is_none()),
        ("effect_type", search.effect_type.is_none()),
    ];
    let mut unread = unread.into_iter().filter(|(_, is_unread)| *is_unread);
    let (name, value) = unread.find_map(|(name, _)| filter.filter.get_key_value(name))?;
    let why = format!("names {name}={}, which is gone: save it again", one_line(value));
    Some(Failure::option("filter", why))
}

fn unknown(names: &[String]) -> Failure {
    if names.is_empty() {
        return Failure::option("filter", "names none: no filter of incidents is shared");
    }
    Failure::option("filter", format!("must be one of {}", names.join(", ")))
}
