//! The conformance suite and the campaigns over the protocol of S3.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use hyperslab_core::{StorageAdapter, StorageOptions};
use hyperslab_testkit::objects::BUCKET;
use hyperslab_testkit::{Fixture, async_trait, conformance_tests};
use hyperslab_zarr::Medium;

use common::{endpoint, layouts, open_or_create, s3_store};

fn bucket(endpoint: &str) -> Medium {
    let url = format!("s3://{BUCKET}/stores/one");
    Medium::of(s3_store(endpoint), "stores/one", &url).unwrap()
}

/// A server in this process.
mod server {
    use hyperslab_testkit::objects::S3Server;

    use super::*;

    struct Bucket {
        server: S3Server,
        _folder: tempfile::TempDir,
    }

    impl Bucket {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self {
                server: S3Server::start(folder.path()),
                _folder: folder,
            }
        }
    }

    #[async_trait]
    impl Fixture for Bucket {
        async fn open(&self) -> Arc<dyn StorageAdapter> {
            open_or_create(&bucket(&self.server.endpoint())).await
        }

        fn layouts(&self, shape: &[u64]) -> Vec<StorageOptions> {
            layouts(shape)
        }
    }

    conformance_tests!(Bucket::new());
}

/// Several processes that ask a server in another one.
mod process {
    use std::path::PathBuf;
    use std::sync::Mutex;

    use hyperslab_testkit::campaign_tests;
    use hyperslab_testkit::objects::S3Process;

    use super::*;

    /// Those that this process has started. They end with it.
    static SERVERS: Mutex<Vec<S3Process>> = Mutex::new(Vec::new());

    async fn open(folder: PathBuf) -> Arc<dyn StorageAdapter> {
        open_or_create(&bucket(&endpoint(&folder, &SERVERS))).await
    }

    campaign_tests!(open, layouts);
}
