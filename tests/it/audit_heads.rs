//! Heads of the audit in a bucket: a worker puts them there as S3 documents it, whose signatures `botocore` makes
//! again, and what a bucket that was away has missed comes with the next.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use doubles::http_server::Received;
use e2e::world::receipt;
use e2e::{Receiver, World, WorldOptions, eventually, run};
use engine::audit_chain::HeadLine;
use serde_json::{Value, json};
use store::audit_chain::{Head, list_heads};

use crate::clients::ask;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "canary/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "canary-session==";
const REGION: &str = "eu-central-1";

/// Signs each request again at the time that it says, and compares; the body must be the one that was signed for.
const PROGRAM: &str = r#"
import base64, datetime, hashlib, json, sys
from urllib.parse import parse_qs, urlsplit
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
key, secret, token, region, requests = *sys.argv[1:5], json.loads(sys.argv[5])

def query(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}

for request in requests:
    given, headers = query(request["url"]), request["headers"]
    signed = given["X-Amz-SignedHeaders"].split(";")
    unsigned = [name for name in headers if name.startswith("x-amz-") and name not in signed]
    assert not unsigned, unsigned
    at = datetime.datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
    late = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - at
    assert abs(late.total_seconds()) < 300, late
    botocore.auth.get_current_datetime = lambda: at
    theirs = AWSRequest("PUT", request["url"].split("?")[0], headers={name: headers[name] for name in signed})
    credentials = Credentials(key, secret, token)
    signer = botocore.auth.S3SigV4QueryAuth(credentials, "s3", region, expires=int(given["X-Amz-Expires"]))
    signer.add_auth(theirs)
    assert query(theirs.url) == given, (theirs.url, request["url"])
    digest = base64.b64encode(hashlib.sha256(request["body"].encode()).digest()).decode()
    assert headers["x-amz-checksum-sha256"] == digest, headers
"#;

/// The path of an object and its query.
fn target(request: &Received) -> &str {
    let line = request.head.lines().next().expect("a request line");
    let target = line.strip_prefix("PUT ").and_then(|rest| rest.strip_suffix(" HTTP/1.1"));
    target.unwrap_or_else(|| panic!("{line}"))
}

fn name(request: &Received) -> &str {
    target(request).split('?').next().expect("a path")
}

fn body(request: &Received) -> &str {
    std::str::from_utf8(&request.body).expect("text")
}

async fn verify_signatures(requests: &[Received]) {
    let requests = requests.iter().map(|request| {
        let headers =
            request.headers.keys().map(|name| (name.as_str(), request.header(name.as_str())));
        let headers: BTreeMap<_, _> = headers.collect();
        let url = format!("http://{}{}", request.header("host"), target(request));
        json!({ "url": url, "headers": headers, "body": body(request) })
    });
    let requests = requests.collect::<Value>().to_string();
    let checking = tokio::task::spawn_blocking(move || {
        let libraries = std::path::PathBuf::from(ask("install_test_libraries.py"));
        let output = Command::new("python3")
            .args(["-c", PROGRAM, KEY, SECRET, TOKEN, REGION, &requests])
            .env("PYTHONPATH", libraries.join("python"))
            .output()
            .expect("python3");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
    checking.await.expect("no panic");
}

/// A bucket that is away at first, then knows no conditions once, and takes everything after.
async fn bucket() -> Receiver {
    let bucket = Receiver::start().await.expect("a receiver");
    bucket.respond_with_body(503, "<Error><Code>SlowDown</Code><Message>canary</Message></Error>");
    bucket.respond_with_body(501, "<Error><Code>NotImplemented</Code></Error>");
    bucket
}

fn settings(endpoint: &str) -> [(&'static str, &str); 7] {
    [
        ("SENDPROMPTLY_AUDIT_HEADS", "s3://audit-heads/shop/production"),
        ("AWS_ENDPOINT_URL_S3", endpoint),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", TOKEN),
        ("SENDPROMPTLY_LOG", "info"),
    ]
}

/// Each attempt has a name of its own; the one that met a store without conditions is made again without them.
fn assert_objects_of_their_own(received: &[Received]) {
    let names: Vec<_> = received.iter().map(name).collect();
    for name in &names {
        let stem = name.strip_suffix(".jsonl").unwrap_or_default();
        assert!(stem.starts_with("/audit-heads/shop/production/20"), "{name}");
    }
    assert_eq!(names[1], names[2]);
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len() - 1, "{names:?}");
    let conditions: Vec<_> = received[..3].iter().map(|one| one.header("if-none-match")).collect();
    assert_eq!(conditions, ["*", "*", ""]);
}

/// Waits until the newest head of every chain was taken, and gives all that was sent.
async fn all_heads_at(bucket: &Receiver, world: &World) -> Vec<Received> {
    eventually("every head in the bucket", async || {
        let received = bucket.received();
        let taken: String = received.iter().skip(2).map(body).collect();
        let ends = list_heads(&world.pool).await.ok()?;
        let is_taken = |head: &Head| taken.contains(&HeadLine::from(head).hash);
        (!ends.is_empty() && ends.iter().all(is_taken)).then_some(received)
    })
    .await
}

async fn holds(world: &World, taken: &[Received]) {
    let objects: String = taken.iter().map(body).collect();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), objects).expect("written");
    let path = file.path().to_str().expect("UTF-8");
    let (code, report) = world.cli(&["audit", "verify", "--heads", path]).await.expect("it");
    assert_eq!((code, &report["holds"]), (0, &json!(true)), "{report}");
}

#[test]
fn a_bucket_gets_signed_objects_of_its_own_and_after_an_outage_what_it_missed() {
    run(async {
        // Without Temporal: a worker of this test must not take the watches of others.
        let options = WorldOptions::default().without_worker();
        let world = World::start_on("127.0.0.1:1".to_owned(), options).await;
        let bucket = bucket().await;
        let endpoint = bucket.url().trim_end_matches("/repair").to_owned();
        assert_eq!(world.post("/api/v1/receipt", &receipt("evt_1")).await.0, 202);
        let (_worker, log) = world.spawn_logged("worker", &settings(&endpoint)).expect("a worker");
        bucket.wait_for(1).await;
        let failed =
            json!({"provider_event_id": "evt_1", "status": "failed", "error_message": "no"});
        assert_eq!(world.post("/api/v1/result", &failed).await.0, 202);
        let received = all_heads_at(&bucket, &world).await;

        verify_signatures(&received).await;
        holds(&world, &received[2..]).await;
        assert_objects_of_their_own(&received);
        let log = eventually("it says that all is well again", async || {
            let log = log.text();
            log.contains("wrote where the audit's chains end").then_some(log)
        })
        .await;
        assert!(log.contains("the store responded 503 SlowDown"), "{log}");
        assert!(!log.contains("canary"), "{log}");
    });
}

#[test]
fn a_bucket_that_cannot_be_right_stops_a_worker_with_the_variable_and_the_cure() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        let settings = [
            ("SENDPROMPTLY_AUDIT_HEADS", "s3://audit-heads"),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", KEY),
        ];
        let (code, found, _) = world.cli_with(&["worker"], &settings, "").await.expect("a command");
        let message = found["error"]["message"].as_str().expect("a message");
        assert_eq!(code, 1, "{found}");
        assert!(message.starts_with("AWS_SECRET_ACCESS_KEY is not set: "), "{message}");
        let (_, found, _) = world.cli_with(&["doctor"], &settings, "").await.expect("a command");
        assert_eq!(found["checks"][0]["status"], "fail", "{found}");
    });
}
