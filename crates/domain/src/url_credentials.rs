//! Passwords in URLs that were not percent-encoded.
//!
//! A `/`, `?` or `#` in a password ends the part of a URL that names user and host, so that the
//! rest of the password becomes a path, a query or a fragment: the URL is rejected for a misleading
//! reason, or, where the password begins with digits, read as another host and port. What is found
//! here names the characters and their spelling, and nothing else of the password.

use std::fmt;

/// The characters of a user name or password that have to be percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unencoded(Vec<char>);

/// Looks for a user name or password whose characters end the URL's authority too early: what
/// should precede an `@` there follows it. A query such as `?user=a@b` is none, and a path such as
/// `/sh@p` is none behind a user name and a host.
#[must_use]
pub fn find_unencoded(url: &str) -> Option<Unencoded> {
    let (_, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#'])?;
    let (authority, behind) = rest.split_at(end);
    let (credentials, host) = behind.rsplit_once('@')?;
    let is_right = match authority.rsplit_once('@') {
        None => is_host(authority) && is_query(credentials),
        Some((_, host_before)) => {
            is_host(host_before) && (is_query(credentials) || !host.contains('/'))
        }
    };
    if is_right {
        return None;
    }
    let mut found = Vec::new();
    for sign in credentials.chars().filter(|sign| "/?#".contains(*sign)) {
        if !found.contains(&sign) {
            found.push(sign);
        }
    }
    Some(Unencoded(found))
}

/// Whether this can be a host and its port; what follows a user name's colon seldom is a number.
fn is_host(authority: &str) -> bool {
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    authority.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether this ends inside a value of a query: `/shop?user=alice`.
fn is_query(behind: &str) -> bool {
    behind.split_once('?').is_some_and(|(path, query)| {
        !path.contains(['@', '#']) && query.contains('=') && !query.contains('#')
    })
}

impl fmt::Display for Unencoded {
    /// Continues a sentence that begins with the variable's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signs: Vec<_> = self.0.iter().map(char::to_string).collect();
        let spelt: Vec<_> =
            self.0.iter().map(|sign| format!("%{:02X} for {sign}", u32::from(*sign))).collect();
        write!(
            f,
            "has {} in its user name or password, which must be percent-encoded there: write {}, \
             as in scheme://user:pass{}word@host",
            signs.join(" and "),
            spelt.join(" and "),
            self.0.first().map_or_else(String::new, |sign| format!("%{:02X}", u32::from(*sign))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_ends_the_authority_is_found_by_its_characters() {
        for (url, signs) in [
            ("smtp://u:a/b#c@mail.example.com", "/#"),
            ("smtps://u:a#b@mail.example.com:465", "#"),
            ("smtp://u:1?2@mail.example.com?tls=required", "?"),
            ("smtp://u:25/b@mail.example.com", "/"),
            ("postgres://alice:a/b/c@db.example.com:5432/shop", "/"),
            ("postgres://alice:12#34@db/shop?sslmode=require", "#"),
            ("postgres://alice:a?b=c@db/shop", "?"),
            ("smtp://al/ice:secret@mail.example.com", "/"),
            // An address as the user name has an `@` of its own.
            ("smtp://alice@example.com:a/b@mail.example.com?tls=required", "/"),
            ("smtps://alice@example.com:a#b@mail.example.com:465", "#"),
            ("postgres://alice:a@b/c@db.example.com:5432/shop", "/"),
            ("postgres://alice:a@b#c@db.example.com/shop?sslmode=require", "#"),
        ] {
            let found = find_unencoded(url).expect(url);
            assert_eq!(found.0.iter().collect::<String>(), signs, "{url}");
        }
    }

    #[test]
    fn urls_that_are_right_are_left_alone() {
        for url in [
            "smtp://u:a%2Fb%23c@mail.example.com",
            "smtp://u:a@b@mail.example.com?tls=required",
            "postgres://alice:secret@db.example.com:5432/sh@p",
            "postgres://db.example.com/shop?user=alice@corp&password=a@b",
            "postgres://[::1]/shop?user=alice@corp",
            "postgres://u:a@b@db.example.com/shop?user=alice@corp/sales",
            "https://shop.example.com/repair#now",
            "https://shop.example.com",
            "mail.example.com/a@b",
            "",
        ] {
            assert_eq!(find_unencoded(url), None, "{url}");
        }
    }

    #[test]
    fn it_says_how_to_spell_them_and_nothing_of_the_password() {
        let found = find_unencoded("smtp://u:hunter2/x#c@mail.example.com").expect("found");
        assert_eq!(
            found.to_string(),
            "has / and # in its user name or password, which must be percent-encoded there: write \
             %2F for / and %23 for #, as in scheme://user:pass%2Fword@host"
        );
    }
}
