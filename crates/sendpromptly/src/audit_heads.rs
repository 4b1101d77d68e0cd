//! Where a worker keeps the audit's heads outside: `SENDPROMPTLY_AUDIT_HEADS`, a file or a bucket.
//!
//! A bucket is any store that speaks S3, told by the variables that its other tools read. Each time chains have grown, one
//! object is made under a name that none had before; nothing is read, changed or deleted, so a key that may only put
//! objects is enough. The name is drawn again for each attempt: one whose response was lost leaves the same lines twice,
//! which `audit verify` reads as once. The request goes to the bucket's host and nowhere else, by the client that all
//! requests leave by, and the store checks the lines by their SHA-256, which is signed, as a store with object lock asks.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use activities::http::{GuardedClient, HttpPolicy, ReadLimits, WholeResponse};
use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::repair_url::{AllowedNetworks, MalformedNetwork};
use engine::audit_chain::{HeadsBucket, HeadsTarget};
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use url::{Host, Url};
use web::random;

use crate::config::{ConfigError, Environment, malformed};
use crate::settings::{
    AUDIT_HEADS, AWS_ACCESS_KEY_ID, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3,
    AWS_REGION, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
};

/// What stores that have no regions take.
const ANY_REGION: &str = "us-east-1";
/// The longest prefix of names, in bytes; a name may have 1,024.
const MAX_PREFIX: usize = 512;
/// How long a signed request may be used: clocks may differ.
const SIGNED_FOR: Duration = Duration::from_mins(5);
/// Of a response no more is read than the code of an error.
const LIMITS: ReadLimits = ReadLimits { bytes: 4_096, timeout: Duration::from_secs(20) };
/// What stores respond that know no conditions.
const NOT_IMPLEMENTED: u16 = 501;
/// Names sort by time.
const NAME_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second].[subsecond digits:6]Z");

/// What the setting names.
#[derive(Debug)]
pub enum Place {
    /// A path.
    File(PathBuf),
    /// A bucket, and who writes to it.
    Bucket(Box<Store>),
}

/// A bucket of a store that speaks S3.
#[derive(Debug)]
pub struct Store {
    bucket: Bucket,
    credentials: Credentials,
    /// Without a slash at its end; empty where there is none.
    prefix: String,
}

/// What the setting names, if it is set.
///
/// # Errors
/// When it is neither a file nor a bucket, or a variable that tells of the bucket is missing or makes no sense.
pub fn read(environment: &Environment) -> Result<Option<Place>, ConfigError> {
    let Some(text) = environment.plain(AUDIT_HEADS)? else { return Ok(None) };
    match text.strip_prefix("s3://") {
        Some(place) => Ok(Some(Place::Bucket(Box::new(read_store(environment, place)?)))),
        None if text.contains("://") => Err(no_place()),
        None => Ok(Some(Place::File(text.into()))),
    }
}

/// What a worker writes to, if the setting is set.
///
/// # Errors
/// As [`read`], and when TLS cannot be set up.
pub fn open(environment: &Environment) -> anyhow::Result<Option<HeadsTarget>> {
    Ok(match read(environment)? {
        None => None,
        Some(Place::File(path)) => Some(HeadsTarget::File(path)),
        Some(Place::Bucket(store)) => Some(HeadsTarget::Bucket(store.open()?)),
    })
}

fn no_place() -> ConfigError {
    let problem = "must be the path of a file, or a bucket and what names begin with there, such as \
                   s3://audit-heads/production";
    malformed(AUDIT_HEADS, problem)
}

fn read_store(environment: &Environment, place: &str) -> Result<Store, ConfigError> {
    let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
    let prefix = prefix.trim_end_matches('/');
    if !is_bucket(name) || !is_prefix(prefix) {
        return Err(no_place());
    }
    let endpoint = read_endpoint(environment)?;
    let region = read_region(environment, endpoint.is_some())?;
    let bucket = match endpoint {
        Some((variable, url)) => Bucket::new(url, UrlStyle::Path, name.to_owned(), region)
            .map_err(|_| malformed(variable, NO_ENDPOINT))?,
        None => bucket_of_aws(name, region)?,
    };
    Ok(Store { bucket, credentials: read_credentials(environment)?, prefix: prefix.to_owned() })
}

fn bucket_of_aws(name: &str, region: String) -> Result<Bucket, ConfigError> {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let url = Url::parse(&format!("https://s3.{region}.{domain}"));
    let url = url.map_err(|_| malformed(AWS_REGION, NO_REGION))?;
    // The certificates of AWS are for one label before their own name.
    let style = if name.contains('.') { UrlStyle::Path } else { UrlStyle::VirtualHost };
    Bucket::new(url, style, name.to_owned(), region).map_err(|_| no_place())
}

const NO_ENDPOINT: &str = "must be the http or https address of a store that speaks S3, such as \
                           https://minio.example.com:9000, without user name, password, ? or #";

/// The variable and what it says.
fn read_endpoint(environment: &Environment) -> Result<Option<(&'static str, Url)>, ConfigError> {
    for name in [AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL] {
        let Some(text) = environment.plain(name)? else { continue };
        let url = Url::parse(&text).ok().filter(|url| {
            let is_plain = url.query().is_none() && url.fragment().is_none();
            let is_plain = is_plain && url.username().is_empty() && url.password().is_none();
            matches!(url.scheme(), "http" | "https") && is_plain && own_host(url).is_ok()
        });
        return url.map(|url| Some((name, url))).ok_or_else(|| malformed(name, NO_ENDPOINT));
    }
    Ok(None)
}

const NO_REGION: &str = "must be a region, such as eu-central-1";

fn read_region(environment: &Environment, has_endpoint: bool) -> Result<String, ConfigError> {
    for name in [AWS_REGION, AWS_DEFAULT_REGION] {
        let Some(text) = environment.plain(name)? else { continue };
        let is_region = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        return if is_region { Ok(text) } else { Err(malformed(name, NO_REGION)) };
    }
    if has_endpoint {
        return Ok(ANY_REGION.to_owned());
    }
    let cure = "SENDPROMPTLY_AUDIT_HEADS names a bucket and needs it: the bucket's region, such as eu-central-1; or \
                AWS_ENDPOINT_URL_S3 where the store is not AWS";
    Err(ConfigError::Missing { name: AWS_REGION, cure })
}

fn read_credentials(environment: &Environment) -> Result<Credentials, ConfigError> {
    let cure =
        "SENDPROMPTLY_AUDIT_HEADS names a bucket and needs it: of a key that may put objects there";
    let missing = |name| ConfigError::Missing { name, cure };
    let key = environment.plain(AWS_ACCESS_KEY_ID)?;
    let key = key.ok_or_else(|| missing(AWS_ACCESS_KEY_ID))?;
    let secret = environment.secret(AWS_SECRET_ACCESS_KEY)?;
    let secret = secret.ok_or_else(|| missing(AWS_SECRET_ACCESS_KEY))?;
    Ok(match environment.secret(AWS_SESSION_TOKEN)? {
        Some(token) => Credentials::new_with_token(key, secret, token),
        None => Credentials::new(key, secret),
    })
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
fn is_bucket(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| is_letter(byte) || b"-.".contains(&byte))
        && name.split('.').all(|label| !label.is_empty())
        && name.bytes().next().is_some_and(is_letter)
        && name.bytes().next_back().is_some_and(is_letter)
}

/// What every store and every shell takes as it is.
fn is_prefix(prefix: &str) -> bool {
    let is_part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte))
    };
    prefix.is_empty() || prefix.len() <= MAX_PREFIX && prefix.split('/').all(is_part)
}

/// The operator of the installation named the store, so it may be inside their network.
fn own_host(url: &Url) -> Result<AllowedNetworks, MalformedNetwork> {
    match (url.host(), url.port_or_known_default()) {
        (Some(Host::Domain(name)), Some(port)) => format!("{name}:{port}").parse(),
        (Some(Host::Ipv4(ip)), _) => ip.to_string().parse(),
        (Some(Host::Ipv6(ip)), _) => ip.to_string().parse(),
        _ => Ok(AllowedNetworks::none()),
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket.name(), self.prefix)
    }
}

impl Store {
    fn open(self) -> anyhow::Result<HeadsBucket> {
        let http = GuardedClient::new(HttpPolicy::new(own_host(self.bucket.base_url())?))?;
        let (address, store) = (self.to_string(), Arc::new(self));
        Ok(HeadsBucket::new(address, move |lines| {
            let (store, http) = (Arc::clone(&store), http.clone());
            Box::pin(async move { store.put(&http, &lines).await })
        }))
    }

    /// Keeps the lines as a new object.
    async fn put(&self, http: &GuardedClient, lines: &str) -> io::Result<()> {
        let name = self.new_name()?;
        let mut response = self.send(http, &name, lines, true).await?;
        if response.status == NOT_IMPLEMENTED {
            response = self.send(http, &name, lines, false).await?;
        }
        match response.status {
            200..=299 => Ok(()),
            status => Err(io::Error::other(match error_code(&response.body) {
                Some(code) => format!("the store responded {status} {code}"),
                None => format!("the store responded {status}"),
            })),
        }
    }

    async fn send(
        &self,
        http: &GuardedClient,
        name: &str,
        lines: &str,
        only_new: bool,
    ) -> io::Result<WholeResponse> {
        let digest = STANDARD.encode(Sha256::digest(lines));
        let mut headers = vec![("x-amz-checksum-sha256", digest)];
        if only_new {
            headers.push(("if-none-match", "*".to_owned()));
        }
        let mut action = self.bucket.put_object(Some(&self.credentials), name);
        for (header, value) in &headers {
            action.headers_mut().insert(*header, value.clone());
        }
        let (url, body) = (action.sign(SIGNED_FOR), lines.as_bytes().to_vec());
        let response = http.exchange_reading(Method::PUT, &url, &headers, body, LIMITS).await;
        response.map_err(io::Error::other)
    }

    fn new_name(&self) -> io::Result<String> {
        let time = OffsetDateTime::now_utc().format(NAME_TIME).map_err(io::Error::other)?;
        let drawn = random::bytes::<8>().map_err(io::Error::other)?;
        let name = format!("{time}-{}.jsonl", hex::encode(drawn));
        Ok(if self.prefix.is_empty() { name } else { format!("{}/{name}", self.prefix) })
    }
}

/// The code of an error as S3 gives it, such as `AccessDenied`.
fn error_code(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_code = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: (&str, &str) = (AWS_ACCESS_KEY_ID, "AKIAIOSFODNN7EXAMPLE");
    const SECRET: (&str, &str) = (AWS_SECRET_ACCESS_KEY, "hunter2");
    const REGION: (&str, &str) = (AWS_REGION, "eu-central-1");

    fn place(text: &str, more: &[(&'static str, &str)]) -> Result<Place, String> {
        let pairs = [&[(AUDIT_HEADS, text), KEY, SECRET][..], more].concat();
        let read = read(&Environment::from_pairs(&pairs));
        read.map(|place| place.expect("it is set")).map_err(|error| error.to_string())
    }

    fn store(text: &str, more: &[(&'static str, &str)]) -> Store {
        match place(text, more).expect("a place") {
            Place::Bucket(store) => *store,
            Place::File(path) => panic!("{}", path.display()),
        }
    }

    #[test]
    fn a_path_is_a_file_and_s3_a_bucket_with_a_prefix() {
        assert!(read(&Environment::default()).expect("not set").is_none());
        match place("/mnt/elsewhere/heads.jsonl", &[]).expect("a file") {
            Place::File(path) => assert_eq!(path, PathBuf::from("/mnt/elsewhere/heads.jsonl")),
            Place::Bucket(store) => panic!("{store}"),
        }
        for (text, address, prefix) in [
            ("s3://heads", "s3://heads/", ""),
            ("s3://heads/", "s3://heads/", ""),
            ("s3://heads/shop/production/", "s3://heads/shop/production", "shop/production/"),
        ] {
            let store = store(text, &[REGION]);
            assert_eq!(store.to_string(), address);
            let (name, other) = (store.new_name().expect("a name"), store.new_name().expect("one"));
            let stem = name.strip_suffix(".jsonl").unwrap_or_default();
            assert!(stem.starts_with(prefix) && name != other, "{name}");
            assert_eq!(
                name.len(),
                prefix.len() + "20261130T190000.000000Z-0123456789abcdef.jsonl".len()
            );
        }
    }

    #[test]
    fn aws_is_met_by_the_buckets_own_host_and_other_stores_by_their_address() {
        let minio = (AWS_ENDPOINT_URL, "http://minio:9000");
        for (text, more, url) in [
            ("s3://heads", &[REGION][..], "https://heads.s3.eu-central-1.amazonaws.com/"),
            ("s3://my.heads", &[REGION], "https://s3.eu-central-1.amazonaws.com/my.heads/"),
            (
                "s3://heads",
                &[(AWS_DEFAULT_REGION, "cn-north-1")],
                "https://heads.s3.cn-north-1.amazonaws.com.cn/",
            ),
            ("s3://heads", &[minio], "http://minio:9000/heads/"),
            (
                "s3://heads",
                &[minio, (AWS_ENDPOINT_URL_S3, "https://s3.example.com/v1")],
                "https://s3.example.com/v1/heads/",
            ),
        ] {
            let store = store(text, more);
            assert_eq!(store.bucket.base_url().as_str(), url);
            let url = store.bucket.base_url();
            assert!(own_host(url).expect("a host").names_host_of(url));
        }
        let address = store("s3://heads", &[(AWS_ENDPOINT_URL, "http://10.1.2.3:9000")]);
        let allowed = own_host(address.bucket.base_url()).expect("an address");
        assert!(allowed.contains([10, 1, 2, 3].into()) && !allowed.contains([10, 1, 2, 4].into()));
        assert_eq!(address.bucket.region(), "us-east-1");
    }

    #[test]
    fn what_cannot_be_right_names_the_variable_and_the_cure_and_no_secret() {
        for (text, more, expected) in [
            ("gs://heads", &[][..], "SENDPROMPTLY_AUDIT_HEADS must be the path of a file"),
            ("S3://heads", &[REGION], "SENDPROMPTLY_AUDIT_HEADS must be"),
            ("s3://", &[REGION], "SENDPROMPTLY_AUDIT_HEADS must be"),
            ("s3://Heads", &[REGION], "SENDPROMPTLY_AUDIT_HEADS must be"),
            ("s3://heads..x", &[REGION], "SENDPROMPTLY_AUDIT_HEADS must be"),
            ("s3://heads/../x", &[REGION], "SENDPROMPTLY_AUDIT_HEADS must be"),
            ("s3://heads/a b", &[REGION], "SENDPROMPTLY_AUDIT_HEADS must be"),
            ("s3://heads", &[], "AWS_REGION is not set: SENDPROMPTLY_AUDIT_HEADS names"),
            ("s3://heads", &[(AWS_REGION, "EU")], "AWS_REGION must be a region"),
            ("s3://heads", &[(AWS_ENDPOINT_URL, "minio:9000")], "AWS_ENDPOINT_URL must be"),
            ("s3://heads", &[(AWS_ENDPOINT_URL, "http://a:hunter2@b")], "AWS_ENDPOINT_URL must be"),
            ("s3://heads", &[REGION, (KEY.0, "")], "AWS_ACCESS_KEY_ID is not set:"),
            ("s3://heads", &[REGION, (SECRET.0, "")], "AWS_SECRET_ACCESS_KEY is not set:"),
        ] {
            let error = place(text, more).expect_err(text);
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let shown = format!("{:?}", store("s3://heads", &[REGION]));
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn an_error_is_told_by_its_code_and_nothing_else_of_a_response() {
        let denied = b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>x</Message>";
        assert_eq!(error_code(denied), Some("AccessDenied"));
        for other in [&b"<html>"[..], b"<Code>\x1b[31m</Code>", b"\xff", b"<Code>a"] {
            assert_eq!(error_code(other), None);
        }
    }
}
