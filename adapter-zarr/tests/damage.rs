//! Damaged stores: a flipped bit, a cut or a lost object is an error or a finding, never a panic, and never wrong cells.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyperslab_core::{
    Array, ArrayBuf, Attributes, CheckLevel, CheckRequest, DType, Dimension, ErrorKind, Finding,
    FindingKind, RandomIds, Result, Schema, Store, StoreOptions,
};
use hyperslab_zarr::{Medium, ZarrAdapter};
use serde_json::{Value, json};

const FLIPS: usize = 300;

fn cells() -> ArrayBuf {
    let mut random = fastrand::Rng::with_seed(7);
    let numbers: Vec<i32> = (0..70).map(|_| random.i32(..)).collect();
    ArrayBuf::from_slice(&[5, 2, 7], &numbers).unwrap()
}

async fn open(folder: &Path) -> Result<Store> {
    let adapter = ZarrAdapter::open(&Medium::folder(folder)?).await?;
    Ok(Store::new(Arc::new(adapter), StoreOptions::default()))
}

/// A store with one array.
async fn make(storage: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let medium = Medium::folder(folder.path()).unwrap();
    let adapter = ZarrAdapter::create(&medium, &RandomIds).await.unwrap();
    let store = Store::new(Arc::new(adapter), StoreOptions::default());
    let schema = Schema::builder(DType::Int32)
        .attribute(hyperslab_core::AttributeSchema::key(
            "n",
            hyperslab_core::AttributeType::Int,
        ))
        .dimension(Dimension::scale("lat", 5, 10.0, -2.5, "degrees_north"))
        .dimension(Dimension::labels("side", ["left", "right"]))
        .dimension(Dimension::new("x", 7))
        .build()
        .unwrap();
    let storage = storage.as_object().unwrap().clone();
    let collection = store.create_collection_with("c", schema, storage);
    let new = collection
        .await
        .unwrap()
        .create(Attributes::from_iter([("n", 1_i64)]));
    new.data(cells()).await.unwrap();
    folder
}

async fn read(folder: &Path) -> Result<ArrayBuf> {
    let collection = open(folder).await?.collection("c").await?;
    collection
        .get(Attributes::from_iter([("n", 1_i64)]))
        .await?
        .all()
        .read_buf()
        .await
}

async fn check(folder: &Path, repair: bool) -> Result<Vec<Finding>> {
    let request = CheckRequest {
        level: CheckLevel::Data,
        collection: None,
        repair,
    };
    let mut findings = Vec::new();
    open(folder).await?.check(&request, &mut findings).await?;
    Ok(findings)
}

/// All objects, by their path in the store.
fn objects(folder: &Path) -> Vec<String> {
    fn list(root: &Path, folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                list(root, &path, found);
            } else {
                let path = path.strip_prefix(root).unwrap().to_str().unwrap();
                found.push(path.to_owned());
            }
        }
    }
    let mut found = Vec::new();
    list(folder, folder, &mut found);
    found.retain(|path| !path.contains("stripe") && !path.contains("/tmp"));
    found.sort();
    found
}

/// Whether the object is a chunk or a shard of the data variable.
fn is_data(path: &str) -> bool {
    path.starts_with("c/") && path.contains("/c/c/")
}

fn layouts() -> Vec<Value> {
    let codecs = ["none", "zstd", "gzip", "blosc"];
    let plain = codecs.map(|codec| json!({"chunks": [2, 1, 3], "codec": codec}));
    let sharded = codecs.map(|codec| {
        json!({"chunks": [2, 1, 3], "shards": [4, 2, 6], "codec": codec, "transpose": [2, 0, 1]})
    });
    plain.into_iter().chain(sharded).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_an_error_or_changes_nothing() {
    let mut random = fastrand::Rng::with_seed(3);
    for storage in layouts() {
        let folder = make(&storage).await;
        let paths = objects(folder.path());
        for _ in 0..FLIPS {
            let path = &paths[random.usize(..paths.len())];
            let place = folder.path().join(path);
            let original = std::fs::read(&place).unwrap();
            if original.is_empty() {
                continue;
            }
            let mut damaged = original.clone();
            let at = random.usize(..damaged.len());
            damaged[at] ^= 1 << random.u8(..8);
            std::fs::write(&place, &damaged).unwrap();
            let what = format!("{path} at {at} of {storage}");
            let found = read(folder.path()).await;
            if is_data(path) {
                let error = found.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
                let findings = check(folder.path(), false).await.unwrap();
                let told = findings.iter().any(|finding| {
                    finding.kind == FindingKind::Corrupt && finding.message.contains(path.as_str())
                });
                assert!(told, "{what}: {findings:?}");
            } else {
                // Documents have no checksum: one may say another thing that makes sense.
                let _ = check(folder.path(), false).await;
                if path.starts_with("c/") {
                    // Made for others, and never read by us.
                    assert_eq!(found.unwrap(), cells(), "{what}");
                    let parse = |bytes| serde_json::from_slice::<Value>(bytes).ok();
                    let same = path.ends_with("zarr.json") && parse(&damaged) == parse(&original);
                    let findings = check(folder.path(), false).await.unwrap();
                    assert!(same == findings.is_empty(), "{what}: {findings:?}");
                }
            }
            std::fs::write(&place, original).unwrap();
        }
        assert_eq!(check(folder.path(), false).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_object_is_an_error_or_a_finding() {
    for storage in layouts() {
        let folder = make(&storage).await;
        for path in objects(folder.path()) {
            let place = folder.path().join(&path);
            let original = std::fs::read(&place).unwrap();
            for length in [0, 1, original.len() / 2, original.len().saturating_sub(1)] {
                if length == original.len() {
                    continue;
                }
                std::fs::write(&place, &original[..length]).unwrap();
                let what = format!("{path} cut to {length} of {storage}");
                let found = read(folder.path()).await;
                if is_data(&path) {
                    assert_eq!(found.unwrap_err().kind(), ErrorKind::Corrupt, "{what}");
                } else if let Ok(found) = found {
                    assert_eq!(found, cells(), "{what}");
                }
                if let Ok(findings) = check(folder.path(), false).await {
                    // An empty document is one that was deleted: then what it stood for is left over.
                    assert!(
                        !findings.is_empty() || path.contains("collections"),
                        "{what}"
                    );
                }
            }
            std::fs::write(&place, original).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_beside_the_cells_is_mended() {
    let folder = make(&json!({"chunks": [2, 1, 3]})).await;
    let made: Vec<String> = objects(folder.path())
        .into_iter()
        .filter(|path| path.starts_with("c/") && !is_data(path))
        .collect();
    assert_eq!(made.len(), 7, "{made:?}");
    for path in made.iter().cloned().chain(ids(folder.path())) {
        std::fs::remove_file(folder.path().join(&path)).unwrap();
        assert_eq!(read(folder.path()).await.unwrap(), cells());
        let findings = check(folder.path(), false).await.unwrap();
        assert!(
            !findings.is_empty() && findings.iter().all(|found| found.repairable),
            "{path}"
        );
        check(folder.path(), true).await.unwrap();
        assert_eq!(check(folder.path(), false).await.unwrap(), [], "{path}");
        assert!(folder.path().join(&path).is_file());
    }
}

fn ids(folder: &Path) -> Vec<String> {
    let all = objects(folder).into_iter();
    all.filter(|path| path.contains("/ids/")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stray_object_is_named_and_stays() {
    let folder = make(&json!({"chunks": [2, 1, 3]})).await;
    let chunk = objects(folder.path())
        .into_iter()
        .find(|path| is_data(path))
        .unwrap();
    let variable = chunk.split("/c/c/").next().unwrap().to_owned() + "/c";
    for stray in ["c/9/9/9", "c/00/0/0", "c/0/0", "notes.txt"] {
        let path = format!("{variable}/{stray}");
        let place = folder.path().join(&path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        if place.is_dir() {
            continue;
        }
        std::fs::write(&place, b"not ours").unwrap();
        assert_eq!(read(folder.path()).await.unwrap(), cells());
        let findings = check(folder.path(), true).await.unwrap();
        let stray = findings
            .iter()
            .find(|found| found.kind == FindingKind::Stray);
        assert_eq!(
            stray.map(|found| found.subject.as_str()),
            Some(path.as_str()),
            "{findings:?}"
        );
        assert!(place.is_file());
        std::fs::remove_file(&place).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_head_leaves_something_to_be_found() {
    let folder = make(&json!({"chunks": [2, 1, 3]})).await;
    let head = objects(folder.path())
        .into_iter()
        .find(|path| path.contains("/arrays/"))
        .unwrap();
    std::fs::remove_file(folder.path().join(head)).unwrap();
    assert_eq!(
        read(folder.path()).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let before = objects(folder.path());
    // A repair must not take for a leftover what may be the only copy of somebody's cells.
    for repair in [false, true] {
        let findings = check(folder.path(), repair).await.unwrap();
        assert!(
            findings
                .iter()
                .any(|found| found.kind == FindingKind::ArrayLost && !found.repairable),
            "{findings:?}"
        );
    }
    let cells = |all: Vec<String>| {
        all.into_iter()
            .filter(|path| !path.starts_with(".hyperslab"))
    };
    let after = objects(folder.path());
    assert!(cells(before).eq(cells(after)));
}

async fn lost(folder: &Path) -> Vec<String> {
    let findings = check(folder, true).await.unwrap();
    let told = findings.iter().all(|found| {
        found.kind == FindingKind::ChunkLost && !found.repairable && found.subject == "n=1"
    });
    assert!(told, "{findings:?}");
    findings.into_iter().map(|found| found.message).collect()
}

async fn array(folder: &Path) -> Array {
    let collection = open(folder).await.unwrap().collection("c").await.unwrap();
    let key = Attributes::from_iter([("n", 1_i64)]);
    collection.get(key).await.unwrap()
}

/// Zarr cannot tell a chunk that is lost from one that never was; a check can, however the chunk came to be.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_chunk_is_found_until_its_cells_are_written_again() {
    let plain = json!({"chunks": [2, 1, 3]});
    for storage in [&plain, &json!({"chunks": [2, 1, 3], "shards": [2, 2, 3]})] {
        for way in ["created", "written at once", "written chunk by chunk"] {
            let folder = make(storage).await;
            if way != "created" {
                remake_empty(folder.path()).await;
                write(&array(folder.path()).await, way).await;
            }
            assert_eq!(read(folder.path()).await.unwrap(), cells());
            let all = objects(folder.path());
            for path in all.iter().filter(|path| is_data(path)) {
                let place = folder.path().join(path);
                let bytes = std::fs::read(&place).unwrap();
                std::fs::remove_file(&place).unwrap();
                let told = lost(folder.path()).await;
                assert!(told[0].contains(path.as_str()), "{way} {path}: {told:?}");
                std::fs::create_dir_all(place.parent().unwrap()).unwrap();
                std::fs::write(&place, bytes).unwrap();
                assert_eq!(lost(folder.path()).await, Vec::<String>::new());
            }
            let last = all.iter().rfind(|path| is_data(path)).unwrap();
            std::fs::remove_file(folder.path().join(last)).unwrap();
            assert_eq!(lost(folder.path()).await.len(), 1);
            array(folder.path()).await.all().clear().await.unwrap();
            assert_eq!(lost(folder.path()).await, Vec::<String>::new());
            // What an array leaves goes with it.
            array(folder.path()).await.delete().await.unwrap();
            assert!(
                objects(folder.path())
                    .iter()
                    .all(|path| !path.contains("stored"))
            );
            assert_eq!(lost(folder.path()).await, Vec::<String>::new());
        }
    }
}

async fn remake_empty(folder: &Path) {
    array(folder).await.delete().await.unwrap();
    let collection = open(folder).await.unwrap().collection("c").await.unwrap();
    let key = Attributes::from_iter([("n", 1_i64)]);
    collection.create(key).await.unwrap();
}

async fn write(array: &Array, way: &str) {
    if way == "written at once" {
        return array.all().write_buf(cells()).await.unwrap();
    }
    let (shape, cells) = ([5_u64, 2, 7], cells());
    let cells = cells.as_slice::<i32>().unwrap();
    for start in 0..shape[0] * shape[1] * shape[2] {
        let at = [start / 14, start / 7 % 2, start % 7];
        let mut one = array.all();
        for (name, at) in ["lat", "side", "x"].into_iter().zip(at) {
            one = one.isel(name, i64::try_from(at).unwrap()).unwrap();
        }
        one.fill(cells[usize::try_from(start).unwrap()])
            .await
            .unwrap();
    }
}

/// A write that cannot keep what it has to keep is refused before it is decided, and stands in nobody's way.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_chunk_refuses_one_write_and_not_all_others() {
    for storage in [
        json!({"chunks": [2, 2, 7]}),
        json!({"chunks": [2, 1, 7], "shards": [2, 2, 7]}),
    ] {
        let folder = make(&storage).await;
        let all = objects(folder.path());
        let chunk = all.iter().find(|path| is_data(path)).unwrap();
        let place = folder.path().join(chunk);
        let mut bytes = std::fs::read(&place).unwrap();
        bytes[5] ^= 8;
        std::fs::write(&place, bytes).unwrap();
        let array = array(folder.path()).await;
        let across = array.isel("lat", 1..4).unwrap();
        let refused = across.fill(1_i32).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Corrupt, "{refused}");
        // Nothing of it has happened.
        let rest = array.isel("lat", 2..).unwrap();
        let before = rest.read_buf().await.unwrap();
        assert_eq!(
            before.as_slice::<i32>().unwrap(),
            &cells().as_slice::<i32>().unwrap()[28..]
        );
        rest.fill(2_i32).await.unwrap();
        array.all().write_buf(cells()).await.unwrap();
        assert_eq!(read(folder.path()).await.unwrap(), cells());
        assert_eq!(check(folder.path(), false).await.unwrap(), []);
    }
}

/// What a process that has gone says of itself in a head.
fn gone() -> Value {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap();
    let place = format!("{} {}", boot.trim(), space.display());
    json!({"pid": 4_194_999, "start": 1, "place": place, "host": "here", "program": "gone"})
}

/// Whoever meets such a change is told at once, and a repair lets everybody go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_cells_are_lost_is_given_up_by_a_repair() {
    let folder = make(&json!({"chunks": [2, 1, 3]})).await;
    let all = objects(folder.path());
    let head = all.iter().find(|path| path.contains("/arrays/")).unwrap();
    let place = folder.path().join(head);
    let mut document: Value = serde_json::from_slice(&std::fs::read(&place).unwrap()).unwrap();
    document["generation"] = json!(1);
    document["change"] = json!({
        "id": "00000000-0000-4000-8000-000000000001",
        "slabs": [[[0, 5, 1], [0, 2, 1], [0, 7, 1]]],
        "bytes": 280,
        "writer": gone(),
    });
    std::fs::write(&place, document.to_string()).unwrap();
    let array = array(folder.path()).await;
    let lost = |error: hyperslab_core::Error| {
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.message().contains("check --repair"), "{error}");
    };
    lost(array.all().read_buf().await.unwrap_err());
    lost(array.all().fill(1_i32).await.unwrap_err());
    let findings = check(folder.path(), true).await.unwrap();
    let told = findings
        .iter()
        .any(|found| found.kind == FindingKind::Corrupt && found.repaired);
    assert!(told, "{findings:?}");
    assert_eq!(check(folder.path(), false).await.unwrap(), []);
    assert_eq!(read(folder.path()).await.unwrap(), cells());
    array.all().fill(1_i32).await.unwrap();
}

/// The first writer of a chunk was killed before it could mark it; the next one does.
#[tokio::test(flavor = "multi_thread")]
async fn a_later_write_records_what_an_earlier_one_could_not() {
    let folder = make(&json!({"chunks": [2, 1, 3]})).await;
    remake_empty(folder.path()).await;
    let one = async || {
        let array = array(folder.path()).await;
        let one = array.isel("lat", 0).unwrap().isel("side", 0).unwrap();
        one.isel("x", 0).unwrap().fill(7_i32).await.unwrap();
    };
    one().await;
    let marks = |all: Vec<String>| all.into_iter().filter(|path| path.contains("/stored/"));
    for mark in marks(objects(folder.path())) {
        std::fs::remove_file(folder.path().join(mark)).unwrap();
    }
    one().await;
    assert_eq!(marks(objects(folder.path())).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_that_was_lost_is_told_from_one_that_was_deleted() {
    let folder = make(&json!({"chunks": [2, 1, 3]})).await;
    let remove = |path: &str| std::fs::remove_file(folder.path().join(path)).unwrap();
    remove(".hyperslab/collections/c.json");
    let before = objects(folder.path());
    for repair in [false, true] {
        let findings = check(folder.path(), repair).await.unwrap();
        let [only] = findings.as_slice() else {
            panic!("{findings:?}")
        };
        assert_eq!(only.kind, FindingKind::CollectionUnreadable);
        assert!(!only.repairable && only.subject == "c", "{only:?}");
    }
    assert_eq!(objects(folder.path()), before);
    // A deletion takes the group away before the document.
    remove("c/zarr.json");
    let findings = check(folder.path(), true).await.unwrap();
    let swept = |found: &Finding| found.kind == FindingKind::Leftover && found.repaired;
    assert!(
        !findings.is_empty() && findings.iter().all(swept),
        "{findings:?}"
    );
    assert_eq!(objects(folder.path()), ["hyperslab.json"]);
    assert_eq!(check(folder.path(), false).await.unwrap(), []);
}

/// A name under which another program has put something is not taken, nor a place.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_others_is_written_over() {
    let folder = make(&json!({})).await;
    let store = open(folder.path()).await.unwrap();
    let schema = || {
        Schema::builder(DType::Int8)
            .dimension(Dimension::new("x", 1))
            .build()
            .unwrap()
    };
    for path in [
        "era.zarr/zarr.json",
        "era2.zarr/.zgroup",
        "plain/t/zarr.json",
    ] {
        let place = folder.path().join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(&place, "not ours").unwrap();
        let name = path.split('/').next().unwrap();
        let refused = store.create_collection(name, schema()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "{refused}");
        assert!(refused.message().contains(name), "{refused}");
        let error = store.delete_collection(name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(std::fs::read(&place).unwrap(), b"not ours");
    }
    store.delete_collection("c").await.unwrap();
    store.create_collection("c", schema()).await.unwrap();
}
