//! The stories, on real engines.

#![expect(clippy::expect_used, reason = "a story that cannot go on ends here")]

mod architecture;
mod happy_path;
mod incident;
