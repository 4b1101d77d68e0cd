//! The size of the program on disk.

use std::fs;

use crate::builds::Build;
use crate::latencies::number;
use crate::report::{Figure, Findings, Threshold};

/// Looks at the file.
pub fn measure(build: &Build) -> anyhow::Result<Findings> {
    let bytes = fs::metadata(&build.binary)?.len();
    let target = Threshold::AtMost(40.0);
    Ok(vec![Figure::new("size of the program", number(bytes) / 1e6, "MB", target)].into())
}
