//! The conformance suite over the protocol of Azure, in long tests.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use hyperslab_core::{StorageAdapter, StorageOptions};
use hyperslab_testkit::objects::{AZURITE_ACCOUNT, BUCKET, Peer, PeerKind};
use hyperslab_testkit::{Fixture, async_trait, conformance_tests};
use hyperslab_zarr::Medium;
use object_store::RetryConfig;
use object_store::azure::MicrosoftAzureBuilder;

use common::{layouts, open_or_create};

/// The well-known key of the emulator.
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

struct Azurite(Peer);

#[async_trait]
impl Fixture for Azurite {
    async fn open(&self) -> Arc<dyn StorageAdapter> {
        let once = RetryConfig {
            max_retries: 0,
            ..RetryConfig::default()
        };
        let store = MicrosoftAzureBuilder::new()
            .with_account(AZURITE_ACCOUNT)
            .with_access_key(KEY)
            .with_endpoint(format!("{}/{AZURITE_ACCOUNT}", self.0.endpoint()))
            .with_allow_http(true)
            .with_container_name(BUCKET)
            .with_retry(once)
            .build()
            .unwrap();
        let url = format!("az://{BUCKET}/one");
        let medium = Medium::of(Arc::new(store), "one", &url).unwrap();
        open_or_create(&medium).await
    }

    fn layouts(&self, shape: &[u64]) -> Vec<StorageOptions> {
        layouts(shape)
    }
}

fn is_long() -> bool {
    std::env::var_os("HYPERSLAB_TEST_LONG").is_some()
}

// A peer that cannot be installed fails here: where long tests run there is a registry.
conformance_tests!(when is_long(), Azurite(Peer::start(PeerKind::Azurite).unwrap()));
