//! Who may sign in.

pub mod password;
