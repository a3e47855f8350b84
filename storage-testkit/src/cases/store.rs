//! The store as a whole: its identity, its locks, its integrity.

use std::time::{Duration, Instant};

use hyperslab_core::{CheckLevel, CheckRequest, DType, ErrorKind, LockKey, LockMode, LockRequest};

use crate::Fixture;
use crate::setup::{
    OPTIONS, by_key, check, create_array, create_collection, key, keyed, meta, refusal,
};

/// Every opening is of the same store.
pub async fn has_one_identity(fixture: &dyn Fixture) {
    let (one, two) = (fixture.open().await, fixture.open().await);
    assert_eq!(one.info(), two.info());
    assert_eq!(one.capabilities(), two.capabilities());
    assert!(!one.info().url.is_empty());
    assert_eq!(one.locks().capabilities().scope, one.capabilities().writers);
}

/// A sound store has no findings, at any level, while it is used in any way that succeeds.
pub async fn that_is_sound_has_no_findings(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    assert_eq!(check(&*store, false).await, []);
    let collection = create_collection(&*store, "weather", keyed(DType::Int32, &[5, 5])).await;
    assert_eq!(check(&*store, false).await, []);
    for n in 0..5 {
        let handle = create_array(&*store, &collection, &meta(key(n))).await;
        if n % 2 == 0 {
            let cells = hyperslab_core::ArrayBuf::zeroed(DType::Int32, &[5, 5]).unwrap();
            crate::setup::write_all(&*handle, &collection, &cells)
                .await
                .unwrap();
        }
    }
    store
        .delete_array(&collection, &by_key(0), &OPTIONS)
        .await
        .unwrap();
    for repair in [false, true, false] {
        assert_eq!(check(&*store, repair).await, []);
        assert_eq!(check(&*fixture.open().await, repair).await, []);
    }
    for level in 1..=4 {
        let request = |collection: &str| CheckRequest {
            level: CheckLevel::try_from(level).unwrap(),
            collection: Some(collection.to_owned()),
            repair: false,
        };
        let mut findings = Vec::new();
        let known = request("weather");
        store.check(&known, &mut findings).await.unwrap();
        assert_eq!(findings, []);
        let unknown = store.check(&request("gone"), &mut findings).await;
        assert_eq!(refusal(unknown), ErrorKind::NotFound);
    }
    store.delete_collection("weather", &OPTIONS).await.unwrap();
    assert_eq!(check(&*store, false).await, []);
}

/// The locks of one opening keep out those of another, and name their holder.
pub async fn has_locks_that_reach_every_opening(fixture: &dyn Fixture) {
    let (one, two) = (fixture.open().await, fixture.open().await);
    create_collection(&*one, "weather", keyed(DType::Int8, &[1])).await;
    let (here, there) = (one.locks(), two.locks());
    assert_eq!(here.holders().await.unwrap(), []);
    let timeout = Duration::from_millis(50);
    let key = LockKey::array("weather", "locks=of this case");
    let request = |mode| LockRequest {
        keys: vec![key.clone()],
        mode,
        timeout,
    };
    // What is to be had may take a slow server as long as it likes.
    let patient = |mode| LockRequest {
        timeout: Duration::from_secs(30),
        ..request(mode)
    };
    let held = here.acquire(patient(LockMode::Exclusive)).await.unwrap();
    for mode in [LockMode::Exclusive, LockMode::Shared] {
        let start = Instant::now();
        let refused = there.acquire(request(mode)).await.unwrap_err();
        assert!(start.elapsed() >= timeout);
        assert_eq!(refused.kind(), ErrorKind::Locked);
        let message = refused.message();
        assert!(
            message.contains(&std::process::id().to_string()),
            "{message}"
        );
        assert!(message.contains("weather"), "{message}");
    }
    let holders = there.holders().await.unwrap();
    assert_eq!(holders.len(), 1);
    assert_eq!((&holders[0].key, holders[0].stale), (&key, false));
    assert_eq!(
        refusal(there.break_lock(&holders[0]).await),
        ErrorKind::Locked
    );
    drop(held);
    let shared = (
        here.acquire(patient(LockMode::Shared)).await.unwrap(),
        there.acquire(patient(LockMode::Shared)).await.unwrap(),
    );
    let refused = here.acquire(request(LockMode::Exclusive)).await;
    assert_eq!(refusal(refused), ErrorKind::Locked);
    drop(shared);
    let held = there.acquire(patient(LockMode::Exclusive)).await.unwrap();
    there.release(held).await;
    assert_eq!(here.holders().await.unwrap(), []);
}

/// After ordinary work nobody holds a lock.
pub async fn holds_no_lock_when_idle(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create_collection(&*store, "weather", keyed(DType::Int8, &[3])).await;
    let handle = create_array(&*store, &collection, &meta(key(1))).await;
    let cells = hyperslab_core::ArrayBuf::zeroed(DType::Int8, &[3]).unwrap();
    crate::setup::write_all(&*handle, &collection, &cells)
        .await
        .unwrap();
    // A write that is abandoned half-way lets go as well.
    for _ in 0..20 {
        let write = crate::setup::write_all(&*handle, &collection, &cells);
        let _ = tokio::time::timeout(Duration::from_micros(50), write).await;
    }
    crate::setup::write_all(&*handle, &collection, &cells)
        .await
        .unwrap();
    store
        .delete_array(&collection, &by_key(1), &OPTIONS)
        .await
        .unwrap();
    assert_eq!(store.locks().holders().await.unwrap(), []);
    assert_eq!(check(&*store, false).await, []);
}
