//! Whether a form comes from a page of ours.
//!
//! Judged by `SENDPROMPTLY_PUBLIC_URL`, not by `Host`: proxies change that header (nginx's `$host`
//! has no port), and a page under a name that an attacker lets point here has it right. A browser
//! says by `Origin` where a POST comes from, and by `Sec-Fetch-Site` whether that is another site;
//! either one rejects the form, before its body is read. What sends neither is no browser, or one
//! so old that it says it by `Referer`. What says nothing at all has no cookie either, unless it
//! was given one on purpose.
//!
//! A rejection shows the administrator of the installation what was seen, what was expected and
//! what to set: a missing or wrong setting must not look like an attack, nor an attack like a wrong
//! setting.

use axum::http::header::{ORIGIN, REFERER};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use domain::alert::one_line;
use domain::web_origin::WebOrigin;

const SETTING: &str = "SENDPROMPTLY_PUBLIC_URL";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// How much of a header that is no origin is repeated, in characters.
const MAX_QUOTE: usize = 100;

/// Whether a browser says that no other site led to this request.
pub(crate) fn is_from_here(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(&SEC_FETCH_SITE).iter().peekable();
    sites.peek().is_some() && sites.all(is_here)
}

fn is_here(site: &HeaderValue) -> bool {
    matches!(site.as_bytes(), b"same-origin" | b"none")
}

/// Where forms may come from.
#[derive(Debug, Clone)]
pub struct FormOrigins {
    public_url: String,
    public: Option<WebOrigin>,
    is_set: bool,
    /// Ports at which the machine itself may be spoken to without TLS, by each of its names.
    local_ports: Vec<u16>,
}

impl FormOrigins {
    /// Forms come from the pages of the public URL. One that is this machine without TLS has
    /// several names: `localhost`, `127.0.0.1` and `[::1]` are the same place then.
    #[must_use]
    pub fn new(public_url: &str, is_set: bool) -> Self {
        let public = WebOrigin::from_url(public_url);
        let local = public.as_ref().filter(|public| public.is_plain_loopback());
        Self {
            public_url: public_url.to_owned(),
            local_ports: local.map(WebOrigin::port).into_iter().collect(),
            public,
            is_set,
        }
    }

    /// And from this machine at one more port, whatever the public URL is: for development.
    #[must_use]
    pub fn and_local(mut self, port: u16) -> Self {
        self.local_ports.push(port);
        self
    }

    /// Lets a form pass, or says why not and what to do.
    ///
    /// # Errors
    /// When the form comes from elsewhere, or does not say where it comes from.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), String> {
        let mut sites = headers.get_all(&SEC_FETCH_SITE).iter().peekable();
        let vouched = sites.peek().is_some();
        if !sites.all(is_here) {
            return Err(self.reject_other_site());
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) if vouched => Ok(()),
            (None, _) => match headers.get(REFERER) {
                None => Ok(()),
                Some(page) => self.judge(page.as_bytes(), WebOrigin::from_url),
            },
            (Some(origin), None) => self.judge(origin.as_bytes(), WebOrigin::parse),
            (Some(_), Some(_)) => {
                Err("this form has two Origin headers, and a browser sends one; \
                check what the proxy in front of the API adds"
                    .to_owned())
            }
        }
    }

    fn judge(&self, header: &[u8], read: fn(&str) -> Option<WebOrigin>) -> Result<(), String> {
        let text = String::from_utf8_lossy(header);
        match read(&text) {
            Some(origin) if self.accepts(&origin) => Ok(()),
            Some(origin) => Err(self.reject_elsewhere(&origin)),
            None => Err(self.reject_unnamed(&text)),
        }
    }

    fn accepts(&self, origin: &WebOrigin) -> bool {
        self.public.as_ref() == Some(origin)
            || origin.is_plain_loopback() && self.local_ports.contains(&origin.port())
    }

    fn reject_other_site(&self) -> String {
        let home = &self.public_url;
        format!(
            "this form was sent from another site, says your browser, and nothing was changed; open \
             {home} and send it from there"
        )
    }

    fn reject_elsewhere(&self, origin: &WebOrigin) -> String {
        let expected = self.expected();
        format!(
            "this form comes from {origin}, and forms are taken from {expected}. If {origin} is where \
             you open this console, set {SETTING}={origin} for every api and worker and start them \
             again. If it is not, another site sent this form, and nothing was changed"
        )
    }

    fn reject_unnamed(&self, text: &str) -> String {
        let origin: String = one_line(text).chars().take(MAX_QUOTE).collect();
        let (home, expected) = (&self.public_url, self.expected());
        format!(
            "your browser does not say where this form comes from (Origin: {origin}), and forms are \
             taken from {expected}. A frame, an extension or a redirect on the way does that: open \
             {home} in a tab of its own and send it again"
        )
    }

    fn expected(&self) -> String {
        let origin = self.public.as_ref().map_or_else(String::new, ToString::to_string);
        if self.is_set {
            format!("{origin}, as {SETTING} says")
        } else {
            format!("{origin}, because {SETTING} is not set")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(sent: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
            headers.append(HeaderName::from_static(name), value);
        }
        headers
    }

    fn public() -> FormOrigins {
        FormOrigins::new("https://pay.example.com:8443", true)
    }

    #[test]
    fn a_form_of_the_public_url_passes_whatever_host_the_proxy_sends() {
        for sent in [
            &[("origin", "https://pay.example.com:8443"), ("host", "pay.example.com")][..],
            &[("origin", "https://pay.example.com:8443"), ("host", "10.1.2.3:8080")],
            &[("origin", "https://PAY.example.com:8443/"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://pay.example.com:8443"), ("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin")],
            &[("referer", "https://pay.example.com:8443/sign-in?next=%2F")],
            &[("host", "pay.example.com")],
            &[],
        ] {
            assert_eq!(public().check(&headers(sent)), Ok(()), "{sent:?}");
        }
        let usual = FormOrigins::new("https://pay.example.com", true);
        let sent = headers(&[("origin", "https://pay.example.com:443")]);
        assert_eq!(usual.check(&sent), Ok(()));
    }

    #[test]
    fn a_form_reject_elsewhere_is_rejected_however_it_says_so() {
        let ours = ("origin", "https://pay.example.com:8443");
        for sent in [
            &[("origin", "https://pay.example.com")][..],
            &[("origin", "http://pay.example.com:8443")],
            &[("origin", "https://evil.example"), ("host", "evil.example")],
            &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://evil.example"), ("referer", "https://pay.example.com:8443/")],
            &[("origin", "null")],
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            &[("origin", "")],
            &[("origin", "https://pay.example.com:8443/path")],
            &[("origin", "https://pay.example.com:8443 https://evil.example")],
            &[("origin", "\u{fc}")],
            &[("origin", "http://localhost:8443")],
            &[ours, ("origin", "https://evil.example")],
            &[ours, ours],
            &[ours, ("sec-fetch-site", "cross-site")],
            &[ours, ("sec-fetch-site", "same-site")],
            &[ours, ("sec-fetch-site", "")],
            &[ours, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "cross-site")],
            &[("referer", "https://evil.example/page")],
            &[("referer", "about:client")],
        ] {
            assert!(public().check(&headers(sent)).is_err(), "{sent:?}");
        }
    }

    #[test]
    fn on_this_machine_every_name_of_it_will_do() {
        let local = FormOrigins::new("http://127.0.0.1:8080", false);
        let check = |origins: &FormOrigins, sent| origins.check(&headers(&[("origin", sent)]));
        for origin in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"] {
            assert_eq!(check(&local, origin), Ok(()), "{origin}");
            let tunnel = FormOrigins::new("https://abc.tunnel.example", true).and_local(8080);
            assert_eq!(check(&tunnel, origin), Ok(()), "{origin}");
        }
        for origin in
            ["http://localhost:8081", "https://localhost:8080", "http://10.0.0.5:8080", "http://x"]
        {
            assert!(check(&local, origin).is_err(), "{origin}");
        }
    }

    #[test]
    fn a_rejection_names_the_setting_what_it_saw_what_it_expected_and_the_cure() {
        let sent = headers(&[("origin", "https://pay.example.com:8443")]);
        let unset = FormOrigins::new("http://127.0.0.1:8080", false).check(&sent);
        assert_eq!(
            unset.expect_err("rejected"),
            "this form comes from https://pay.example.com:8443, and forms are taken from \
             http://127.0.0.1:8080, because SENDPROMPTLY_PUBLIC_URL is not set. If \
             https://pay.example.com:8443 is where you open this console, set \
             SENDPROMPTLY_PUBLIC_URL=https://pay.example.com:8443 for every api and worker and start \
             them again. If it is not, another site sent this form, and nothing was changed"
        );
        let wrong = FormOrigins::new("https://pay.example.com", true).check(&sent);
        let wrong = wrong.expect_err("rejected");
        assert!(
            wrong.contains(
                "forms are taken from https://pay.example.com, as SENDPROMPTLY_PUBLIC_URL says"
            ),
            "{wrong}"
        );
        let hidden = public().check(&headers(&[("origin", "null")])).expect_err("rejected");
        assert!(hidden.contains("(Origin: null)"), "{hidden}");
        let foreign = headers(&[("sec-fetch-site", "cross-site")]);
        let foreign = public().check(&foreign).expect_err("rejected");
        assert!(!foreign.contains("set SENDPROMPTLY"), "an attack is no wrong setting: {foreign}");
    }
}
