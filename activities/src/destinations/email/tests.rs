//! Mail as it is written, and as a server or a folder accepts or rejects it.

mod addresses;
mod encryption;
mod folders;
mod mail_server;
mod rendering;
mod sending;

use super::super::{FailureKind, Thread};

const FROM: &str = "sendpromptly <alerts@sendpromptly.test>";
const ID: &str = "<inc_1.incident_opened.dst_1@sendpromptly.test>";
const BOB: &str = "bob@cometcart.test";
const TRANSIENT: FailureKind = FailureKind::Transient { retry_after: None };

fn alone(message_id: &str) -> Thread {
    Thread::alone(message_id.to_owned())
}
