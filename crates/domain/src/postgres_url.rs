//! Postgres URLs as people have them: what `psql` and other clients take, and ours does not.
//!
//! Ours needs a host beside a password, takes `sslrootcert=system` for the name of a file, and knows
//! one server at a time. The first two are written here as it takes them.

use url::Url;

/// A URL that names several servers, to be tried one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "names several hosts, and may name one: the address that leads to the primary, as a proxy's or \
     a name that moves with it"
)]
pub struct SeveralHosts;

/// The same URL for our client; unchanged where that takes it as it is, or where it is none.
///
/// # Errors
/// When it names several servers.
pub fn normalize(url: &str) -> Result<String, SeveralHosts> {
    let Some((scheme, rest)) = url.split_once("://") else { return Ok(url.to_owned()) };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.contains(',') {
        return Err(SeveralHosts);
    }
    // Where the query names a socket, `user:password@/database` has no host.
    let lacks_host = host.is_empty() && !authority.is_empty();
    let placeholder = if lacks_host { "localhost" } else { "" };
    let Ok(mut parsed) = Url::parse(&format!("{scheme}://{authority}{placeholder}{behind}")) else {
        return Ok(url.to_owned());
    };
    let hosts = find(&parsed, "host");
    if hosts.as_ref().is_some_and(|hosts| hosts.contains(',')) {
        return Err(SeveralHosts);
    }
    if lacks_host && hosts.is_none() {
        return Ok(url.to_owned());
    }
    let trusts_system = find(&parsed, "sslrootcert").is_some_and(|roots| roots == "system");
    if trusts_system {
        trust_system(&mut parsed);
    }
    Ok(if lacks_host || trusts_system { parsed.into() } else { url.to_owned() })
}

fn find(url: &Url, parameter: &str) -> Option<String> {
    url.query_pairs().find_map(|(name, value)| (name == parameter).then(|| value.into_owned()))
}

/// The authorities of the system are those that hold where none are named; to name them is to check
/// the server's name, too: <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-SSLROOTCERT>
fn trust_system(url: &mut Url) {
    let replaced = ["sslrootcert", "sslmode", "ssl-mode"];
    let pairs = url.query_pairs().into_owned();
    let kept: Vec<_> = pairs.filter(|(name, _)| !replaced.contains(&name.as_str())).collect();
    url.query_pairs_mut().clear().extend_pairs(kept).append_pair("sslmode", "verify-full");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_clients_take_is_written_as_ours_takes_it() {
        for (given, wanted) in [
            (
                "postgres://alice:s%2Fcret@/shop?host=/cloudsql/a:b:c",
                "postgres://alice:s%2Fcret@localhost/shop?host=/cloudsql/a:b:c",
            ),
            (
                "postgres://alice:secret@db/shop?sslmode=require&sslrootcert=system&options=-c%20a",
                "postgres://alice:secret@db/shop?options=-c+a&sslmode=verify-full",
            ),
        ] {
            assert_eq!(normalize(given).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn what_ours_takes_or_is_none_is_left_as_it_is() {
        for url in [
            "postgres://alice:secret@DB.example.com:5432/shop?sslmode=verify-full&sslrootcert=/ca.pem",
            "postgres:///shop?host=/var/run/postgresql",
            "postgresql://%2Fvar%2Frun%2Fpostgresql/shop",
            "postgres://alice:secret@/shop",
            "postgres://alice:a,b@db/shop",
            "postgres://db:port/shop",
            "db",
            "",
        ] {
            assert_eq!(normalize(url).as_deref(), Ok(url));
        }
    }

    #[test]
    fn several_hosts_are_said_to_be_several() {
        for url in [
            "postgres://alice:secret@a.example.com:5432,b.example.com:5432/shop",
            "postgres://a,b/shop",
            "postgres:///shop?host=a,b",
        ] {
            assert_eq!(normalize(url), Err(SeveralHosts), "{url}");
        }
    }
}
