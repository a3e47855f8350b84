//! The tools for tests of object stores, tried on themselves.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "tests report a failure by panicking"
)]

mod fault;
mod peers;
mod process;
mod proxy;
mod race;
mod server;
