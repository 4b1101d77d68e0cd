//! The integration key of a PagerDuty service, and where its events go.

use std::fmt;

use super::shorten;

/// Where events go unless the account is in another region
/// (<https://developer.pagerduty.com/docs/send-alert-event>).
pub const PAGERDUTY_ENDPOINT: &str = "https://events.pagerduty.com/v2/enqueue";

/// How long a key is.
const KEY_LENGTH: usize = 32;

/// The integration key of a service or an orchestration, `routing_key` in its events. It is a secret: whoever has it
/// can page.
#[derive(Clone, PartialEq, Eq)]
pub struct RoutingKey(String);

/// The text is no key. It continues a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the integration key of an Events API V2 integration: {KEY_LENGTH} letters and digits, as PagerDuty shows \
     it under Services, your service, Integrations"
)]
pub struct MalformedRoutingKey;

impl RoutingKey {
    /// Reads a key; white space around it is no part of it.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(text: &str) -> Result<Self, MalformedRoutingKey> {
        let key = text.trim();
        let is_key =
            key.len() == KEY_LENGTH && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_key { Ok(Self(key.to_owned())) } else { Err(MalformedRoutingKey) }
    }

    /// The key itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// How its service is called unless an operator gives it a label.
    #[must_use]
    pub fn default_label(&self) -> String {
        shorten("PagerDuty", &self.0, "")
    }
}

impl fmt::Debug for RoutingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoutingKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_32_letters_and_digits_and_only_its_end_is_shown() {
        let key = RoutingKey::parse(" R0123456789abcdef0123456789aBcD0\n").expect("a key");
        assert_eq!(key.reveal(), "R0123456789abcdef0123456789aBcD0");
        assert_eq!(key.default_label(), "PagerDuty …BcD0");
        assert_eq!(format!("{key:?}"), "RoutingKey(…)");
        for bad in [
            "",
            "R0123456789abcdef0123456789aBcD",
            "R0123456789abcdef0123456789aBc-0",
            "é0123456789abcdef0123456789aBcD",
        ] {
            assert_eq!(RoutingKey::parse(bad), Err(MalformedRoutingKey), "{bad}");
        }
    }
}
