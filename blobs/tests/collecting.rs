//! What nothing names goes when it is old, and nothing else does.
#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

use std::collections::HashSet;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use hyperslab_blobs::{
    BlobKey, BlobRepository, Blobs, CollectPlan, ContainerBlobs, ContainerOptions, MemoryBlobs,
    PackOptions, UNWATCHED, transfer,
};
use hyperslab_core::ErrorKind;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const DONE: CollectPlan = CollectPlan {
    age: DAY,
    dry_run: false,
};

fn container() -> (ContainerBlobs, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = ContainerBlobs::create(&folder.path().join("c"), &ContainerOptions::default());
    (blobs.unwrap(), folder)
}

/// Makes all that is in a container two days older.
fn age(blobs: &ContainerBlobs) {
    let then = SystemTime::now() - 2 * DAY;
    let mut folders = vec![blobs.path().join("loose"), blobs.path().join("packs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let file = std::fs::File::options().append(true).open(&path).unwrap();
            file.set_modified(then).unwrap();
        }
    }
}

fn pack(blobs: &ContainerBlobs) {
    let options = PackOptions {
        clean: true,
        ..PackOptions::default()
    };
    blobs.pack_loose(&options, UNWATCHED).unwrap();
}

fn put(blobs: &impl BlobRepository, content: &[u8]) -> BlobKey {
    blobs.put_bytes(content).unwrap().key
}

#[test]
fn what_is_old_and_unnamed_goes() {
    for packed in [false, true] {
        let (blobs, _folder) = container();
        let [named, old, renewed, again] =
            [&b"named"[..], b"old", b"renewed", b"again"].map(|content| put(&blobs, content));
        if packed {
            pack(&blobs);
        }
        age(&blobs);
        // One that is put again, alone or with others, is young.
        assert!(blobs.put_bytes(b"renewed").unwrap().existed);
        let mut sources = [Ok(Box::new(&b"again"[..]) as Box<dyn Read>)].into_iter();
        assert!(blobs.put_many(&mut sources).unwrap()[0].existed);
        // What is not there is told.
        let gone = BlobKey::parse(blobs.info().key_format, &"0".repeat(64)).unwrap();
        let mut roots = || Ok(HashSet::from([named, gone]));
        let dry = CollectPlan {
            dry_run: true,
            ..DONE
        };
        for plan in [dry, DONE] {
            let report = blobs.collect(&plan, &mut roots).unwrap();
            assert_eq!((report.live, report.young, report.deleted), (1, 2, 1));
            assert_eq!((report.deleted_bytes, report.missing), (3, vec![gone]));
            assert_eq!(blobs.has(&old).unwrap(), plan.dry_run);
        }
        for key in [named, renewed, again] {
            blobs.sha256(&key).unwrap();
        }
        let now = CollectPlan {
            age: Duration::ZERO,
            ..DONE
        };
        assert_eq!(blobs.collect(&now, &mut roots).unwrap().deleted, 2);
        assert_eq!(blobs.findings().unwrap(), []);
        assert!(!blobs.path().join("hyperslab.leases").exists());
    }
}

#[test]
fn in_memory_too() {
    let blobs = MemoryBlobs::new();
    let [named, other] = [&b"named"[..], b"other"].map(|content| put(&blobs, content));
    let mut roots = || Ok(HashSet::from([named]));
    let report = blobs.collect(&DONE, &mut roots).unwrap();
    assert_eq!((report.live, report.young, report.deleted), (1, 1, 0));
    let now = CollectPlan {
        age: Duration::ZERO,
        ..DONE
    };
    assert_eq!(blobs.collect(&now, &mut roots).unwrap().deleted, 1);
    assert!(blobs.has(&named).unwrap() && !blobs.has(&other).unwrap());
}

#[test]
fn roots_that_cannot_be_read_delete_nothing() {
    let (blobs, _folder) = container();
    let key = put(&blobs, b"kept");
    let now = CollectPlan {
        age: Duration::ZERO,
        ..DONE
    };
    let mut roots = || Err(hyperslab_core::Error::unavailable("the store is away"));
    let error = blobs.collect(&now, &mut roots).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    blobs.sha256(&key).unwrap();
}

/// A line that was cut off costs that line only.
#[test]
fn a_line_that_was_cut_off_costs_no_other() {
    let (blobs, _folder) = container();
    let key = put(&blobs, b"kept");
    pack(&blobs);
    age(&blobs);
    let leases = blobs.path().join("hyperslab.leases");
    std::fs::write(&leases, format!("\n{key} 17\n\n{}", &key.text()[..9])).unwrap();
    assert!(blobs.put_bytes(b"kept").unwrap().existed);
    let report = blobs.collect(&DONE, &mut || Ok(HashSet::new())).unwrap();
    assert_eq!((report.young, report.deleted), (1, 0));
}

/// Whoever puts what is there, at any moment beside one who deletes, has it.
#[test]
fn what_is_put_while_others_delete_is_there() {
    let (blobs, _folder) = container();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..2_u8 {
            let blobs = ContainerBlobs::open(blobs.path()).unwrap();
            let ended = &ended;
            scope.spawn(move || {
                for round in 0..300_u32 {
                    let content = [writer, (round % 7) as u8].repeat(20);
                    let key = put(&blobs, &content);
                    assert_eq!(blobs.content(&key).unwrap(), content, "round {round}");
                }
                ended.store(true, Ordering::Relaxed);
            });
        }
        while !ended.load(Ordering::Relaxed) {
            pack(&blobs);
            age(&blobs);
            blobs.collect(&DONE, &mut || Ok(HashSet::new())).unwrap();
        }
    });
    assert_eq!(blobs.findings().unwrap(), []);
}

/// A second and more passes after it, and the time of a lease is one in seconds.
const SOON: CollectPlan = CollectPlan {
    age: Duration::from_secs(1),
    dry_run: false,
};

/// Whoever names an object that was put long ago, while another one collects who does not know of that yet, keeps it.
fn renewed_while_collecting(blobs: &impl BlobRepository, [renewed, old]: [BlobKey; 2]) {
    let gone = BlobKey::parse(blobs.info().key_format, &"0".repeat(64)).unwrap();
    let mut roots = || {
        assert_eq!(blobs.renew(&[renewed, gone]).unwrap(), [true, false]);
        std::thread::sleep(2 * SOON.age);
        Ok(HashSet::new())
    };
    let report = blobs.collect(&SOON, &mut roots).unwrap();
    assert_eq!((report.deleted, report.young), (1, 1));
    assert_eq!(blobs.has_many(&[renewed, old]).unwrap(), [true, false]);
}

#[test]
fn what_is_renewed_since_a_collection_began_stays() {
    for packed in [false, true] {
        let (blobs, _folder) = container();
        let keys = [&b"renewed"[..], b"old"].map(|content| put(&blobs, content));
        if packed {
            pack(&blobs);
        }
        age(&blobs);
        renewed_while_collecting(&blobs, keys);
    }
    let blobs = MemoryBlobs::new();
    let keys = [&b"renewed"[..], b"old"].map(|content| put(&blobs, content));
    std::thread::sleep(2 * SOON.age);
    renewed_while_collecting(&blobs, keys);
}

/// What a copy finds there is as safe as what it puts.
#[test]
fn what_a_copy_finds_is_young() {
    let (blobs, _folder) = container();
    let key = put(&blobs, b"there");
    pack(&blobs);
    age(&blobs);
    let from = MemoryBlobs::new();
    put(&from, b"there");
    let report = transfer(&from, &blobs, None, &mut |_, _| (), UNWATCHED).unwrap();
    assert_eq!((report.copied, report.existed), (0, 1));
    let report = blobs.collect(&DONE, &mut || Ok(HashSet::new())).unwrap();
    assert_eq!((report.young, report.deleted), (1, 0));
    assert!(blobs.has(&key).unwrap());
}
