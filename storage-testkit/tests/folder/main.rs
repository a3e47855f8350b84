//! The suite and its campaigns, tried on a small adapter of plain files. It is here to test the tests: slow and simple,
//! with one file per array that is replaced by renaming.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod adapter;
mod files;

use std::path::PathBuf;
use std::sync::Arc;

use hyperslab_core::StorageAdapter;
use hyperslab_testkit::{Fixture, async_trait, campaign_tests, conformance_tests};

struct Folder(tempfile::TempDir);

#[async_trait]
impl Fixture for Folder {
    async fn open(&self) -> Arc<dyn StorageAdapter> {
        open(self.0.path().to_owned()).await
    }
}

async fn open(path: PathBuf) -> Arc<dyn StorageAdapter> {
    Arc::new(adapter::FolderAdapter::open(path))
}

conformance_tests!(Folder(tempfile::tempdir().unwrap()));

campaign_tests!(open);
