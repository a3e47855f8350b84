//! The tools for tests of object stores, tried on themselves.

mod fault;
mod peers;
mod process;
mod proxy;
mod race;
mod server;
