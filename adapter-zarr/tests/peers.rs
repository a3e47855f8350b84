//! The conformance suite over servers of others, in long tests.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use hyperslab_core::{StorageAdapter, StorageOptions};
use hyperslab_testkit::objects::{AZURITE_ACCOUNT, BUCKET, Peer, PeerKind};
use hyperslab_testkit::{Fixture, async_trait, conformance_tests};
use hyperslab_zarr::Medium;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::{ObjectStore, RetryConfig};

use common::{layouts, open_or_create};

/// The well-known key of the emulator.
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

struct Server(Peer);

impl Server {
    fn start(kind: PeerKind) -> Self {
        Self(Peer::start(kind).unwrap())
    }

    /// A client that does not try again: that is what is tested.
    fn store(&self) -> Arc<dyn ObjectStore> {
        let once = RetryConfig {
            max_retries: 0,
            ..RetryConfig::default()
        };
        if let Some(client) = self.0.s3_client() {
            return Arc::new(client.with_retry(once).build().unwrap());
        }
        let azure = MicrosoftAzureBuilder::new()
            .with_account(AZURITE_ACCOUNT)
            .with_access_key(KEY)
            .with_endpoint(format!("{}/{AZURITE_ACCOUNT}", self.0.endpoint()))
            .with_allow_http(true)
            .with_container_name(BUCKET)
            .with_retry(once);
        Arc::new(azure.build().unwrap())
    }
}

#[async_trait]
impl Fixture for Server {
    async fn open(&self) -> Arc<dyn StorageAdapter> {
        let url = format!("{:?}://{BUCKET}/one", self.0.kind());
        let medium = Medium::of(self.store(), "one", &url).unwrap();
        open_or_create(&medium).await
    }

    fn layouts(&self, shape: &[u64]) -> Vec<StorageOptions> {
        layouts(shape)
    }
}

mod azurite {
    use super::*;

    conformance_tests!(
        when Peer::is_there(PeerKind::Azurite),
        Server::start(PeerKind::Azurite)
    );
}

mod moto {
    use super::*;

    conformance_tests!(
        when Peer::is_there(PeerKind::Moto),
        Server::start(PeerKind::Moto)
    );
}
