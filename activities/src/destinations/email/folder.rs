//! Mail as files, for development: one `.eml` per message, whole or not there at all.
//!
//! The file is written beside its place and renamed into it. The name is made of the alert alone,
//! so that sending the same alert again replaces the file instead of adding one. Folder and files are
//! for the account's own eyes: mails name customers.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::alert::MAIL_WRITTEN;
use time::{OffsetDateTime, UtcOffset};
use tokio::fs::{self, DirBuilder, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::super::{SendFailure, Sent};

/// Keeps two messages that are written at the same moment apart.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// `<time>-<kind>-<id>.eml`, where the id is the message id's part before the `@`.
pub(super) fn file_name(at: OffsetDateTime, kind: &str, message_id: &str) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    let (hour, minute, second) = at.to_hms();
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let id: String = message_id
        .trim_start_matches('<')
        .chars()
        .take_while(|c| *c != '@')
        .map(|c| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '-' })
        .take(120)
        .collect();
    let time = format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z");
    format!("{time}-{kind}-{id}.eml")
}

pub(super) async fn write(folder: &Path, name: &str, mail: &[u8]) -> Result<Sent, SendFailure> {
    let count = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let draft = folder.join(format!(".{name}.{}.{count}", std::process::id()));
    let written = async {
        make(folder).await?;
        let mut file = OpenOptions::new();
        let file = file.create(true).truncate(true).write(true).mode(0o600).open(&draft).await;
        let mut file = file?;
        file.write_all(mail).await?;
        file.flush().await?;
        fs::rename(&draft, folder.join(name)).await
    };
    match written.await {
        Ok(()) => Ok(Sent::new(&format!("{MAIL_WRITTEN}{name}"))),
        Err(error) => {
            // What was written of the draft is of no use; if it cannot be removed, so be it.
            let _ = fs::remove_file(&draft).await;
            Err(SendFailure::transient(&format!("the mail folder cannot be written: {error}")))
        }
    }
}

pub(super) async fn check(folder: &Path) -> Result<(), SendFailure> {
    make(folder).await.map_err(|error| {
        SendFailure::transient(&format!("the mail folder cannot be made: {error}"))
    })
}

async fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).await
}
