//! The HTTP edge over real sockets: a small router, the real server, and clients that misbehave.

mod bodies;
mod connections;
mod drain;
mod harness;
mod headers;
