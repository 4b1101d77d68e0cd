//! Operators: people who may sign in.

use crate::text_enum::text_enum;

text_enum! {
    /// What an operator may do.
    Role { Admin = "admin", Operator = "operator", Viewer = "viewer" }
}

impl Role {
    /// Whether they may work on incidents: reprocess, acknowledge, resolve, show a proof.
    #[must_use]
    pub const fn may_act(self) -> bool {
        match self {
            Self::Admin | Self::Operator => true,
            Self::Viewer => false,
        }
    }

    /// Whether they may change projects, keys, destinations and who may sign in.
    #[must_use]
    pub const fn may_administer(self) -> bool {
        match self {
            Self::Admin => true,
            Self::Operator | Self::Viewer => false,
        }
    }
}

/// The text is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address such as bob@example.com")]
pub struct MalformedEmail;

/// Checks an address and gives it in the form in which it is compared: without case.
///
/// # Errors
/// When it has no local part, no domain, spaces, control or angle characters, or over 254 bytes.
pub fn parse_email(text: &str) -> Result<String, MalformedEmail> {
    let text = text.trim();
    let plain = text.len() <= 254
        && text
            .chars()
            .all(|c| !c.is_control() && !c.is_whitespace() && !"<>,;:\"()[]\\".contains(c));
    match text.rsplit_once('@') {
        Some((local, domain))
            if plain
                && !local.is_empty()
                && !local.contains('@')
                && !domain.is_empty()
                && !domain.starts_with('.')
                && !domain.ends_with('.') =>
        {
            Ok(text.to_lowercase())
        }
        _ => Err(MalformedEmail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_the_one_below_it_may_and_more() {
        let rights = |role: Role| (role.may_act(), role.may_administer());
        assert_eq!(rights(Role::Viewer), (false, false));
        assert_eq!(rights(Role::Operator), (true, false));
        assert_eq!(rights(Role::Admin), (true, true));
    }

    #[test]
    fn addresses_are_checked_and_lose_their_case() {
        assert_eq!(parse_email(" Bob@CometCart.test "), Ok("bob@cometcart.test".to_owned()));
        for bad in
            ["", "bob", "@x", "bob@", "bob@@x", "a b@x", "bob@x\r\nBcc: y@z", "<bob@x>", "bob@.x"]
        {
            assert_eq!(parse_email(bad), Err(MalformedEmail), "{bad:?}");
        }
    }
}
