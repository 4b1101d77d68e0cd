//! The console, page by page, as operators of each role meet it.

mod access;
mod sign_in;
