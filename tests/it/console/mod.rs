//! The console, page by page, as operators of each role meet it.

mod access;
mod destinations;
mod integration_test;
mod keys;
mod projects;
mod samples;
mod sign_in;

/// What a stranger might write, hoping that a page would run it.
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
