//! The service: the API, the console, the worker and the relay, put together.
//!
//! This library is all that starts them, for the binary beside it and for tests. [`service`] builds
//! the parts and ends them in order, [`router`] joins the paths. What the command line is, is the
//! binary's.

pub mod delivery;
mod observation;
pub mod repair_check;
mod router;
pub mod service;
pub mod test_shop;
pub mod trial;

pub use observation::Part;
pub use router::router;
