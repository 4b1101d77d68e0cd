//! Points at which a process dies if the fault lab says so: before and after everything that cannot be taken back.
//!
//! Without the feature `enabled` a point is nothing at all. With it, `FAILPOINTS` in the environment says which point
//! strikes how often, as the `fail` crate reads it: `callback.sent=50%return` dies at every second callback, on
//! average, between the request and the note of its response.

/// Reads `FAILPOINTS`. To be called once, before anything else.
#[cfg(feature = "enabled")]
pub fn arm() {
    // Taken down by its end, and it is to hold until the process ends.
    std::mem::forget(fail::FailScenario::setup());
}

/// Reads nothing.
#[cfg(not(feature = "enabled"))]
pub const fn arm() {}

/// Dies here, as by `kill -9`, if it is told to.
#[cfg(feature = "enabled")]
pub fn pass(point: &str) {
    fail::fail_point!(point, |_| std::process::abort());
}

/// Does nothing.
#[cfg(not(feature = "enabled"))]
pub const fn pass(_point: &str) {}
