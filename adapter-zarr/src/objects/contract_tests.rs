//! The contract of [`Objects`] as tests: every implementation passes them.

use std::collections::BTreeSet;
use std::slice::from_ref;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use hyperslab_core::{Durability, ErrorKind};

use super::*;

/// Keys with what stems may hold, and more.
const HOSTILE_KEYS: [&str; 12] = [
    "level=2,station=A%2F1",
    "a%2Fb",
    "a%252Fb",
    "tilde~0123;(x)'!*",
    "étage/日本/Ωmega",
    "Case/x",
    "case/x",
    "space in name/+plus+",
    "q?uestion#hash&and",
    "dots/...",
    ".hidden/.file",
    "back\\slash:colon|pipe\"quote<>[]{}^`$@",
];

/// Runs the whole contract against an empty medium.
pub(super) async fn check_contract(objects: Arc<dyn Objects>) {
    check_whole_objects(&*objects).await;
    check_conditions(&*objects).await;
    check_versions(&*objects).await;
    check_ranges(&*objects).await;
    check_tails(&*objects).await;
    check_deletes(&*objects).await;
    check_conditional_delete(&*objects).await;
    check_keys(&*objects).await;
    check_lists(&*objects).await;
    check_races(&objects).await;
    check_many(&*objects).await;
}

async fn put(objects: &dyn Objects, key: &str, bytes: &'static [u8], condition: Condition) -> Put {
    let bytes = Bytes::from_static(bytes);
    objects
        .put(key, bytes, condition, Durability::Synced)
        .await
        .unwrap()
}

async fn put_done(objects: &dyn Objects, key: &str, bytes: &'static [u8]) -> Version {
    match put(objects, key, bytes, Condition::None).await {
        Put::Done(version) => version,
        Put::Refused => panic!("a put without a condition was refused"),
    }
}

async fn keys(objects: &dyn Objects, prefix: &str) -> Vec<String> {
    let listed: Vec<_> = objects.list(prefix).try_collect().await.unwrap();
    let mut keys: Vec<_> = listed.into_iter().map(|listed| listed.key).collect();
    keys.sort_unstable();
    keys
}

async fn check_whole_objects(objects: &dyn Objects) {
    assert!(objects.get("whole/a").await.unwrap().is_none());
    assert_eq!(objects.version("whole/a").await.unwrap(), None);
    let version = put_done(objects, "whole/a", b"one").await;
    let object = objects.get("whole/a").await.unwrap().unwrap();
    assert_eq!(
        (&object.bytes[..], &object.version),
        (&b"one"[..], &version)
    );
    assert_eq!(objects.version("whole/a").await.unwrap(), Some(version));
    put_done(objects, "whole/a", b"").await;
    assert_eq!(
        objects.get("whole/a").await.unwrap().unwrap().bytes.len(),
        0
    );
    // A prefix is no object.
    assert!(objects.get("whole").await.unwrap().is_none());
    assert_eq!(objects.version("whole").await.unwrap(), None);
    assert!(objects.get_tail("whole", 8).await.unwrap().is_none());
    assert!(matches!(
        objects
            .get_ranges("whole", from_ref(&(0..1)), None)
            .await
            .unwrap(),
        Ranges::Absent
    ));
}

async fn check_conditions(objects: &dyn Objects) {
    let key = "conditions/a";
    let nobody = Condition::Is(put_done(objects, "conditions/other", b"x").await);
    assert_eq!(put(objects, key, b"0", nobody).await, Put::Refused);
    assert!(objects.get(key).await.unwrap().is_none());
    let Put::Done(first) = put(objects, key, b"1", Condition::Absent).await else {
        panic!("an absent object was not created");
    };
    assert_eq!(
        put(objects, key, b"2", Condition::Absent).await,
        Put::Refused
    );
    let Put::Done(second) = put(objects, key, b"3", Condition::Is(first.clone())).await else {
        panic!("a fresh swap was refused");
    };
    assert_ne!(first, second);
    assert_eq!(
        put(objects, key, b"4", Condition::Is(first)).await,
        Put::Refused
    );
    let object = objects.get(key).await.unwrap().unwrap();
    assert_eq!((&object.bytes[..], object.version), (&b"3"[..], second));
}

async fn check_versions(objects: &dyn Objects) {
    let first = put_done(objects, "versions/a", b"same").await;
    for _ in 0..3 {
        let other = put_done(objects, "versions/a", b"else").await;
        assert_ne!(other, first);
    }
    let again = put_done(objects, "versions/a", b"same").await;
    if objects.promises().distinct_versions {
        assert_ne!(first, again, "two states share a version");
    }
}

async fn check_ranges(objects: &dyn Objects) {
    let content: Bytes = (0..3_000_000_u32)
        .map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1])
        .collect();
    let none = objects
        .get_ranges("ranges/a", from_ref(&(0..1)), None)
        .await
        .unwrap();
    assert!(matches!(none, Ranges::Absent));
    let put = objects.put(
        "ranges/a",
        content.clone(),
        Condition::None,
        Durability::Synced,
    );
    let Put::Done(version) = put.await.unwrap() else {
        panic!("refused");
    };
    let asked = [
        2_999_990..3_000_000,
        0..10,
        5..20,
        1_500_000..1_500_000,
        1_400_000..1_400_001,
    ];
    for expected in [None, Some(&version)] {
        let read = objects
            .get_ranges("ranges/a", &asked, expected)
            .await
            .unwrap();
        let Ranges::Found {
            parts,
            version: found,
        } = read
        else {
            panic!("{read:?}");
        };
        assert_eq!(found, version);
        for (range, part) in asked.iter().zip(parts) {
            let start = usize::try_from(range.start).unwrap();
            let end = usize::try_from(range.end).unwrap();
            assert_eq!(content.slice(start..end), part);
        }
    }
    for beyond in [
        2_999_999..3_000_001,
        3_000_000..3_000_001,
        9_000_000..9_000_010,
    ] {
        let error = objects
            .get_ranges("ranges/a", &[0..1, beyond], None)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
    let empty = objects
        .get_ranges("ranges/a", from_ref(&(0..0)), None)
        .await
        .unwrap();
    assert!(matches!(empty, Ranges::Found { parts, .. } if parts == [Bytes::new()]));
    let absent = objects
        .get_ranges("ranges/b", from_ref(&(0..0)), None)
        .await
        .unwrap();
    assert!(matches!(absent, Ranges::Absent));
    put_done(objects, "ranges/a", b"another").await;
    for asked in [0..1, 0..0] {
        let changed = objects
            .get_ranges("ranges/a", from_ref(&asked), Some(&version))
            .await
            .unwrap();
        assert!(matches!(changed, Ranges::Changed), "{changed:?}");
    }
}

async fn check_tails(objects: &dyn Objects) {
    assert!(objects.get_tail("tails/a", 4).await.unwrap().is_none());
    let version = put_done(objects, "tails/a", b"0123456789").await;
    for (length, expected) in [
        (4, &b"6789"[..]),
        (10, b"0123456789"),
        (99, b"0123456789"),
        (0, b""),
    ] {
        let tail = objects.get_tail("tails/a", length).await.unwrap().unwrap();
        assert_eq!(
            (&tail.bytes[..], tail.size, &tail.version),
            (expected, 10, &version)
        );
    }
    put_done(objects, "tails/a", b"").await;
    let tail = objects.get_tail("tails/a", 4).await.unwrap().unwrap();
    assert_eq!((tail.bytes.len(), tail.size), (0, 0));
}

async fn check_deletes(objects: &dyn Objects) {
    for key in ["deletes/a/x", "deletes/a/y", "deletes/b"] {
        put_done(objects, key, b"x").await;
    }
    let gone = ["deletes/a/x", "deletes/absent/z", "deletes/a/y"];
    objects
        .delete(
            gone.iter().map(ToString::to_string).collect(),
            Durability::Synced,
        )
        .await
        .unwrap();
    objects
        .delete(
            gone.iter().map(ToString::to_string).collect(),
            Durability::Synced,
        )
        .await
        .unwrap();
    objects
        .delete(Vec::new(), Durability::Synced)
        .await
        .unwrap();
    assert_eq!(keys(objects, "deletes").await, ["deletes/b"]);
    assert_eq!(
        objects.list_level("deletes").await.unwrap().folders,
        [""; 0]
    );
    // What was a prefix can be an object, and the other way round.
    put_done(objects, "deletes/a", b"x").await;
    objects
        .delete(vec!["deletes/a".to_owned()], Durability::Synced)
        .await
        .unwrap();
    put_done(objects, "deletes/a/x", b"x").await;
    assert_eq!(keys(objects, "deletes").await, ["deletes/a/x", "deletes/b"]);
}

async fn check_conditional_delete(objects: &dyn Objects) {
    let key = "conditional/a";
    let old = put_done(objects, key, b"1").await;
    let new = put_done(objects, key, b"2").await;
    let delete = |version| async move { objects.delete_if(key, version, Durability::Synced).await };
    if !objects.promises().conditional_delete {
        assert_eq!(
            delete(&new).await.unwrap_err().kind(),
            ErrorKind::Unsupported
        );
        return;
    }
    assert!(!delete(&old).await.unwrap());
    assert!(objects.get(key).await.unwrap().is_some());
    assert!(delete(&new).await.unwrap());
    assert!(objects.get(key).await.unwrap().is_none());
    assert!(!delete(&new).await.unwrap());
}

async fn check_keys(objects: &dyn Objects) {
    let long = format!("long/{}", "n".repeat(255));
    let all: Vec<&str> = HOSTILE_KEYS.into_iter().chain([long.as_str()]).collect();
    for key in &all {
        let bytes = Bytes::from(format!("content of {key}"));
        let key = format!("keys/{key}");
        let put = objects
            .put(&key, bytes, Condition::Absent, Durability::Relaxed)
            .await;
        assert!(matches!(put.unwrap(), Put::Done(_)), "{key}");
    }
    for key in &all {
        let object = objects.get(&format!("keys/{key}")).await.unwrap().unwrap();
        assert_eq!(object.bytes, format!("content of {key}"));
    }
    let expected: BTreeSet<_> = all.iter().map(|key| format!("keys/{key}")).collect();
    let listed: BTreeSet<_> = keys(objects, "keys").await.into_iter().collect();
    assert_eq!(listed, expected);
    objects
        .delete(expected.into_iter().collect(), Durability::Relaxed)
        .await
        .unwrap();
    assert_eq!(keys(objects, "keys").await, [""; 0]);
    for key in ["", "/", "/a", "a/", "a//b", "a/../b", ".", "a\0b", "a\nb"] {
        let error = objects.get(key).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{key:?}");
        let put = objects
            .put(key, Bytes::new(), Condition::None, Durability::Synced)
            .await;
        assert_eq!(put.unwrap_err().kind(), ErrorKind::InvalidInput, "{key:?}");
    }
}

async fn check_lists(objects: &dyn Objects) {
    for key in [
        "lists/a",
        "lists/b/x",
        "lists/b/y/z",
        "lists/bb/x",
        "lists/b.json",
        "lists-not/x",
    ] {
        put_done(objects, key, b"12").await;
    }
    assert_eq!(keys(objects, "lists/b").await, ["lists/b/x", "lists/b/y/z"]);
    assert_eq!(
        keys(objects, "lists/a").await,
        [""; 0],
        "an object is not below itself"
    );
    assert_eq!(keys(objects, "lists/none").await, [""; 0]);
    assert!(keys(objects, "").await.contains(&"lists-not/x".to_owned()));
    let level = objects.list_level("lists").await.unwrap();
    assert_eq!(level.folders, ["b", "bb"]);
    let listed = |key: &str| Listed {
        key: key.to_owned(),
        size: 2,
    };
    assert_eq!(level.objects, [listed("lists/a"), listed("lists/b.json")]);
    assert_eq!(
        objects.list_level("lists/none").await.unwrap(),
        Level::default()
    );
    let root = objects.list_level("").await.unwrap();
    assert!(root.folders.contains(&"lists-not".to_owned()) && root.objects.is_empty());
    for bad in ["/", "lists/", "../x"] {
        objects.list_level(bad).await.unwrap_err();
        objects.list(bad).try_collect::<Vec<_>>().await.unwrap_err();
    }
}

/// Of those who create one object at once one wins; of those who count by swaps nobody loses a count.
async fn check_races(objects: &Arc<dyn Objects>) {
    const WRITERS: u32 = 8;
    const COUNTS: u32 = 12;
    for round in 0..10 {
        let create = |writer: u32| {
            let (objects, key) = (Arc::clone(objects), format!("races/create{round}"));
            tokio::spawn(async move {
                let bytes = Bytes::from(writer.to_string());
                let put = objects.put(&key, bytes, Condition::Absent, Durability::Relaxed);
                put.await.unwrap() != Put::Refused
            })
        };
        let tasks: Vec<_> = (0..WRITERS).map(create).collect();
        let mut winners = Vec::new();
        for (writer, task) in tasks.into_iter().enumerate() {
            if task.await.unwrap() {
                winners.push(writer.to_string());
            }
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        let object = objects
            .get(&format!("races/create{round}"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(object.bytes, winners[0]);
    }
    put_done(&**objects, "races/counter", b"0 start").await;
    let count = |writer: u32| {
        let objects = Arc::clone(objects);
        tokio::spawn(async move {
            for _ in 0..COUNTS {
                count_one(&*objects, "races/counter", writer).await;
            }
        })
    };
    let tasks: Vec<_> = (0..WRITERS).map(count).collect();
    for task in tasks {
        task.await.unwrap();
    }
    let object = objects.get("races/counter").await.unwrap().unwrap();
    let text = String::from_utf8(object.bytes.to_vec()).unwrap();
    assert!(
        text.starts_with(&format!("{} ", WRITERS * COUNTS)),
        "{text}"
    );
}

pub(super) async fn count_one(objects: &dyn Objects, key: &str, writer: u32) {
    loop {
        let object = objects.get(key).await.unwrap().unwrap();
        let text = String::from_utf8(object.bytes.to_vec()).unwrap();
        let count: u32 = text.split(' ').next().unwrap().parse().unwrap();
        let bytes = Bytes::from(format!("{} by {writer}", count + 1));
        let condition = Condition::Is(object.version);
        let put = objects.put(key, bytes, condition, Durability::Relaxed);
        if put.await.unwrap() != Put::Refused {
            return;
        }
    }
}

/// More objects than one page of a listing, and than one request of a deletion.
async fn check_many(objects: &dyn Objects) {
    const COUNT: usize = 2600;
    let mut expected = Vec::new();
    for index in 0..COUNT {
        let key = format!("many/c/{}/{index}", index % 3);
        let put = objects.put(&key, Bytes::new(), Condition::None, Durability::Relaxed);
        put.await.unwrap();
        expected.push(key);
    }
    expected.sort_unstable();
    assert_eq!(keys(objects, "many").await, expected);
    assert_eq!(
        objects.list_level("many/c").await.unwrap().folders,
        ["0", "1", "2"]
    );
    objects.delete(expected, Durability::Relaxed).await.unwrap();
    assert_eq!(keys(objects, "many").await, [""; 0]);
}
