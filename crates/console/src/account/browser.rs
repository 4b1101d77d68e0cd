//! A browser by a name that its owner knows it by.
//!
//! What a browser calls itself is a pile of history: everyone claims to be Mozilla, and most to be
//! Safari. The names are searched for from the most particular to the most general. It is only a
//! help to recognise one's own sessions; nothing is decided by it.

use domain::alert::one_line;

const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// The longest name that is shown of what is no known browser, in characters.
const MAX_UNKNOWN: usize = 60;

/// `Firefox on Linux`.
pub(super) fn browser_name(user_agent: Option<&str>) -> String {
    let Some(user_agent) = user_agent else {
        return "A browser that did not say which".to_owned();
    };
    let known = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    match (known(&BROWSERS), known(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => one_line(&user_agent.chars().take(MAX_UNKNOWN).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_called_by_the_name_that_people_know() {
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (user_agent, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                &format!(
                    "Mozilla/5.0 (Windows NT 10.0) {webkit} Chrome/141.0 Safari/537.36 Edg/141.0"
                ),
                "Edge on Windows",
            ),
            (
                &format!(
                    "Mozilla/5.0 (Linux; Android 15) {webkit} Chrome/141.0 Mobile Safari/537.36"
                ),
                "Chrome on Android",
            ),
            (
                &format!(
                    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {webkit} Version/18.0 Mobile Safari/604.1"
                ),
                "Safari on iPhone",
            ),
            ("curl/8.5.0", "curl"),
            ("something\u{202e} else", "something else"),
        ] {
            assert_eq!(browser_name(Some(user_agent)), name, "{user_agent}");
        }
        assert_eq!(browser_name(None), "A browser that did not say which");
        assert_eq!(browser_name(Some(&"x".repeat(500))).len(), MAX_UNKNOWN);
    }
}
