//! Stores in buckets, over real sockets: copies there and back, and all that can be wrong on the way.
#![cfg(feature = "aws")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod blobs;
#[path = "../common/mod.rs"]
mod common;
mod config;
mod copies;
mod damage;
mod journey;
mod refusals;
mod refused;
mod tls;
