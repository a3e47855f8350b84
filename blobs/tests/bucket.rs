//! Buckets: puts of one object at once, and what nothing names, beside writers.
#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::TryStreamExt;
use hyperslab_blobs::{
    BlobKey, BlobRepository, Blobs, BucketBlobs, CollectPlan, CollectReport, KeyFormat,
};
use hyperslab_core::ErrorKind;
use hyperslab_testkit::objects::S3Server;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;

struct Place {
    store: Arc<dyn ObjectStore>,
    runtime: Runtime,
}

impl Place {
    fn new(store: Arc<dyn ObjectStore>) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        Self { store, runtime }
    }

    fn memory() -> Self {
        Self::new(Arc::new(object_store::memory::InMemory::new()))
    }

    fn create(&self) -> BucketBlobs {
        BucketBlobs::create(
            Arc::clone(&self.store),
            Path::from("p"),
            self.runtime.handle().clone(),
        )
        .unwrap()
    }

    fn open(&self) -> BucketBlobs {
        BucketBlobs::open(
            Arc::clone(&self.store),
            Path::from("p"),
            self.runtime.handle().clone(),
        )
        .unwrap()
    }
}

/// Ages are whole seconds here, so a test lets some pass.
fn let_time_pass() {
    std::thread::sleep(Duration::from_millis(2100));
}

const PLAN: CollectPlan = CollectPlan {
    age: Duration::from_secs(1),
    dry_run: false,
};

fn collect(blobs: &BucketBlobs, plan: &CollectPlan, named: &[BlobKey]) -> CollectReport {
    let mut roots = || Ok(named.iter().copied().collect::<HashSet<_>>());
    blobs.collect(plan, &mut roots).unwrap()
}

#[test]
fn twelve_puts_of_one_object_store_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path());
    let place = Place::new(Arc::new(server.client().build().unwrap()));
    let blobs = place.create();
    for size in [100, 9 << 20] {
        let content = vec![7; size];
        let puts: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..12)
                .map(|_| scope.spawn(|| blobs.put_bytes(&content).unwrap()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(puts.iter().all(|put| put.key == puts[0].key));
        if size == 100 {
            assert_eq!(puts.iter().filter(|put| !put.existed).count(), 1);
        }
        assert_eq!(blobs.content(&puts[0].key).unwrap(), content);
    }
    assert_eq!(blobs.list().unwrap().count(), 2);
    assert_eq!(blobs.usage().unwrap().content_bytes, 100 + (9 << 20));
}

#[test]
fn of_an_erased_repository_nothing_stays() {
    let place = Place::memory();
    let blobs = place.create();
    for _ in 0..2 {
        blobs.put_bytes(b"put twice, so with a lease").unwrap();
    }
    blobs.put_bytes(b"old and unnamed").unwrap();
    let_time_pass();
    assert_eq!(collect(&blobs, &PLAN, &[]).deleted, 2);
    for _ in 0..2 {
        blobs.put_bytes(b"put twice, so with a lease").unwrap();
    }
    blobs.erase().unwrap();
    let left = place.store.list(None).try_collect::<Vec<_>>();
    assert_eq!(place.runtime.block_on(left).unwrap(), []);
}

#[test]
fn a_repository_is_made_once_and_others_are_told_what_is_wrong() {
    let place = Place::memory();
    let handle = place.runtime.handle().clone();
    let at = |prefix: &str| (Arc::clone(&place.store), Path::from(prefix), handle.clone());
    let open = |(store, prefix, handle)| BucketBlobs::open(store, prefix, handle);
    assert_eq!(open(at("p")).unwrap_err().kind(), ErrorKind::NotFound);
    let id = place.create().info().id;
    assert_eq!(place.open().info().id, id);
    let (store, prefix, handle) = at("p");
    let again = BucketBlobs::create(store, prefix, handle).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    for (text, kind) in [
        (
            r#"{"format": "hyperslab blobs", "version": 2, "id": "cb8d7fae-c501-4cfc-b7c0-fd1a7720a438"}"#,
            ErrorKind::Unsupported,
        ),
        (
            r#"{"format": "else", "version": 1, "id": "cb8d7fae-c501-4cfc-b7c0-fd1a7720a438"}"#,
            ErrorKind::Corrupt,
        ),
        ("{", ErrorKind::Corrupt),
    ] {
        let path = Path::from("q/blobs.json");
        let put = place.store.put(&path, text.into());
        place.runtime.block_on(put).unwrap();
        let found = BucketBlobs::open(
            Arc::clone(&place.store),
            Path::from("q"),
            place.runtime.handle().clone(),
        );
        assert_eq!(found.unwrap_err().kind(), kind, "{text}");
    }
}

#[test]
fn what_is_old_and_unnamed_goes() {
    let place = Place::memory();
    let blobs = place.create();
    let put = |content: &[u8]| blobs.put_bytes(content).unwrap().key;
    let [named, old, renewed] = [&b"named"[..], b"old", b"renewed"].map(put);
    let_time_pass();
    let young = put(b"young");
    assert!(blobs.put_bytes(b"renewed").unwrap().existed);
    let gone = BlobKey::parse(KeyFormat::Sha256, &"0".repeat(64)).unwrap();
    let dry = CollectPlan {
        dry_run: true,
        ..PLAN
    };
    for plan in [dry, PLAN] {
        let report = collect(&blobs, &plan, &[named, gone]);
        assert_eq!((report.live, report.young, report.deleted), (1, 2, 1));
        assert_eq!((report.deleted_bytes, report.missing), (3, vec![gone]));
        assert_eq!(blobs.has(&old).unwrap(), plan.dry_run);
    }
    for key in [named, renewed, young] {
        blobs.sha256(&key).unwrap();
    }
    let_time_pass();
    assert_eq!(collect(&blobs, &PLAN, &[named]).deleted, 2);
    // Nothing stays of leases, nor of the collection.
    let listed = place.store.list(None);
    let listed = place
        .runtime
        .block_on(futures::TryStreamExt::try_collect::<Vec<_>>(listed));
    assert_eq!(listed.unwrap().len(), 2);
}

#[test]
fn two_do_not_collect_at_once() {
    let place = Place::memory();
    let blobs = place.create();
    let key = blobs.put_bytes(b"kept").unwrap().key;
    let other = place.open();
    let mut roots = || {
        let refused = other
            .collect(&PLAN, &mut || Ok(HashSet::new()))
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Locked, "{refused}");
        Ok(HashSet::from([key]))
    };
    assert_eq!(blobs.collect(&PLAN, &mut roots).unwrap().live, 1);
    // One that fails lets the next begin.
    let mut fails = || Err(hyperslab_core::Error::unavailable("the store is away"));
    assert!(blobs.collect(&PLAN, &mut fails).is_err());
    assert_eq!(collect(&other, &PLAN, &[key]).live, 1);
}

/// Whoever names an object that was put long ago, while another one collects who does not know of that yet, keeps it.
#[test]
fn what_is_renewed_since_a_collection_began_stays() {
    let place = Place::memory();
    let blobs = place.create();
    let [renewed, old] =
        [&b"renewed"[..], b"old"].map(|content| blobs.put_bytes(content).unwrap().key);
    let_time_pass();
    let mut roots = || {
        assert_eq!(place.open().renew(&[renewed]).unwrap(), [true]);
        let_time_pass();
        Ok(HashSet::new())
    };
    let report = blobs.collect(&PLAN, &mut roots).unwrap();
    assert_eq!((report.deleted, report.young), (1, 1));
    assert_eq!(blobs.has_many(&[renewed, old]).unwrap(), [true, false]);
}

/// Whoever puts what is there, at any moment beside one who deletes, has it.
#[test]
fn what_is_put_while_others_delete_is_there() {
    let place = Place::memory();
    let blobs = place.create();
    let ended = AtomicBool::new(false);
    let now = CollectPlan {
        age: Duration::from_secs(1),
        dry_run: false,
    };
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3_u8)
            .map(|writer| {
                let (blobs, ended) = (place.open(), &ended);
                scope.spawn(move || {
                    let mut rounds = 0_u8;
                    while !ended.load(Ordering::Relaxed) {
                        rounds = rounds.wrapping_add(1);
                        let content = [writer % 2, rounds % 50].repeat(20);
                        let put = blobs.put_bytes(&content).unwrap();
                        assert_eq!(blobs.content(&put.key).unwrap(), content, "round {rounds}");
                        std::thread::sleep(Duration::from_millis(u64::from(writer) * 20));
                    }
                })
            })
            .collect();
        for _ in 0..8 {
            blobs.collect(&now, &mut || Ok(HashSet::new())).unwrap();
            std::thread::sleep(Duration::from_millis(400));
        }
        ended.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().unwrap();
        }
    });
    assert_eq!(blobs.findings().unwrap(), []);
}
