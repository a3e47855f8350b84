//! Stores in buckets, over real sockets: copies there and back, and all that can be wrong on the way.
#![cfg(feature = "aws")]

#[path = "../common/mod.rs"]
mod common;
mod copies;
