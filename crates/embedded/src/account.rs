//! The unprivileged account that Postgres runs under when we are root.
//!
//! Postgres refuses to run as root, so root hands it to `postgres` if the machine has that account,
//! else to `nobody`. An ordinary user needs no account: Postgres runs as that user. Whether an
//! account can reach a path is judged by the mode bits of every folder above it; access lists are
//! not read, so a folder that only they open counts as closed and another place is taken.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, io};

const PASSWD: &str = "/etc/passwd";

/// A user and group id that Postgres can run under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

impl Account {
    /// The account to use for Postgres: `None` for an ordinary user, who runs it directly.
    ///
    /// # Errors
    /// As root, when the machine has neither `postgres` nor `nobody`.
    pub fn for_postgres() -> io::Result<Option<Self>> {
        if !is_root() {
            return Ok(None);
        }
        let passwd = fs::read_to_string(PASSWD)?;
        let found = ["postgres", "nobody"].iter().find_map(|name| find(&passwd, name));
        found.map(Some).ok_or_else(|| {
            let text = "PostgreSQL does not run as root, and /etc/passwd has neither `postgres` \
                        nor `nobody` to run it as";
            io::Error::new(io::ErrorKind::NotFound, text)
        })
    }

    /// The owner of an existing file, unless that is root.
    pub(crate) fn owner_of(path: &Path) -> Option<Self> {
        let data = fs::metadata(path).ok()?;
        let name = format!("user {}", data.uid());
        (data.uid() != 0).then(|| Self { name, uid: data.uid(), gid: data.gid() })
    }

    /// Whether the account may pass through every existing folder on the way to `path`, and, where
    /// `path` itself is a folder, enter it.
    pub(crate) fn reaches(&self, path: &Path) -> bool {
        path.ancestors()
            .filter_map(|place| fs::metadata(place).ok())
            .filter(fs::Metadata::is_dir)
            .all(|folder| self.may_enter(&folder))
    }

    fn may_enter(&self, folder: &fs::Metadata) -> bool {
        let bit = match folder {
            f if f.uid() == self.uid => 0o100,
            f if f.gid() == self.gid => 0o010,
            _ => 0o001,
        };
        folder.mode() & bit != 0
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn find(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let matches = fields.next() == Some(name);
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (matches && uid != 0).then(|| Account { name: name.to_owned(), uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const PASSWD_TEXT: &str = "root:x:0:0:root:/root:/bin/bash\n\
                               broken line\n\
                               nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n";

    #[test]
    fn an_account_is_read_from_the_password_file() {
        let nobody = find(PASSWD_TEXT, "nobody").unwrap();
        assert_eq!((nobody.uid, nobody.gid), (65534, 65533));
        assert_eq!(find(PASSWD_TEXT, "postgres"), None);
    }

    #[test]
    fn root_is_never_the_unprivileged_account() {
        assert_eq!(find(PASSWD_TEXT, "root"), None);
    }

    #[test]
    fn a_closed_folder_on_the_way_makes_a_path_unreachable() {
        let charlie = Account { name: "charlie".into(), uid: 4_000_000, gid: 4_000_000 };
        let open = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let inner = open.path().join("private/data");
        fs::create_dir_all(&inner).unwrap();
        assert!(charlie.reaches(&inner));
        assert!(charlie.reaches(&inner.join("not/yet/there")));

        fs::set_permissions(open.path().join("private"), fs::Permissions::from_mode(0o700))
            .unwrap();
        assert!(!charlie.reaches(&inner));
    }
}
