//! The adapter in memory passes the suite that it specifies.

use std::sync::Arc;

use hyperslab_core::{MemoryAdapter, StorageAdapter};
use hyperslab_testkit::{Fixture, async_trait, conformance_tests};

struct Memory(MemoryAdapter);

#[async_trait]
impl Fixture for Memory {
    async fn open(&self) -> Arc<dyn StorageAdapter> {
        Arc::new(self.0.clone())
    }
}

conformance_tests!(Memory(MemoryAdapter::new()));
