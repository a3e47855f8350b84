//! The conformance suite and the campaigns over the protocol of S3.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use hyperslab_core::{StorageAdapter, StorageOptions};
use hyperslab_testkit::objects::{BUCKET, s3_client};
use hyperslab_testkit::{Fixture, async_trait, conformance_tests};
use hyperslab_zarr::Medium;
use object_store::RetryConfig;

use common::{layouts, open_or_create};

/// The test bucket behind an endpoint, by a client that does not try again: that is what is tested.
fn bucket(endpoint: &str) -> Medium {
    let once = RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    };
    let store = s3_client(endpoint).with_retry(once).build().unwrap();
    Medium::of(
        Arc::new(store),
        "stores/one",
        &format!("s3://{BUCKET}/stores/one"),
    )
    .unwrap()
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
    use std::path::{Path, PathBuf};
    use std::sync::Mutex;

    use hyperslab_testkit::campaign_tests;
    use hyperslab_testkit::objects::S3Process;

    use super::*;

    /// Those that this process has started. They end with it.
    static SERVERS: Mutex<Vec<S3Process>> = Mutex::new(Vec::new());

    /// Where the server of a folder listens. The first process to ask starts it, before it starts others.
    fn endpoint(folder: &Path) -> String {
        let note = folder.join("endpoint");
        if let Ok(endpoint) = std::fs::read_to_string(&note) {
            return endpoint;
        }
        std::fs::create_dir_all(folder).unwrap();
        let server = S3Process::start(&folder.join("objects"));
        let endpoint = server.endpoint();
        std::fs::write(&note, &endpoint).unwrap();
        SERVERS.lock().unwrap().push(server);
        endpoint
    }

    async fn open(folder: PathBuf) -> Arc<dyn StorageAdapter> {
        open_or_create(&bucket(&endpoint(&folder))).await
    }

    campaign_tests!(open, layouts);
}
