//! The contract over stores in memory, and what only stores can do wrong.

use std::sync::Arc;

use futures::TryStreamExt;

use super::super::contract_tests::check_contract;
use super::*;

#[tokio::test]
async fn memory_keeps_the_contract() {
    check_contract(Arc::new(RemoteObjects::memory())).await;
}

#[tokio::test]
async fn a_prefix_is_a_wall() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let below = |prefix: &str| {
        let url = format!("s3://bucket/{prefix}/");
        RemoteObjects::new(Arc::clone(&store), prefix, &url, Versioning::ETag).unwrap()
    };
    let (inner, neighbour) = (below("a b/ü=1"), below("a b/ü=12"));
    let put = neighbour.put("x", Bytes::new(), Condition::None, Durability::Synced);
    put.await.unwrap();
    check_contract(Arc::new(below("a b/ü=1"))).await;
    assert_eq!(inner.url(), "s3://bucket/a b/ü=1");
    let listed: Vec<_> = neighbour.list("").try_collect().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(inner.get("x").await.unwrap().is_none());
    assert_eq!(inner.promises().writers, WriterScope::Cluster);
}
