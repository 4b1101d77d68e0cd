//! Browsers in which an operator signed in before.
//!
//! Such a browser holds a second cookie, which outlives the session: the address that signed in, a number
//! and the moment, sealed with the master key. It opens nothing. Who has it and types that address is
//! counted apart from everyone who guesses at it, so that guesses neither lock the operator out nor take
//! their turn; five wrong passwords lock this browser alone. The idea is OWASP's device cookies,
//! <https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies>.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use store::MasterKey;
use store::seal::Cell;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::session::{self, CookieAge};

/// The cookie's name.
pub const COOKIE_NAME: &str = "__Host-sendpromptly-known";

/// How long a browser is known: longer than any holiday.
const KNOWN: Duration = Duration::days(180);
/// What it is sealed for.
fn cell() -> Cell {
    Cell::cookie("known_browser")
}

/// A browser in which this address signed in before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownBrowser(Uuid);

impl KnownBrowser {
    /// The browser that sends these headers, if that address signed in there.
    #[must_use]
    pub fn find(headers: &HeaderMap, key: &MasterKey, email: &str) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(session::cookie_in(headers, COOKIE_NAME)?).ok()?;
        let text = String::from_utf8(key.open(&cell(), &sealed).ok()?).ok()?;
        let mut parts = text.splitn(3, ' ');
        let (number, at, whose) = (parts.next()?, parts.next()?, parts.next()?);
        let at = OffsetDateTime::from_unix_timestamp(at.parse().ok()?).ok()?;
        let is_theirs = whose == email && OffsetDateTime::now_utc() - at < KNOWN;
        is_theirs.then(|| number.parse().ok().map(Self))?
    }

    /// One that becomes known.
    #[must_use]
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }

    /// Which one it is.
    #[must_use]
    pub const fn number(self) -> Uuid {
        self.0
    }

    /// Under what its attempts are counted.
    #[must_use]
    pub fn counted_as(self, email: &str) -> String {
        format!("{email} in {}", self.0)
    }

    /// The header that tells the browser that it is known; none if it cannot be sealed.
    #[must_use]
    pub fn cookie(self, key: &MasterKey, email: &str) -> Option<HeaderValue> {
        let at = OffsetDateTime::now_utc().unix_timestamp();
        let sealed = key.seal(&cell(), format!("{} {at} {email}", self.0).as_bytes()).ok()?;
        session::write(COOKIE_NAME, URL_SAFE_NO_PAD.encode(sealed), CookieAge::Lasts(KNOWN))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::COOKIE;

    use super::*;

    const ALICE: &str = "alice@cometcart.test";

    fn sent(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().expect("text").split(';').next().expect("a pair").to_owned();
        HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(pair).expect("text"))])
    }

    #[test]
    fn a_browser_is_known_for_the_address_that_signed_in_there_and_no_other() {
        let key = MasterKey::parse(&MasterKey::generate()).expect("a key");
        let browser = KnownBrowser::fresh();
        let cookie = browser.cookie(&key, ALICE).expect("a cookie");
        let headers = sent(&cookie);
        assert_eq!(KnownBrowser::find(&headers, &key, ALICE), Some(browser));
        assert_eq!(KnownBrowser::find(&headers, &key, "bob@cometcart.test"), None);
        let other = MasterKey::parse(&MasterKey::generate()).expect("a key");
        assert_eq!(KnownBrowser::find(&headers, &other, ALICE), None);
        let text = cookie.to_str().expect("text");
        for wanted in
            ["__Host-", "; HttpOnly", "; Secure", "; Path=/", "; SameSite=Lax", "; Max-Age="]
        {
            assert!(text.contains(wanted), "{text}");
        }
        assert!(!text.contains("alice"), "{text}");
    }

    #[test]
    fn what_nobody_sealed_is_known_for_nothing() {
        let key = MasterKey::parse(&MasterKey::generate()).expect("a key");
        for made_up in ["", "x", "AAAA", "%%%"] {
            let cookie = HeaderValue::try_from(format!("{COOKIE_NAME}={made_up}")).expect("text");
            assert_eq!(KnownBrowser::find(&sent(&cookie), &key, ALICE), None, "{made_up}");
        }
        assert_eq!(KnownBrowser::find(&HeaderMap::new(), &key, ALICE), None);
    }
}
