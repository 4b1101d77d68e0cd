//! What a change of a project's settings changed, setting by setting.

use crate::audit::detail::{Change, HeaderChange, ProjectChanges};

/// Each setting that changed, before and after.
pub(super) fn changes(of: &ProjectChanges) -> String {
    let ProjectChanges {
        name,
        timeout_minutes,
        retention_months,
        repair_url,
        snapshots,
        snapshot_days,
        snapshot_in_callback,
        expected_receipts,
        callback_headers,
    } = of;
    let url = |url: &Option<String>| url.clone().unwrap_or_else(|| "none".to_owned());
    let changed = [
        callback_headers.as_ref().map(headers),
        name.as_ref().map(|it| change("name", it, Clone::clone)),
        repair_url.as_ref().map(|it| change("repair URL", it, url)),
        snapshots.as_ref().map(|it| change("snapshots", it, ToString::to_string)),
        snapshot_days.as_ref().map(|it| change("days of snapshots", it, ToString::to_string)),
        snapshot_in_callback
            .as_ref()
            .map(|it| change("snapshots in callbacks", it, ToString::to_string)),
        timeout_minutes.as_ref().map(|it| change("timeout minutes", it, ToString::to_string)),
        expected_receipts.as_ref().map(|it| change("expected receipts", it, ToString::to_string)),
        retention_months.as_ref().map(|it| change("retention months", it, ToString::to_string)),
    ];
    changed.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn change<T>(name: &str, of: &Change<T>, shown: impl Fn(&T) -> String) -> String {
    format!("{name} from {} to {}", shown(&of.from), shown(&of.to))
}

/// Headers have names, and values that are never shown.
fn headers(of: &HeaderChange) -> String {
    let parts = [("set", &of.set), ("removed", &of.removed)];
    let parts = parts.iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<_> = parts.map(|(what, names)| format!("{what} {}", names.join(", "))).collect();
    format!("callback headers: {}", parts.join(", "))
}
