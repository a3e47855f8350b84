//! The contract on a disk, and what only a disk can do wrong.

use std::os::unix::fs::PermissionsExt;

use futures::TryStreamExt;
use hyperslab_core::ErrorKind;

use super::super::contract_tests::check_contract;
use super::*;

fn folder() -> (tempfile::TempDir, Arc<LocalObjects>) {
    let folder = tempfile::tempdir().unwrap();
    let objects = Arc::new(LocalObjects::open(folder.path()).unwrap());
    (folder, objects)
}

async fn put(objects: &LocalObjects, key: &str, condition: Condition) -> Result<Put> {
    let bytes = Bytes::from_static(b"x");
    objects
        .put(key, bytes, condition, Durability::Relaxed)
        .await
}

async fn keys(objects: &LocalObjects) -> Vec<String> {
    let listed: Vec<_> = objects.list("").try_collect().await.unwrap();
    listed.into_iter().map(|listed| listed.key).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_disk_keeps_the_contract() {
    let (folder, objects) = folder();
    assert_eq!(objects.promises().writers, WriterScope::Host);
    check_contract(Arc::<LocalObjects>::clone(&objects)).await;
    let left = std::fs::read_dir(folder.path().join(".hyperslab/tmp")).unwrap();
    assert_eq!(left.count(), 0, "temporary files are left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_openings_keep_each_other_out() {
    let (folder, objects) = folder();
    let other = Arc::new(LocalObjects::open(folder.path()).unwrap());
    put(&objects, "start", Condition::None).await.unwrap();
    let start = Bytes::from_static(b"0 start");
    objects
        .put("counter", start, Condition::None, Durability::Relaxed)
        .await
        .unwrap();
    let tasks: Vec<_> = (0..6)
        .map(|writer| {
            let objects = Arc::clone(if writer % 2 == 0 { &objects } else { &other });
            tokio::spawn(async move {
                for _ in 0..40 {
                    super::super::contract_tests::count_one(&*objects, "counter", writer).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let object = objects.get("counter").await.unwrap().unwrap();
    assert!(object.bytes.starts_with(b"240 "), "{:?}", object.bytes);
}

#[tokio::test]
async fn a_number_of_a_file_that_comes_again_is_another_version() {
    let (_folder, objects) = folder();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..500 {
        let Put::Done(version) = put(&objects, "a", Condition::None).await.unwrap() else {
            panic!("refused");
        };
        assert!(seen.insert(version.clone()), "{version:?} came twice");
        assert_eq!(objects.version("a").await.unwrap(), Some(version));
    }
}

#[tokio::test]
async fn machinery_is_not_shown() {
    let (folder, objects) = folder();
    put(&objects, "a", Condition::Absent).await.unwrap();
    assert!(folder.path().join(".hyperslab/stripes").is_dir());
    std::fs::write(folder.path().join(".hyperslab/tmp/1-2-3"), b"half").unwrap();
    assert_eq!(keys(&objects).await, ["a"]);
    assert!(objects.list_level("").await.unwrap().folders.is_empty());
    put(&objects, ".hyperslab/locks/x", Condition::None)
        .await
        .unwrap();
    assert_eq!(
        objects.list_level("").await.unwrap().folders,
        [".hyperslab"]
    );
    assert_eq!(
        objects.list_level(".hyperslab").await.unwrap().folders,
        ["locks"]
    );
    assert_eq!(keys(&objects).await, ["a", ".hyperslab/locks/x"]);
    for key in [".hyperslab/tmp/x", ".hyperslab/stripes/00"] {
        let refused = put(&objects, key, Condition::None).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn leftovers_of_dead_processes_are_swept() {
    let (folder, _) = folder();
    let temporaries = folder.path().join(".hyperslab/tmp");
    std::fs::create_dir_all(&temporaries).unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    let own = format!("{}-0-0", std::process::id());
    // No process has this number: it is above the highest that Linux gives.
    for (name, is_old) in [("4194999-0-0", true), ("4194999-0-1", false), (&own, true)] {
        let file = std::fs::File::create(temporaries.join(name)).unwrap();
        if is_old {
            file.set_modified(old).unwrap();
        }
    }
    let objects = LocalObjects::open(folder.path()).unwrap();
    put(&objects, "a", Condition::None).await.unwrap();
    let mut left: Vec<_> = std::fs::read_dir(&temporaries)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    let mut expected = ["4194999-0-1".to_owned(), own];
    expected.sort();
    assert_eq!(left, expected);
}

#[tokio::test]
async fn a_key_cannot_be_a_folder_of_another() {
    let (folder, objects) = folder();
    put(&objects, "a/b", Condition::None).await.unwrap();
    for key in ["a", "a/b/c"] {
        for condition in [Condition::None, Condition::Absent] {
            let refused = put(&objects, key, condition).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
        }
        assert!(objects.get(key).await.unwrap().is_none());
        objects
            .delete(vec![key.to_owned()], Durability::Relaxed)
            .await
            .unwrap();
    }
    assert_eq!(keys(&objects).await, ["a/b"]);
    // But a folder without any object is in nobody's way.
    std::fs::create_dir_all(folder.path().join("empty")).unwrap();
    put(&objects, "empty", Condition::Absent).await.unwrap();
}

#[tokio::test]
async fn a_read_only_folder_can_be_read() {
    let (folder, objects) = folder();
    put(&objects, "a/b", Condition::None).await.unwrap();
    let name = folder.path().join("a");
    let set = |mode| {
        std::fs::set_permissions(&name, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(0o555);
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    let reader = LocalObjects::open(folder.path()).unwrap();
    assert!(reader.get("a/b").await.unwrap().is_some());
    assert_eq!(keys(&reader).await, ["a/b"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before);
    // The superuser may write anywhere.
    if !rustix::process::geteuid().is_root() {
        let refused = put(&reader, "a/c", Condition::None).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Denied);
    }
    set(0o755);
}

/// Folders go with their last object, while others put into them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deleting_a_folder_does_not_disturb_a_put() {
    let (_folder, objects) = folder();
    let tasks: Vec<_> = (0..6)
        .map(|task| {
            let objects = Arc::clone(&objects);
            tokio::spawn(async move {
                for round in 0..150 {
                    let key = format!("deep/er/folder/{task}");
                    let condition = match round % 2 {
                        0 => Condition::Absent,
                        _ => Condition::None,
                    };
                    put(&objects, &key, condition).await.unwrap();
                    assert!(objects.get(&key).await.unwrap().is_some());
                    objects
                        .delete(vec![key], Durability::Relaxed)
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(keys(&objects).await.is_empty());
    assert!(objects.list_level("").await.unwrap().folders.is_empty());
}

/// A listing finds every object that is there all the time, however often it is replaced meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_listing_loses_nothing_that_is_replaced() {
    let (_folder, objects) = folder();
    for index in 0..300 {
        put(&objects, &format!("c/{index}"), Condition::None)
            .await
            .unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let (objects, stop) = (Arc::clone(&objects), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    for index in (writer..300).step_by(3) {
                        put(&objects, &format!("c/{index}"), Condition::None)
                            .await
                            .unwrap();
                    }
                }
            })
        })
        .collect();
    for _ in 0..50 {
        assert_eq!(keys(&objects).await.len(), 300);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_folder_that_another_has_made_anew_is_not_taken_for_safe() {
    let (folder, objects) = folder();
    let root = folder.path().canonicalize().unwrap();
    let bytes = Bytes::from_static(b"x");
    let new = ["a/b/one", "a/b/two", "a/c"].map(|key| (key.to_owned(), bytes.clone().into()));
    objects
        .put_new(new.to_vec(), Durability::Synced)
        .await
        .unwrap();
    assert_eq!(keys(&objects).await.len(), 3);
    let is_safe = |path: &str| objects.disk.is_safe(&root.join(path)).unwrap();
    assert!(is_safe("a/b") && is_safe("a") && is_safe(""));
    let other = LocalObjects::open(&root).unwrap();
    let gone = vec!["a/b/one".to_owned(), "a/b/two".to_owned()];
    other.delete(gone, Durability::Relaxed).await.unwrap();
    assert!(!is_safe("a/b"));
    put(&other, "a/b/three", Condition::None).await.unwrap();
    assert!(!is_safe("a/b") && is_safe("a"));
    objects
        .put("a/b/four", bytes, Condition::None, Durability::Synced)
        .await
        .unwrap();
    assert!(is_safe("a/b"));
}
