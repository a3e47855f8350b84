//! Media that refuse: no permission, no space. Each is tried by a process of its own, because both belong to a process.
#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{OPTIONS, Sample};
use hyperslab_core::{
    ArrayBuf, ArrayLocator, ArrayMeta, Attributes, CollectionMeta, DType, ErrorKind, Hyperslab,
    Scalar, StorageAdapter, WriteData,
};
use hyperslab_hdf5::Hdf5Adapter;
use std::sync::Arc;
use uuid::Uuid;

const CASE: &str = "HYPERSLAB_MEDIUM_CASE";
const STORE: &str = "HYPERSLAB_MEDIUM_STORE";

/// What the other process does; nothing when this is the first one.
#[test]
fn medium_worker() {
    let Ok(case) = std::env::var(CASE) else {
        return;
    };
    let store = PathBuf::from(std::env::var_os(STORE).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match case.as_str() {
        "read-only" => runtime.block_on(read_only(&store)),
        "full" => runtime.block_on(full(&store)),
        other => panic!("there is no case {other}"),
    }
}

async fn open(path: &Path) -> (Hdf5Adapter, Arc<CollectionMeta>) {
    let store = Hdf5Adapter::open(path).await.unwrap();
    let collection = Arc::new(store.read_collection("c").await.unwrap());
    (store, collection)
}

fn key(k: i64) -> Attributes {
    Attributes::from_iter([("k", k)])
}

fn new_array(k: i64) -> ArrayMeta {
    ArrayMeta {
        id: Uuid::new_v4(),
        key: key(k),
        custom: Attributes::new(),
    }
}

async fn read_only(path: &Path) {
    let (store, collection) = open(path).await;
    let handle = store
        .open_array(&collection, &ArrayLocator::Key(key(1)))
        .await
        .unwrap();
    let slab = Hyperslab::full(&[20, 15]);
    let out = ArrayBuf::zeroed(DType::Int32, &[20, 15]).unwrap();
    handle.read_into(&slab, out).await.unwrap();
    let id = handle.meta().await.unwrap().id;
    store
        .open_array(&collection, &ArrayLocator::Id(id))
        .await
        .unwrap();

    let denied = |result: hyperslab_core::Result<()>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    };
    let data = WriteData::Scalar(Scalar::Int32(1));
    denied(handle.write(&slab, data, &OPTIONS).await);
    let array = new_array(2);
    denied(
        store
            .create_array(&collection, &array, None, &OPTIONS)
            .await,
    );
    denied(
        store
            .delete_array(&collection, &ArrayLocator::Key(key(1)), &OPTIONS)
            .await,
    );
    denied(store.delete_collection("c", &OPTIONS).await);
    let other = CollectionMeta {
        name: "d".to_owned(),
        id: Uuid::new_v4(),
        ..(*collection).clone()
    };
    denied(store.create_collection(&other).await.map(drop));
    denied(
        store
            .open_array(&collection, &ArrayLocator::Key(key(3)))
            .await
            .map(drop),
    );
}

async fn full(path: &Path) {
    let (store, collection) = open(path).await;
    let noise: Vec<i32> = (0..300_i32)
        .map(|number| number.wrapping_mul(-1_640_531_535))
        .collect();
    let cells = ArrayBuf::from_slice(&[20, 15], &noise).unwrap();
    let array = new_array(2);
    let refused = store
        .create_array(&collection, &array, Some(cells.clone()), &OPTIONS)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused}");
    let handle = store
        .open_array(&collection, &ArrayLocator::Key(key(1)))
        .await
        .unwrap();
    let slab = Hyperslab::full(&[20, 15]);
    let refused = handle
        .write(&slab, WriteData::Cells(cells), &OPTIONS)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused}");
}

/// A copy of this program that everybody may run.
fn program(folder: &Path) -> PathBuf {
    let copy = folder.join("worker");
    // Written by another process: a program that is open for writing cannot be run, and any process that is started
    // meanwhile would inherit the open file.
    succeeds(
        Command::new("cp")
            .arg(std::env::current_exe().unwrap())
            .arg(&copy),
    );
    set_mode(folder, 0o755);
    set_mode(&copy, 0o755);
    copy
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn set_modes(path: &Path, folders: u32, files: u32) {
    if path.is_dir() {
        set_mode(path, folders | 0o700);
        for entry in std::fs::read_dir(path).unwrap() {
            set_modes(&entry.unwrap().path(), folders, files);
        }
        set_mode(path, folders);
    } else {
        set_mode(path, files);
    }
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn a_store_that_may_only_be_read_can_be_read() {
    let sample = Sample::new("deflate").await;
    let unreadable = new_array(3);
    sample
        .store
        .create_array(&sample.collection, &unreadable, None, &OPTIONS)
        .await
        .unwrap();
    set_modes(&sample.root(), 0o555, 0o444);
    set_mode(&sample.root().join("c/arrays/k=3.nc"), 0);
    set_mode(sample.root().parent().unwrap(), 0o755);
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program(folder.path()));
    command
        .args(["medium_worker", "--exact", "--nocapture"])
        .env(CASE, "read-only")
        .env(STORE, sample.root());
    // Nothing is forbidden to root.
    if rustix::process::getuid().is_root() {
        command.uid(65534).gid(65534);
    }
    succeeds(&mut command);
    set_modes(&sample.root(), 0o755, 0o644);
    assert_eq!(common::findings(&sample, false).await, []);
}

#[tokio::test]
async fn a_full_disk_changes_nothing() {
    let sample = Sample::new("deflate").await;
    let before = std::fs::read(&sample.file).unwrap();
    // A limit on the size of files stands for the disk: what is written beyond it fails half-way.
    let limited = "trap '' XFSZ; ulimit -f 2; exec \"$0\" medium_worker --exact --nocapture";
    let mut command = Command::new("sh");
    command
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .env(CASE, "full")
        .env(STORE, sample.root());
    succeeds(&mut command);
    assert_eq!(std::fs::read(&sample.file).unwrap(), before);
    assert_eq!(common::findings(&sample, false).await, []);
    let temporaries = sample.root().join("c/.hyperslab/tmp");
    assert_eq!(std::fs::read_dir(temporaries).unwrap().count(), 0);
}
