//! What a project's people are told about results that never found their receipt.

use crate::alert::one_line;
use crate::project::Mode;

/// Results that never found their receipt, ready to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnclaimedNotice {
    /// The project's name.
    pub project_name: String,
    /// Whether real money is watched.
    pub mode: Mode,
    /// How many results there are.
    pub count: i64,
    /// The provider's ids of some of them, at most five.
    pub provider_event_ids: Vec<String>,
    /// The audit log, narrowed to these results.
    pub audit_url: String,
}

impl UnclaimedNotice {
    /// What is to be checked.
    pub const CHECKS: [&str; 2] = [
        "The receipt call failed: look for its error in your app's log, and send the receipt again.",
        "Receipt and result differ: provider, provider_event_id, shopify_shop_domain, event_type, \
         effect_type, internal_reference and effect_key must be the same wherever the result names them.",
    ];

    /// The same with every text on one line and readable.
    #[must_use]
    pub fn legible(mut self) -> Self {
        self.project_name = one_line(&self.project_name);
        self.audit_url = one_line(&self.audit_url);
        self.provider_event_ids = self.provider_event_ids.iter().map(|id| one_line(id)).collect();
        self
    }

    /// The sentence that the message begins with.
    #[must_use]
    pub fn heading(&self) -> String {
        match self.count {
            1 => "1 result never found its receipt".to_owned(),
            count => format!("{count} results never found their receipt"),
        }
    }

    /// The project and its mode.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{} · {}", self.project_name, self.mode)
    }

    /// What that means.
    #[must_use]
    pub const fn explanation(&self) -> &'static str {
        "Your app reported them, and within 24 hours no receipt came that they fit. Without a receipt a \
         payment is not watched: a failure opens no incident."
    }

    /// How many are not named.
    #[must_use]
    pub fn unnamed(&self) -> i64 {
        self.count - i64::try_from(self.provider_event_ids.len()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(count: i64) -> UnclaimedNotice {
        UnclaimedNotice {
            project_name: "Comet\nCart".into(),
            mode: Mode::Live,
            count,
            provider_event_ids: vec!["evt_1\u{202e}".into()],
            audit_url: "https://sendpromptly.cometcart.test/audit".into(),
        }
    }

    #[test]
    fn one_and_many_have_their_own_words() {
        assert_eq!(notice(1).heading(), "1 result never found its receipt");
        assert_eq!(notice(7).heading(), "7 results never found their receipt");
        assert_eq!((notice(1).unnamed(), notice(7).unnamed()), (0, 6));
    }

    #[test]
    fn nothing_in_it_can_hide_or_break_lines() {
        let legible = notice(1).legible();
        assert_eq!(legible.origin(), "Comet Cart · live");
        assert_eq!(legible.provider_event_ids, ["evt_1"]);
    }
}
