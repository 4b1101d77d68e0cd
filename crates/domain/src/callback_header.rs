//! Headers that a project adds to its callbacks, to let them pass a gateway.
//!
//! A name in hand is one that a client may set: no header of the connection, none that describes
//! the body, none of ours. A value is a secret: it is visible ASCII, fits one line, and is not
//! printed by anything but [`CallbackHeader::value`].

use std::fmt;
use std::str::FromStr;

/// The setting's name, as requests and forms spell it.
pub const FIELD: &str = "callback_headers";
/// How many a project may have.
pub const MAX_HEADERS: usize = 10;
/// The longest name, in characters.
pub const MAX_NAME: usize = 100;
/// The longest value, in characters.
pub const MAX_VALUE: usize = 2_000;

/// Headers of one connection (RFC 9110, section 7.6.1, and what preceded it), those that the HTTP
/// client sets itself, and those that would change how the body or its response is read.
const REJECTED: [&str; 14] = [
    "accept-encoding",
    "connection",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];
/// What describes the body, and what our own headers begin with.
const REJECTED_PREFIXES: [&str; 3] = ["content-", "x-sp-", "webhook-"];

/// What is wrong with a header. The text names the header where it has a name that can be shown,
/// and never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Not `Name: value`.
    #[error("must look like 'Name: value', such as 'X-Gateway-Key: …'")]
    NoColon,
    /// No header has such a name.
    #[error(
        "must have a name of 1 to {MAX_NAME} letters, digits and - . _ ! # $ % & ' * + ^ ` | ~"
    )]
    Name,
    /// A header that is not the project's to set.
    #[error(
        "must not set {0}: headers of the connection and of the body, Host, and those that begin \
         with X-SP- or Webhook- are set by the callback itself"
    )]
    Reserved(String),
    /// No value, or one that does not fit.
    #[error("needs 1 to {MAX_VALUE} visible ASCII characters, spaces among them, for {0}")]
    Value(String),
    /// More than a project may have.
    #[error("must be at most {MAX_HEADERS} headers: remove one first")]
    TooMany,
    /// The same header twice.
    #[error("names {0} twice")]
    Twice(String),
}

/// The name of a header that a callback may carry, in the spelling that it was given.
#[derive(Debug, Clone)]
pub struct HeaderName(String);

impl HeaderName {
    /// The name as people wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name by which headers are the same: in lower case.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// Names of headers are case-insensitive.
impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for HeaderName {}

impl FromStr for HeaderName {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        let text = text.trim();
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if text.is_empty() || text.len() > MAX_NAME || !text.bytes().all(is_token) {
            return Err(HeaderError::Name);
        }
        let folded = text.to_ascii_lowercase();
        let reserved = REJECTED.contains(&folded.as_str())
            || REJECTED_PREFIXES.iter().any(|prefix| folded.starts_with(prefix));
        if reserved {
            return Err(HeaderError::Reserved(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A header with its value.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackHeader {
    pub name: HeaderName,
    value: String,
}

impl fmt::Debug for CallbackHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallbackHeader({}: …)", self.name)
    }
}

impl CallbackHeader {
    /// A header of these parts.
    ///
    /// # Errors
    /// What is wrong with the name or the value.
    pub fn new(name: &str, value: &str) -> Result<Self, HeaderError> {
        let name: HeaderName = name.parse()?;
        let value = value.trim();
        let visible = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if value.is_empty() || value.len() > MAX_VALUE || !visible {
            return Err(HeaderError::Value(name.0));
        }
        Ok(Self { name, value: value.to_owned() })
    }

    /// Reads `Name: value`.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn parse_line(line: &str) -> Result<Self, HeaderError> {
        let (name, value) = line.split_once(':').ok_or(HeaderError::NoColon)?;
        Self::new(name, value)
    }

    /// The secret itself.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What must not come back in anything that is kept: the value, and the parts of it that are
    /// long enough to be a secret, such as what follows `Bearer`.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let words = self.value.split(' ').filter(|word| word.len() >= MIN_WORD);
        let whole = Some(self.value.as_str()).filter(|value| value.len() >= MIN_SECRET);
        whole.into_iter().chain(words)
    }
}

/// Shorter values and parts are no secrets, and would tear holes into what others say.
const MIN_SECRET: usize = 4;
const MIN_WORD: usize = 8;

/// What changes about a project's headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderChanges {
    /// Those that are set, over what they were.
    pub set: Vec<CallbackHeader>,
    /// Those that are removed.
    pub removed: Vec<HeaderName>,
}

impl HeaderChanges {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.removed.is_empty()
    }

    /// Sees that each header is named once.
    ///
    /// # Errors
    /// The name that occurs twice, or that there are too many.
    pub fn check(&self) -> Result<(), HeaderError> {
        let names: Vec<_> =
            self.set.iter().map(|header| &header.name).chain(&self.removed).collect();
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                return Err(HeaderError::Twice(name.0.clone()));
            }
        }
        if self.set.len() > MAX_HEADERS { Err(HeaderError::TooMany) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_a_gateway_asks_for_are_read() {
        for (line, name, value) in [
            ("X-Gateway-Key: canary", "X-Gateway-Key", "canary"),
            ("authorization:Bearer abc.def", "authorization", "Bearer abc.def"),
            (" Cookie :  a=b; c=d ", "Cookie", "a=b; c=d"),
            ("CF-Access-Client-Id: x:y", "CF-Access-Client-Id", "x:y"),
        ] {
            let header = CallbackHeader::parse_line(line).expect(line);
            assert_eq!((header.name.as_str(), header.value()), (name, value));
        }
        assert_eq!("x-gateway-KEY".parse::<HeaderName>(), "X-Gateway-Key".parse());
    }

    #[test]
    fn headers_that_are_not_the_projects_are_rejected_by_name() {
        for name in [
            "Host",
            "content-type",
            "Content-Length",
            "Content-Encoding",
            "Transfer-Encoding",
            "Connection",
            "Keep-Alive",
            "TE",
            "Trailer",
            "Upgrade",
            "Proxy-Authorization",
            "X-SP-Signature",
            "x-sp-anything",
            "Webhook-Id",
            "webhook-signature",
            "Expect",
        ] {
            let rejected = CallbackHeader::new(name, "x").expect_err(name);
            assert_eq!(rejected, HeaderError::Reserved(name.to_owned()));
        }
        for name in ["", " ", "a b", "a:b", "ü", "a\nb", "(x)", &"x".repeat(101)] {
            assert_eq!(CallbackHeader::new(name, "x"), Err(HeaderError::Name), "{name:?}");
        }
    }

    #[test]
    fn a_value_is_one_line_of_visible_ascii() {
        let most = "x".repeat(MAX_VALUE);
        assert!(CallbackHeader::new("X-Key", &most).is_ok());
        for value in ["", "  ", "a\r\nX-Evil: b", "a\tb", "ü", "a\0", &format!("{most}x")] {
            let rejected = CallbackHeader::new("X-Key", value);
            assert_eq!(rejected, Err(HeaderError::Value("X-Key".to_owned())), "{value:?}");
        }
        assert_eq!(CallbackHeader::parse_line("canary"), Err(HeaderError::NoColon));
    }

    #[test]
    fn nothing_prints_a_value() {
        let header = CallbackHeader::new("X-Key", "canary-7f3a91").expect("a header");
        let changes = HeaderChanges { set: vec![header], removed: Vec::new() };
        assert_eq!(
            format!("{changes:?}"),
            "HeaderChanges { set: [CallbackHeader(X-Key: …)], removed: [] }"
        );
    }

    #[test]
    fn what_must_not_come_back_is_the_value_and_its_long_words() {
        let header = CallbackHeader::new("Authorization", "Bearer canary-7f3a91").expect("one");
        assert_eq!(header.secrets().collect::<Vec<_>>(), ["Bearer canary-7f3a91", "canary-7f3a91"]);
        let flag = CallbackHeader::new("X-Internal", "1").expect("one");
        assert_eq!(flag.secrets().count(), 0);
    }

    #[test]
    fn one_change_names_a_header_once() {
        let header = |name| CallbackHeader::new(name, "x").expect("a header");
        let twice = HeaderChanges { set: vec![header("X-A"), header("x-a")], removed: Vec::new() };
        assert_eq!(twice.check(), Err(HeaderError::Twice("x-a".to_owned())));
        let removed = vec!["X-a".parse().expect("a name")];
        let both = HeaderChanges { set: vec![header("X-A")], removed };
        assert!(both.check().is_err());
        let names: Vec<_> = (0..=MAX_HEADERS).map(|at| format!("X-{at}")).collect();
        let set: Vec<_> = names.iter().map(|name| header(name)).collect();
        let many = HeaderChanges { set, removed: Vec::new() };
        assert_eq!(many.check(), Err(HeaderError::TooMany));
    }
}
