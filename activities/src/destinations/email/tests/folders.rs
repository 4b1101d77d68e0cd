//! Mail as files.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::super::EmailSender;
use super::{BOB, FROM, ID, TRANSIENT, alone};
use crate::destinations::samples::{opened, resolved};

#[tokio::test]
async fn a_folder_gets_one_whole_file_per_alert() {
    let folder = tempfile::tempdir().expect("a folder");
    let mail = folder.path().join("mail");
    let sender = EmailSender::folder(mail.clone(), FROM).expect("good settings");
    for _ in 0..2 {
        sender.send(BOB, &alone(ID), &opened()).await.expect("written");
    }
    sender.send(BOB, &alone(ID), &resolved()).await.expect("written");
    let mut names: Vec<_> = std::fs::read_dir(&mail)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "20261121T143209Z-incident_opened-inc_1-incident_opened-dst_1.eml",
            "20261121T145320Z-incident_resolved-inc_1-incident_opened-dst_1.eml",
        ]
    );
    let text = std::fs::read_to_string(mail.join(&names[0])).expect("the file reads");
    assert!(text.contains("Message-ID: <inc_1.incident_opened.dst_1@sendpromptly.test>\r\n"));
}

#[tokio::test]
async fn what_is_written_is_for_the_owners_eyes_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let mail = folder.path().join("mail");
    let sender = EmailSender::folder(mail.clone(), FROM).expect("good settings");
    sender.send(BOB, &alone(ID), &opened()).await.expect("written");
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&mail), 0o700);
    for file in std::fs::read_dir(&mail).expect("the folder is there") {
        assert_eq!(mode(&file.expect("an entry").path()), 0o600);
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_may_be_mended() {
    let folder = tempfile::tempdir().expect("a folder");
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "in the way").expect("a file");
    let sender = EmailSender::folder(blocked.join("mail"), FROM).expect("good settings");
    let failure = sender.send(BOB, &alone(ID), &opened()).await.expect_err("not written");
    assert_eq!(failure.kind, TRANSIENT);
}
