//! The access token of an ntfy server.

use std::fmt;

/// What an ntfy server lets its holder publish by (<https://docs.ntfy.sh/publish/#access-tokens>). It is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct NtfyToken(String);

/// The text is no token. It continues a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an access token, tk_ and 29 letters and digits, as the account page of the server or `ntfy token add` \
     makes one"
)]
pub struct MalformedNtfyToken;

impl NtfyToken {
    /// Reads a token; white space around it is no part of it.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(text: &str) -> Result<Self, MalformedNtfyToken> {
        let text = text.trim();
        let rest = text.strip_prefix("tk_").ok_or(MalformedNtfyToken)?;
        let is_token = rest.len() == 29 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_token { Ok(Self(text.to_owned())) } else { Err(MalformedNtfyToken) }
    }

    /// The token itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NtfyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NtfyToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_form_that_ntfy_gives_it() {
        let token = NtfyToken::parse(" tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2 ").expect("a token");
        assert_eq!(token.reveal(), "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2");
        assert_eq!(format!("{token:?}"), "NtfyToken(…)");
        for bad in [
            "",
            "tk_",
            "AgQdq7mVBoFD37zQVN29RhuMzNIz2",
            "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz",
            "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz\n",
        ] {
            assert_eq!(NtfyToken::parse(bad), Err(MalformedNtfyToken), "{bad}");
        }
    }
}
