//! Operators: people who may sign in.

use crate::text_enum::text_enum;

text_enum! {
    /// What an operator may do.
    Role { Admin = "admin", Operator = "operator", Viewer = "viewer" }
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
    fn addresses_are_checked_and_lose_their_case() {
        assert_eq!(parse_email(" Bob@CometCart.test "), Ok("bob@cometcart.test".to_owned()));
        for bad in
            ["", "bob", "@x", "bob@", "bob@@x", "a b@x", "bob@x\r\nBcc: y@z", "<bob@x>", "bob@.x"]
        {
            assert_eq!(parse_email(bad), Err(MalformedEmail), "{bad:?}");
        }
    }
}
