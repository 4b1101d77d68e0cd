//! What entries say of an incident itself: why it opened, whose it is, how it ended.

use time::Duration;

use super::{actor_name, many};
use crate::alert::{format_duration, judged_later, one_line};
use crate::audit::detail::{AssignedDetail, CommentDetail, ResolvedDetail};
use crate::incident::Resolution;

/// No result came, and the deadline may have been judged later.
pub(super) fn silence(outage_grace_seconds: Option<i32>) -> String {
    let silence = "no result in time".to_owned();
    match outage_grace_seconds {
        None => silence,
        Some(seconds) => format!("{silence}; {}", judged_later(seconds)),
    }
}

pub(super) fn assigned(of: &AssignedDetail) -> String {
    let to = one_line(&of.to);
    match &of.from {
        Some(from) => format!("to {to}, who takes over from {}", one_line(from)),
        None => format!("to {to}"),
    }
}

/// The cause that it is on, and who was told of it.
pub(super) fn comment(of: &CommentDetail) -> String {
    let cause = of.cause_id.map(|id| id.to_string()).unwrap_or_default();
    let told = of.mentioned.iter().map(|email| one_line(email)).collect::<Vec<_>>().join(", ");
    match (cause.as_str(), told.as_str()) {
        (cause, "") => cause.to_owned(),
        ("", told) => format!("for {told}"),
        (cause, told) => format!("{cause}, for {told}"),
    }
}

pub(super) fn resolution(of: &ResolvedDetail) -> String {
    let resolution = match of {
        ResolvedDetail::Manually { evidence: Some(evidence), .. } => {
            return format!("by the evidence of {}", one_line(&evidence.name));
        }
        ResolvedDetail::Manually { bulk_id: Some(id), .. } => {
            return format!("manually, {}", many::one_of(Some(*id)));
        }
        ResolvedDetail::Manually { resolution, .. } | ResolvedDetail::ByResult { resolution } => {
            resolution
        }
    };
    describe_resolution(*resolution).to_owned()
}

/// How an incident ended, by whom if that is known, and after how long: `manually by bob@example.com, after 2 hours`.
#[must_use]
pub fn describe_ending(resolution: Resolution, by: Option<&str>, took: Duration) -> String {
    let (ended, took) = (describe_resolution(resolution), format_duration(took));
    let by = by.map(|actor| match resolution {
        Resolution::Reprocessed => format!(", asked for by {}", actor_name(actor)),
        Resolution::LateSuccess | Resolution::Superseded | Resolution::Manual => {
            format!(" by {}", actor_name(actor))
        }
    });
    format!("{ended}{}, after {took}", by.unwrap_or_default())
}

/// How an incident ended, in a few words.
#[must_use]
pub fn describe_resolution(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Reprocessed => "the reprocess succeeded",
        Resolution::LateSuccess => "the success came late",
        Resolution::Superseded => "nothing is due any more",
        Resolution::Manual => "manually",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_names_who_brought_it_about_and_how_long_it_took() {
        let bob = Some("operator:bob@cometcart.test");
        for (resolution, by, text) in [
            (Resolution::Manual, bob, "manually by bob@cometcart.test, after 2 hours"),
            (
                Resolution::Reprocessed,
                bob,
                "the reprocess succeeded, asked for by bob@cometcart.test, after 2 hours",
            ),
            (Resolution::LateSuccess, None, "the success came late, after 2 hours"),
        ] {
            assert_eq!(describe_ending(resolution, by, Duration::hours(2)), text);
        }
    }
}
