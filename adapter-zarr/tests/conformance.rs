//! The conformance suite on every medium.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use hyperslab_core::{StorageAdapter, StorageOptions};
use hyperslab_testkit::{Fixture, Tiled, async_trait, conformance_tests};
use hyperslab_zarr::Medium;

use common::{layouts, open_or_create, tiled_layouts};

mod memory {
    use super::*;

    struct Memory(Medium);

    #[async_trait]
    impl Fixture for Memory {
        async fn open(&self) -> Arc<dyn StorageAdapter> {
            open_or_create(&self.0).await
        }

        fn layouts(&self, shape: &[u64]) -> Vec<StorageOptions> {
            super::layouts(shape)
        }
    }

    conformance_tests!(Memory(Medium::memory()));
}

mod folder {
    use std::path::PathBuf;

    use hyperslab_testkit::campaign_tests;
    use hyperslab_testkit::crash::power_cuts_leave_whole_changes;

    use super::*;

    struct Folder(tempfile::TempDir);

    #[async_trait]
    impl Fixture for Folder {
        async fn open(&self) -> Arc<dyn StorageAdapter> {
            open_or_create(&Medium::folder(self.0.path()).unwrap()).await
        }

        fn layouts(&self, shape: &[u64]) -> Vec<StorageOptions> {
            super::layouts(shape)
        }
    }

    conformance_tests!(Folder(tempfile::tempdir().unwrap()));

    async fn open(path: PathBuf) -> Arc<dyn StorageAdapter> {
        let new = Medium::new_folder(&path);
        let medium = new.or_else(|_| Medium::folder(&path));
        open_or_create(&medium.unwrap()).await
    }

    campaign_tests!(open, layouts);

    /// Every array in tiles.
    mod in_tiles {
        use super::*;

        struct InTiles(tempfile::TempDir);

        #[async_trait]
        impl Fixture for InTiles {
            async fn open(&self) -> Arc<dyn StorageAdapter> {
                open_tiled(self.0.path().join("store")).await
            }

            fn layouts(&self, shape: &[u64]) -> Vec<StorageOptions> {
                tiled_layouts(shape)
            }
        }

        async fn open_tiled(path: PathBuf) -> Arc<dyn StorageAdapter> {
            Tiled::over(open(path).await)
        }

        conformance_tests!(InTiles(tempfile::tempdir().unwrap()));

        campaign_tests!(open_tiled, tiled_layouts);
    }

    #[test]
    fn crash_of_the_machine_leaves_whole_changes() {
        power_cuts_leave_whole_changes(CAMPAIGN);
    }
}
