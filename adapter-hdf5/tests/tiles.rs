//! Tiles as files: what is there, what is foreign, what is damaged, what a writer that was killed has left.
#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyperslab_core::{
    ArrayBuf, ArrayHandle, ArrayLocator, ArrayMeta, AttributeSchema, AttributeType, Attributes,
    AxisSlab, CheckLevel, CheckRequest, CollectionMeta, DType, Dimension, Durability, ErrorKind,
    Finding, FindingKind, Hyperslab, LockKey, LockRequest, RandomIds, Result, Scalar, Schema,
    StorageAdapter, StorageOptions, WriteData, WriteOptions,
};
use hyperslab_hdf5::Hdf5Adapter;
use uuid::Uuid;

const OPTIONS: WriteOptions = WriteOptions {
    durability: Durability::Relaxed,
    lock_timeout: Duration::from_secs(10),
    ..WriteOptions::DEFAULT
};

const SHAPE: [u64; 2] = [7, 10];

/// A store with one array of 2 x 3 tiles, all written.
struct Sample {
    store: Hdf5Adapter,
    collection: Arc<CollectionMeta>,
    array: ArrayMeta,
    root: PathBuf,
    _folder: tempfile::TempDir,
}

impl Sample {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("store");
        let store = Hdf5Adapter::create(&root, Arc::new(RandomIds))
            .await
            .unwrap();
        let schema = Schema::builder(DType::Int32)
            .dimension(Dimension::new("y", SHAPE[0]))
            .dimension(Dimension::scale("x", SHAPE[1], 0.0, 0.5, "m"))
            .attribute(AttributeSchema::key("k", AttributeType::Int))
            .tile_shape([4, 4])
            .build()
            .unwrap();
        let collection = Arc::new(CollectionMeta {
            name: "c".to_owned(),
            id: Uuid::new_v4(),
            schema,
            storage: StorageOptions::new(),
        });
        store.create_collection(&collection).await.unwrap();
        let mut sample = Self {
            store,
            collection,
            array: array(1),
            root,
            _folder: folder,
        };
        sample.array = sample.create(1).await;
        sample
    }

    async fn create(&self, k: i64) -> ArrayMeta {
        let array = array(k);
        let cells = Some(numbers());
        let created = self
            .store
            .create_array(&self.collection, &array, cells, &OPTIONS);
        created.await.unwrap();
        array
    }

    fn folder(&self, array: &ArrayMeta) -> PathBuf {
        let k = array.key.iter().next().unwrap().1;
        self.root.join(format!("c/tiles/k={k}.{}", array.id))
    }

    fn tile(&self, name: &str) -> PathBuf {
        self.folder(&self.array).join(name)
    }

    async fn open(&self) -> Arc<dyn ArrayHandle> {
        let store = Hdf5Adapter::open(&self.root).await.unwrap();
        let locator = ArrayLocator::Id(self.array.id);
        store.open_array(&self.collection, &locator).await.unwrap()
    }

    async fn read(&self) -> Result<ArrayBuf> {
        let out = ArrayBuf::zeroed(DType::Int32, &SHAPE).unwrap();
        let handle = self.open().await;
        handle.read_into(&Hyperslab::full(&SHAPE), out).await
    }

    async fn check(&self, repair: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        let request = CheckRequest {
            level: CheckLevel::Data,
            collection: None,
            repair,
        };
        self.store.check(&request, &mut findings).await.unwrap();
        findings
    }

    async fn kinds(&self) -> Vec<FindingKind> {
        let findings = self.check(false).await;
        findings.iter().map(|finding| finding.kind).collect()
    }
}

fn array(k: i64) -> ArrayMeta {
    ArrayMeta {
        id: Uuid::new_v4(),
        key: Attributes::from_iter([("k", k)]),
        custom: Attributes::new(),
    }
}

fn numbers() -> ArrayBuf {
    ArrayBuf::from_vec(&SHAPE, (0..70_i32).collect()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn tiles_have_their_names_and_go_with_their_array() {
    let sample = Sample::new().await;
    let all = ["0.0.nc", "0.1.nc", "0.2.nc", "1.0.nc", "1.1.nc", "1.2.nc"];
    assert_eq!(names(&sample.folder(&sample.array)), all);
    let usage = sample.store.usage(&sample.collection).await.unwrap();
    let stored: u64 = (all.iter())
        .map(|name| std::fs::metadata(sample.tile(name)).unwrap().len())
        .sum();
    assert!(usage.stored_bytes > stored && usage.array_count == 1);
    let locator = ArrayLocator::Id(sample.array.id);
    let deleted = sample
        .store
        .delete_array(&sample.collection, &locator, &OPTIONS);
    deleted.await.unwrap();
    assert_eq!(names(&sample.root.join("c/tiles")), Vec::<String>::new());
    assert_eq!(sample.check(false).await, []);
}

#[tokio::test]
async fn a_file_that_is_no_tile_of_the_array_is_refused() {
    let sample = Sample::new().await;
    let other = sample.create(2).await;
    let good = std::fs::read(sample.tile("0.1.nc")).unwrap();
    let main = sample.root.join("c/arrays/k=1.nc");
    for foreign in [
        sample.folder(&other).join("0.1.nc"),
        sample.tile("1.2.nc"),
        // Of the same shape.
        sample.tile("0.0.nc"),
        main,
    ] {
        std::fs::copy(&foreign, sample.tile("0.1.nc")).unwrap();
        let refused = sample.read().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Corrupt, "{}", foreign.display());
        assert_eq!(sample.kinds().await, [FindingKind::ArrayUnreadable]);
        let data = WriteData::Scalar(Scalar::Int32(1));
        let written = sample.open().await;
        let written = written
            .write(&Hyperslab::full(&SHAPE), data, &OPTIONS)
            .await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::Corrupt);
        std::fs::write(sample.tile("0.1.nc"), &good).unwrap();
        assert_eq!(sample.read().await.unwrap(), numbers());
    }
    assert_eq!(sample.check(false).await, []);
}

#[tokio::test]
async fn a_flipped_bit_of_a_tile_is_found() {
    let sample = Sample::new().await;
    let good = std::fs::read(sample.tile("1.1.nc")).unwrap();
    for bit in (0..good.len() * 8).step_by(997) {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(sample.tile("1.1.nc"), bytes).unwrap();
        match sample.read().await {
            Ok(cells) => assert_eq!(cells, numbers(), "bit {bit}"),
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported),
                "bit {bit}: {error}"
            ),
        }
        assert!(!sample.check(false).await.is_empty(), "bit {bit}");
    }
}

#[tokio::test]
async fn strays_and_leftovers_are_found() {
    let sample = Sample::new().await;
    std::fs::write(sample.tile("2.0.nc"), "outside of the grid").unwrap();
    std::fs::write(sample.tile("notes.txt"), "of somebody").unwrap();
    assert_eq!(
        sample.kinds().await,
        [FindingKind::Stray, FindingKind::Stray]
    );
    std::fs::remove_file(sample.tile("2.0.nc")).unwrap();
    std::fs::remove_file(sample.tile("notes.txt")).unwrap();
    // No process has that number.
    std::fs::write(sample.tile("4294967295-0-0.tmp"), "half a tile").unwrap();
    let orphan = sample.root.join(format!("c/tiles/k=9.{}", Uuid::new_v4()));
    std::fs::create_dir(&orphan).unwrap();
    std::fs::copy(sample.tile("0.0.nc"), orphan.join("0.0.nc")).unwrap();
    let found = sample.check(false).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found
            .iter()
            .all(|found| found.kind == FindingKind::Leftover && found.repairable)
    );
    assert!(sample.check(true).await.iter().all(|found| found.repaired));
    assert!(!orphan.exists());
    assert_eq!(sample.check(false).await, []);
    assert_eq!(sample.read().await.unwrap(), numbers());
}

/// A record as a killed writer leaves it: two tiles staged, one of them moved.
async fn half_moved() -> (Sample, ArrayBuf) {
    let sample = Sample::new().await;
    let data = WriteData::Scalar(Scalar::Int32(-1));
    let slab = Hyperslab::new(vec![AxisSlab::full(7), AxisSlab::at(0)], &SHAPE).unwrap();
    // What the write has made of one tile is taken back to where it was staged.
    let old = std::fs::read(sample.tile("1.0.nc")).unwrap();
    let handle = sample.open().await;
    handle.write(&slab, data, &OPTIONS).await.unwrap();
    let mut wanted = numbers();
    for row in 0..7 {
        wanted.bytes_mut()[row * 40..row * 40 + 4].copy_from_slice(&(-1_i32).to_ne_bytes());
    }
    let staged = "4294967295-1-1.tmp";
    std::fs::rename(sample.tile("1.0.nc"), sample.tile(staged)).unwrap();
    std::fs::write(sample.tile("1.0.nc"), &old).unwrap();
    let record = format!(
        r#"{{"version": 1, "generation": 2, "moves": [["4294967295-0-1.tmp", "0.0.nc"], ["{staged}", "1.0.nc"]]}}"#
    );
    std::fs::write(sample.tile("moves.json"), record).unwrap();
    (sample, wanted)
}

#[tokio::test]
async fn a_change_that_was_decided_is_read_whole_and_finished() {
    let (sample, wanted) = half_moved().await;
    assert_eq!(sample.read().await.unwrap(), wanted);
    let found = sample.check(false).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].kind, FindingKind::Leftover);
    assert!(sample.check(true).await.iter().all(|found| found.repaired));
    assert_eq!(sample.check(false).await, []);
    assert_eq!(sample.read().await.unwrap(), wanted);
    // And by the next write, which must not be undone by it.
    let (sample, mut wanted) = half_moved().await;
    let cell = Hyperslab::new(vec![AxisSlab::at(6), AxisSlab::at(0)], &SHAPE).unwrap();
    let data = WriteData::Scalar(Scalar::Int32(5));
    let handle = sample.open().await;
    handle.write(&cell, data, &OPTIONS).await.unwrap();
    wanted.bytes_mut()[240..244].copy_from_slice(&5_i32.to_ne_bytes());
    assert_eq!(sample.read().await.unwrap(), wanted);
    assert_eq!(sample.check(false).await, []);
}

#[tokio::test]
async fn writers_of_other_tiles_do_not_wait() {
    let sample = Sample::new().await;
    let locks = sample.store.locks();
    let key = LockKey::array("c", "k=1#0");
    let request = LockRequest::exclusive(key, Duration::from_secs(1));
    let guard = locks.acquire(request).await.unwrap();
    let handle = sample.open().await;
    let impatient = WriteOptions {
        lock_timeout: Duration::ZERO,
        ..OPTIONS
    };
    let at = |row, column| Hyperslab::new(vec![AxisSlab::at(row), AxisSlab::at(column)], &SHAPE);
    let data = || WriteData::Scalar(Scalar::Int32(5));
    let locked = handle.write(&at(3, 3).unwrap(), data(), &impatient).await;
    assert_eq!(locked.unwrap_err().kind(), ErrorKind::Locked);
    handle
        .write(&at(3, 4).unwrap(), data(), &impatient)
        .await
        .unwrap();
    drop(guard);
    handle
        .write(&at(3, 3).unwrap(), data(), &impatient)
        .await
        .unwrap();
}

#[tokio::test]
async fn too_many_tiles_are_refused_before_anything_is_made() {
    let sample = Sample::new().await;
    let schema = Schema::builder(DType::Int8)
        .dimension(Dimension::new("x", 20_002))
        .tile_shape([2]);
    let collection = CollectionMeta {
        name: "many".to_owned(),
        id: Uuid::new_v4(),
        schema: schema.build().unwrap(),
        storage: StorageOptions::new(),
    };
    for refused in [
        sample
            .store
            .create_collection(&collection)
            .await
            .unwrap_err(),
        sample.store.explain(&collection).await.unwrap_err(),
    ] {
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert!(refused.message().contains("10001 tiles"), "{refused}");
    }
    assert_eq!(sample.store.list_collections().await.unwrap(), ["c"]);
}
