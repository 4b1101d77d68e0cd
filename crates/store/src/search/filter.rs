//! What the values of a filter narrow the list of incidents to: of the console's address, and of a filter that was saved,
//! wherever it is used.

use domain::alert::one_line;
use domain::catalogue::Catalogue;
use domain::ids::OperatorId;
use domain::incident::IncidentState;
use domain::saved_filter::FilterValues;
use time::{Duration, OffsetDateTime};

use super::Sort;
use super::incidents::{IncidentSearch, OwnerFilter, StateFilter};

/// What a saved filter names and is gone. It would narrow nothing, unseen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("names {name}={value}, which is gone: save it again")]
pub struct GoneName {
    name: String,
    value: String,
}

/// What values ask for at this moment; what is mine is known only of an operator. A value that says nothing narrows nothing.
#[must_use]
pub fn narrow(
    values: &FilterValues,
    catalogue: &Catalogue,
    now: OffsetDateTime,
    me: Option<OperatorId>,
) -> IncidentSearch {
    let said = |name: &str| values.get(name).map(String::as_str).unwrap_or_default();
    let (opened_after, opened_before) = times(said("age"), now);
    IncidentSearch {
        project_id: said("project").parse().ok(),
        mode: said("mode").parse().ok(),
        state: match said("state") {
            "all" => StateFilter::All,
            state => state.parse::<IncidentState>().map_or(StateFilter::NeedsYou, StateFilter::One),
        },
        cause_id: said("cause").parse().ok(),
        owner: match said("owner") {
            "me" => me.map(OwnerFilter::Of),
            "none" => Some(OwnerFilter::Unowned),
            _ => None,
        },
        reason: said("reason").parse().ok(),
        event_type: catalogue.event_type(None, said("event_type")).ok(),
        effect_type: catalogue.effect_type(said("effect_type")).ok(),
        opened_after,
        opened_before,
        text: Some(said("q").trim().to_owned()).filter(|text| !text.is_empty()),
        sort: if said("sort") == "oldest" { Sort::Oldest } else { Sort::Newest },
        cursor: None,
        limit: 0,
    }
}

/// The same of a filter that was saved.
///
/// # Errors
/// When it names something that is gone.
pub fn narrow_saved(
    values: &FilterValues,
    catalogue: &Catalogue,
    now: OffsetDateTime,
    me: Option<OperatorId>,
) -> Result<IncidentSearch, GoneName> {
    let search = narrow(values, catalogue, now, me);
    let unread = [
        ("event_type", search.event_type.is_none()),
        ("effect_type", search.effect_type.is_none()),
    ];
    let mut unread = unread.into_iter().filter(|(_, is_unread)| *is_unread);
    match unread.find_map(|(name, _)| values.get_key_value(name)) {
        Some((name, value)) => Err(GoneName { name: name.clone(), value: one_line(value) }),
        None => Ok(search),
    }
}

/// From when, inclusive, and until when, exclusive, something of this age began: `24h`, `over-7d`.
#[must_use]
pub fn times(age: &str, now: OffsetDateTime) -> (Option<OffsetDateTime>, Option<OffsetDateTime>) {
    let (over, age) = match age.strip_prefix("over-") {
        Some(age) => (true, age),
        None => (false, age),
    };
    let limit = match age {
        "1h" => now - Duration::HOUR,
        "24h" => now - Duration::DAY,
        "7d" => now - Duration::WEEK,
        "30d" => now - Duration::days(30),
        _ => return (None, None),
    };
    if over { (None, Some(limit)) } else { (Some(limit), None) }
}

#[cfg(test)]
mod tests {
    use domain::incident::Reason;
    use uuid::Uuid;

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn values<const N: usize>(pairs: [(&str, &str); N]) -> FilterValues {
        FilterValues::from(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    fn narrowed(values: &FilterValues, me: Option<OperatorId>) -> IncidentSearch {
        narrow(values, &Catalogue::default(), NOW, me)
    }

    #[test]
    fn each_value_narrows_and_one_that_is_not_known_does_not() {
        let me = OperatorId::from_uuid(Uuid::from_u128(1));
        let said = values([
            ("state", "all"),
            ("owner", "me"),
            ("reason", "failed_result"),
            ("age", "over-7d"),
            ("sort", "oldest"),
            ("q", " a b "),
            ("colour", "red"),
        ]);
        let search = narrowed(&said, Some(me));
        assert_eq!((search.state, search.owner), (StateFilter::All, Some(OwnerFilter::Of(me))));
        assert_eq!((search.reason, search.sort), (Some(Reason::FailedResult), Sort::Oldest));
        assert_eq!(search.opened_before, Some(NOW - Duration::WEEK));
        assert_eq!((search.opened_after, search.text.as_deref()), (None, Some("a b")));
        assert_eq!(narrowed(&said, None).owner, None, "of nobody");
        let wrong = values([("state", "<b>"), ("project", "x"), ("cause", "x"), ("mode", "x")]);
        let search = narrowed(&wrong, None);
        assert_eq!((search.state, search.project_id), (StateFilter::NeedsYou, None));
        assert_eq!((search.cause_id, search.mode), (None, None));
    }

    #[test]
    fn a_saved_filter_of_what_is_gone_is_not_read_as_one_that_narrows_nothing() {
        let saved = |event_type: &str| {
            let values = values([("event_type", event_type)]);
            narrow_saved(&values, &Catalogue::default(), NOW, None)
        };
        let search = saved("invoice.paid").expect("a type of the catalogue");
        assert_eq!(search.event_type.as_deref(), Some("invoice.paid"));
        let gone = saved("acme:gone").expect_err("a type that nobody declared");
        assert_eq!(gone.to_string(), "names event_type=acme:gone, which is gone: save it again");
    }
}
