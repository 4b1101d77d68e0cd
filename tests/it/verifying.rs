//! The receiver's check that `docs/security.md` shows, run as it stands there.

use std::process::Command;

use domain::signature::{Signed, SigningSecret, sp_signature};
use time::OffsetDateTime;

/// What a receiver is told by the document's function: body and headers as Python writes them.
const ASK: &str = r#"
import sys
secret, body, sent, nonce, signature = sys.argv[1:]
headers = {"X-SP-Timestamp": sent, "X-SP-Nonce": nonce, "X-SP-Signature": signature}
print(is_from_sendpromptly(secret, headers, body.encode(), lambda nonce: nonce != "seen"))
"#;

fn block() -> &'static str {
    let document = include_str!("../../docs/security.md");
    let blocks = document.split("```python\n").nth(1).and_then(|rest| rest.split("```").next());
    blocks.expect("a block of Python")
}

pub fn says(secret: &SigningSecret, body: &str, sent: i64, nonce: &str, signature: &str) -> String {
    let program = format!("{}{ASK}", block());
    let output = Command::new("python3")
        .args(["-c", &program, &secret.reveal(), body, &sent.to_string(), nonce, signature])
        .output()
        .expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
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
    assert_eq!(says(&secret, body, now, "n1", &signed(now, "n1")), "True");
    assert_eq!(says(&older, body, now, "n1", &signed(now, "n1")), "True", "during a rotation");
    let stranger = SigningSecret::from_bytes([9; 32]);
    for (what, said) in [
        ("another body", says(&secret, "{}", now, "n1", &signed(now, "n1"))),
        ("another secret", says(&stranger, body, now, "n1", &signed(now, "n1"))),
        ("another nonce", says(&secret, body, now, "n2", &signed(now, "n1"))),
        ("a nonce seen before", says(&secret, body, now, "seen", &signed(now, "seen"))),
        ("a nonce with a dot", says(&secret, body, now, "n.1", &signed(now, "n.1"))),
        ("six minutes old", says(&secret, body, now - 360, "n1", &signed(now - 360, "n1"))),
        ("six minutes ahead", says(&secret, body, now + 360, "n1", &signed(now + 360, "n1"))),
        ("no signature", says(&secret, body, now, "n1", "")),
    ] {
        assert_eq!(said, "False", "{what}");
    }
}
