//! Operators: people who may sign in.

use email_address::EmailAddress;
use url::Host;

use crate::identifier::is_invisible;
use crate::text_enum::text_enum;

/// The longest address that a mail server takes, in bytes: RFC 5321, section 4.5.3.1.3.
const MAX_EMAIL: usize = 254;

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
/// It is read by the rules of the library that sends mail, so that what is taken here can be sent to;
/// quoted local parts and address literals, which nobody has, are not taken.
///
/// # Errors
/// When it has no local part of at most 64 bytes, no domain of letters, digits and hyphens between dots
/// (of any script), or over 254 bytes.
pub fn parse_email(text: &str) -> Result<String, MalformedEmail> {
    let text = typed_email(text).ok_or(MalformedEmail)?;
    let (local, domain) = text.rsplit_once('@').ok_or(MalformedEmail)?;
    let is_plain = text.len() <= MAX_EMAIL && !text.chars().any(is_never_in_email);
    if is_plain && EmailAddress::is_valid_local_part(local) && is_mail_domain(domain) {
        return Ok(text);
    }
    Err(MalformedEmail)
}

/// What a person typed to sign in, in the form in which addresses are compared. It is not asked
/// whether mail could reach it: who was let in before a rule was made still gets in. `None` where it
/// can be no operator's.
#[must_use]
pub fn typed_email(text: &str) -> Option<String> {
    let text = text.trim();
    let is_short = text.len() <= MAX_EMAIL && !text.is_empty();
    (is_short && !text.chars().any(char::is_control)).then(|| text.to_lowercase())
}

fn is_never_in_email(c: char) -> bool {
    c.is_whitespace() || is_invisible(c) || "<>,;:\"()[]\\".contains(c)
}

/// As it is, or as the DNS spells it. The same steps as in `lettre::Address`.
fn is_mail_domain(domain: &str) -> bool {
    EmailAddress::is_valid_domain(domain)
        || matches!(Host::parse(domain), Ok(Host::Domain(ascii)) if EmailAddress::is_valid_domain(&ascii))
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
        for good in
            ["bob+shop@x.example", "o'hara@x.example", "zoë@müller.example", "bob@localhost"]
        {
            assert_eq!(parse_email(good).as_deref(), Ok(good), "{good}");
        }
        let long = format!("{}@x.example", "b".repeat(200));
        for bad in [
            "",
            "bob",
            "@x",
            "bob@",
            "bob@@x",
            "a b@x",
            "bob@x\r\nBcc: y@z",
            "<bob@x>",
            "bob@.x",
            "bob@x..example",
            "bob@-x.example",
            "bob@x-.example",
            "bob..b@x.example",
            ".bob@x.example",
            "bob\u{200B}@x.example",
            "bob@x\u{200B}.example",
            "bob@x\u{AD}y.example",
            &long,
        ] {
            assert_eq!(parse_email(bad), Err(MalformedEmail), "{bad:?}");
        }
    }

    #[test]
    fn who_was_let_in_before_a_rule_was_made_still_gets_in() {
        assert_eq!(typed_email(" Bob@X..example ").as_deref(), Some("bob@x..example"));
        let long = "b".repeat(255);
        for bad in ["", " ", "bob\0@x", &long] {
            assert_eq!(typed_email(bad), None, "{bad:?}");
        }
    }
}
