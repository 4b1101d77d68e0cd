//! The receiver's check that `docs/security.md` shows, run as it stands there.

use std::io::Write as _;
use std::process::{Command, Stdio};

use domain::signature::{Signed, SigningSecret, sp_signature};
use serde_json::json;
use time::OffsetDateTime;

/// What a receiver is told by the document's function of each line: body and headers as Python writes them.
const ASK: &str = r#"
import json, sys
for line in sys.stdin:
    secret, body, sent, nonce, signature = json.loads(line)
    headers = {"X-SP-Timestamp": sent, "X-SP-Nonce": nonce, "X-SP-Signature": signature}
    print(is_from_sendpromptly(secret, headers, body.encode(), lambda nonce: nonce != "seen"))
"#;

/// What came in, and with which secret it is checked.
pub struct Check<'a> {
    pub secret: &'a SigningSecret,
    pub body: &'a str,
    pub sent: i64,
    pub nonce: &'a str,
    pub signature: &'a str,
}

fn block() -> &'static str {
    let document = include_str!("../../docs/security.md");
    let blocks = document.split("```python\n").nth(1).and_then(|rest| rest.split("```").next());
    blocks.expect("a block of Python")
}

/// What one process of Python says of each.
pub fn judge<'a>(checks: impl IntoIterator<Item = Check<'a>>) -> Vec<bool> {
    let program = format!("{}{ASK}", block());
    let mut python = Command::new("python3")
        .args(["-c", &program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut input = python.stdin.take().expect("an input");
    for Check { secret, body, sent, nonce, signature } in checks {
        let line = json!([secret.reveal(), body, sent.to_string(), nonce, signature]);
        writeln!(input, "{line}").expect("a process that reads");
    }
    drop(input);
    let output = python.wait_with_output().expect("an end");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).expect("text");
    let judgement = |line: &str| match line {
        "True" => true,
        "False" => false,
        other => panic!("{other}"),
    };
    said.lines().map(judgement).collect()
}

#[test]
fn the_eight_lines_take_what_we_sign_and_nothing_else() {
    let lines = block().lines().filter(|line| !line.trim().is_empty()).count();
    assert_eq!(lines, 8);
    let (secret, older) = (SigningSecret::from_bytes([7; 32]), SigningSecret::from_bytes([8; 32]));
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let body = r#"{"type":"reprocess","replay_id":"rpl_1"}"#;
    let signed = |timestamp: i64, nonce: &'static str| {
        let signed = Signed { id: "rpl_1", timestamp, nonce, body: body.as_bytes() };
        sp_signature(&[older.clone(), secret.clone()], signed)
    };
    let [ours, seen, dotted] = ["n1", "seen", "n.1"].map(|nonce| signed(now, nonce));
    let [late, early] = [now - 360, now + 360].map(|sent| signed(sent, "n1"));
    let stranger = SigningSecret::from_bytes([9; 32]);
    let check =
        |secret, body, sent, nonce, signature| Check { secret, body, sent, nonce, signature };
    let (what, checks): (Vec<_>, Vec<_>) = [
        ("ours", check(&secret, body, now, "n1", ours.as_str())),
        ("ours during a rotation", check(&older, body, now, "n1", &ours)),
        ("another body", check(&secret, "{}", now, "n1", &ours)),
        ("another secret", check(&stranger, body, now, "n1", &ours)),
        ("another nonce", check(&secret, body, now, "n2", &ours)),
        ("a nonce seen before", check(&secret, body, now, "seen", &seen)),
        ("a nonce with a dot", check(&secret, body, now, "n.1", &dotted)),
        ("six minutes old", check(&secret, body, now - 360, "n1", &late)),
        ("six minutes ahead", check(&secret, body, now + 360, "n1", &early)),
        ("no signature", check(&secret, body, now, "n1", "")),
    ]
    .into_iter()
    .unzip();
    let taken: Vec<_> = judge(checks).into_iter().zip(what).collect();
    let wanted = |what: &str| what.starts_with("ours");
    assert!(taken.iter().all(|(taken, what)| *taken == wanted(what)), "{taken:?}");
    assert_eq!(taken.len(), 10);
}
