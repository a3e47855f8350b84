//! The conformance suite of hyperslab: what it means to be an adapter, in tests.
//!
//! An adapter runs the suite from a file of its `tests` folder. [`conformance_tests!`] makes one `#[test]` per case, so
//! that a failure has a name:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use hyperslab_core::StorageAdapter;
//! # struct MyAdapter;
//! # impl MyAdapter {
//! #     async fn open_or_create(_: &std::path::Path) -> hyperslab_core::Result<hyperslab_core::MemoryAdapter> {
//! #         Ok(hyperslab_core::MemoryAdapter::new())
//! #     }
//! # }
//! use hyperslab_testkit::{Fixture, async_trait, campaign_tests, conformance_tests};
//!
//! struct Folder(tempfile::TempDir);
//!
//! #[async_trait]
//! impl Fixture for Folder {
//!     // The same store each time, opened anew, as another process would.
//!     async fn open(&self) -> Arc<dyn StorageAdapter> {
//!         open(self.0.path().join("store")).await
//!     }
//! }
//!
//! // Opens the store in that folder, and makes it when there is none.
//! async fn open(path: std::path::PathBuf) -> Arc<dyn StorageAdapter> {
//!     Arc::new(MyAdapter::open_or_create(&path).await.unwrap())
//! }
//!
//! // One fresh, empty store per case.
//! conformance_tests!(Folder(tempfile::tempdir().unwrap()));
//!
//! // For adapters whose stores outlive the process: several processes at once, and processes that are killed. Makes the
//! // tests and the test `campaign_worker`, which is what the other processes run. At most once per module.
//! campaign_tests!(open);
//! # fn main() {}
//! ```
//!
//! [`Fixture::layouts`] adds the storage options under which the cases about cells run, such as tiny chunks. Cases that
//! run against the clock take a few seconds each; with the environment variable `HYPERSLAB_TEST_LONG` set they take a
//! minute, and a killed writer is tried 200 times instead of 25. `HYPERSLAB_TEST_SEED` repeats the random choices of a
//! failed test; every test prints its seed.
//!
//! [`Tiled`] makes of an adapter one whose arrays are all tiled: one that has tiles of its own passes everything as that, too.
//!
//! [`crash`] cuts the power of a machine whose stores lie on a disk.
//!
//! The feature `objects` adds a module of that name for adapters of object stores: an S3 server, faults, a proxy.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test kit reports a failure by panicking"
)]

pub mod campaign;
pub mod cases;
pub mod crash;
mod fixture;
mod macros;
mod model;
#[cfg(feature = "objects")]
pub mod objects;
mod setup;
mod stress;
mod tiled;
mod witness;

pub use async_trait::async_trait;
pub use fixture::{Fixture, run};
pub use tiled::Tiled;
