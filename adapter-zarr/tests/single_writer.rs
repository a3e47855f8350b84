//! Servers that ignore conditions: the store says that one process at a time may write, and that process is safe.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fmt;
use std::sync::Arc;

use futures::stream::BoxStream;
use hyperslab_core::{RandomIds, StorageAdapter, StorageOptions, WriterScope};
use hyperslab_testkit::objects::{Peer, PeerKind};
use hyperslab_testkit::{Fixture, async_trait, conformance_tests};
use hyperslab_zarr::{Medium, ZarrAdapter};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use common::{layouts, open_or_create};

/// Takes conditions and ignores them.
#[derive(Debug)]
struct Careless(InMemory);

impl fmt::Display for Careless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Careless")
    }
}

#[async_trait]
impl ObjectStore for Careless {
    async fn put_opts(
        &self,
        at: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let options = PutOptions {
            mode: PutMode::Overwrite,
            ..options
        };
        self.0.put_opts(at, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(at, options).await
    }

    fn delete_stream(
        &self,
        places: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(places)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

fn medium(store: Arc<dyn ObjectStore>, url: &str) -> Medium {
    Medium::of(store, "one", url).unwrap()
}

async fn check_marked(store: Arc<dyn ObjectStore>) {
    let place = medium(Arc::clone(&store), "s3://careless/one");
    let made = ZarrAdapter::create(&place, &RandomIds).await.unwrap();
    let opened = ZarrAdapter::open(&place).await.unwrap();
    for adapter in [made, opened] {
        assert_eq!(adapter.capabilities().writers, WriterScope::Process);
    }
    let document = store.get(&Path::from("one/hyperslab.json")).await.unwrap();
    let document: serde_json::Value =
        serde_json::from_slice(&document.bytes().await.unwrap()).unwrap();
    assert_eq!(document["single_writer"], true);
}

#[tokio::test]
async fn a_store_without_conditions_is_marked() {
    check_marked(Arc::new(Careless(InMemory::new()))).await;
}

#[tokio::test]
async fn a_store_with_conditions_is_not() {
    let place = medium(Arc::new(InMemory::new()), "s3://careful/one");
    let made = ZarrAdapter::create(&place, &RandomIds).await.unwrap();
    assert_eq!(made.capabilities().writers, WriterScope::Cluster);
}

#[tokio::test]
async fn a_server_of_others_without_conditions_is_marked() {
    let Some(peer) = Peer::start(PeerKind::S3rver) else {
        return;
    };
    let store = peer.s3_client().unwrap().build().unwrap();
    check_marked(Arc::new(store)).await;
}

mod careless {
    use super::*;

    struct OneProcess(Arc<Careless>);

    #[async_trait]
    impl Fixture for OneProcess {
        async fn open(&self) -> Arc<dyn StorageAdapter> {
            open_or_create(&medium(Arc::clone(&self.0) as _, "s3://careless/suite")).await
        }

        fn layouts(&self, shape: &[u64]) -> Vec<StorageOptions> {
            layouts(shape)
        }
    }

    conformance_tests!(OneProcess(Arc::new(Careless(InMemory::new()))));
}
