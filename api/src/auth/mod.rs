//! Who may sign in.

pub mod password;
pub mod login;
