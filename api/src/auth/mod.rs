//! Who may sign in.

pub mod login;
pub mod password;
pub mod password_queue;
pub mod random;
