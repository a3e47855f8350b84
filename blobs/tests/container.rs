//! Containers: what is packed is there, compressed or not, and so is what is not.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test reports a failure by panicking"
)]

use std::io::{Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicBool, Ordering};

use hyperslab_blobs::{
    BlobFault, BlobKey, BlobRepository, Blobs, CleanOptions, Compress, Compression, ContainerBlobs,
    ContainerOptions, KeyFormat, Missing, PackOptions, Placement, RepackOptions, RepackReport,
    Sha256Digest, UNWATCHED, Verification,
};
use hyperslab_core::ErrorKind;
use rayon::prelude::*;

fn made(pack_size_target: u64) -> (ContainerBlobs, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = ContainerOptions {
        pack_size_target,
        ..ContainerOptions::default()
    };
    let blobs = ContainerBlobs::create(&folder.path().join("c"), &options);
    (blobs.unwrap(), folder)
}

fn packing(compress: Compress, clean: bool) -> PackOptions {
    PackOptions {
        compress,
        clean,
        dry_run: false,
    }
}

fn repack(blobs: &ContainerBlobs, compress: Option<Compress>) -> RepackReport {
    let options = RepackOptions {
        compress,
        dry_run: false,
    };
    blobs.repack(&options, UNWATCHED).unwrap()
}

fn unused_bytes(blobs: &ContainerBlobs) -> u64 {
    let report = blobs.verify(&mut |found| panic!("{found:?}"), UNWATCHED);
    report.unwrap().unused_bytes
}

/// Objects that compress well, badly and not at all.
fn contents() -> Vec<Vec<u8>> {
    let mut state = 1_u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    };
    let mut contents: Vec<Vec<u8>> = (0..20).map(|n| vec![n; usize::from(n) * 5000]).collect();
    contents.extend([10, 1000, 300_000].map(|length| (0..length).map(|_| noise()).collect()));
    contents
}

#[test]
fn packed_objects_are_read_as_loose_ones() {
    for compress in [Compress::Never, Compress::Always, Compress::WhereWorthIt] {
        for clean in [false, true] {
            let (blobs, _folder) = made(100_000);
            let contents = contents();
            let keys: Vec<BlobKey> = contents
                .iter()
                .map(|content| blobs.put_bytes(content).unwrap().key)
                .collect();
            let report = blobs
                .pack_loose(&packing(compress, clean), UNWATCHED)
                .unwrap();
            assert_eq!((report.packed, report.damaged.len()), (23, 0));
            assert_eq!(report.cleaned, if clean { 23 } else { 0 });
            assert_eq!(blobs.usage().unwrap().objects, 23);
            for (key, content) in keys.iter().zip(&contents) {
                assert_eq!(blobs.content(key).unwrap(), *content);
                assert_eq!(blobs.sha256(key).unwrap().to_string(), *key.text());
                let Placement::Packed {
                    stored, compressed, ..
                } = blobs.stat(key).unwrap().unwrap().placement
                else {
                    panic!("{key} is not packed");
                };
                // An empty one has bytes, so that it lies nowhere else does another.
                let is_empty = content.is_empty();
                assert_eq!(is_empty, stored > content.len() as u64);
                assert_eq!(compressed, is_empty || stored < content.len() as u64);
                if compress == Compress::Never {
                    assert_eq!(compressed, is_empty);
                }
            }
            // Again: there is nothing to do.
            assert_eq!(
                blobs
                    .pack_loose(&packing(compress, clean), UNWATCHED)
                    .unwrap()
                    .packed,
                0
            );
            // An object that is put again is there already, packed as it is.
            assert!(blobs.put_bytes(&contents[3]).unwrap().existed);
            assert_eq!(blobs.list().unwrap().count(), 23);
            blobs.delete(&keys[3]).unwrap();
            assert!(!blobs.has(&keys[3]).unwrap());
        }
    }
}

#[test]
fn objects_put_straight_into_packs_are_there_once() {
    for compress in [Compress::Never, Compress::Always, Compress::WhereWorthIt] {
        let (blobs, _folder) = made(100_000);
        let contents = contents();
        // Each twice, and one of them is there already.
        let loose = blobs.put_bytes(&contents[22]).unwrap();
        let twice = || contents.iter().chain(&contents);
        let mut sources = twice().map(|content| {
            let source: Box<dyn Read> = Box::new(content.as_slice());
            Ok(source)
        });
        let puts = blobs.put_packed(&mut sources, compress).unwrap();
        assert_eq!(puts.len(), 46);
        for (number, (put, content)) in puts.iter().zip(twice()).enumerate() {
            assert_eq!(put.existed, number >= 22);
            assert_eq!(put.size, content.len() as u64);
            assert_eq!(blobs.content(&put.key).unwrap(), *content);
        }
        assert_eq!(puts[22].key, loose.key);
        assert_eq!(blobs.list().unwrap().count(), 23);
        // Nothing lies in the packs that belongs to nothing.
        let usage = blobs.usage().unwrap();
        if compress == Compress::Never {
            assert_eq!(usage.stored_bytes, usage.content_bytes + loose.size + 8);
        }
        // A source that fails takes nothing with it that was acknowledged.
        let mut failing = [
            Ok(Box::new(&b"new"[..]) as Box<dyn Read>),
            Err(hyperslab_core::Error::unavailable("gone")),
        ]
        .into_iter();
        assert!(blobs.put_packed(&mut failing, compress).is_err());
        for put in &puts {
            blobs.sha256(&put.key).unwrap();
        }
    }
}

#[test]
fn a_compressed_object_is_read_from_anywhere() {
    let (blobs, _folder) = made(1 << 30);
    let content: Vec<u8> = (0..100_000_u32)
        .flat_map(|n| (n / 7).to_le_bytes())
        .collect();
    let key = blobs.put_bytes(&content).unwrap().key;
    let options = packing(Compress::Always, true);
    blobs.pack_loose(&options, UNWATCHED).unwrap();
    let mut reader = blobs.open(&key).unwrap();
    for place in [399_990, 0, 200_000, 199_999, 65_536, 65_535, 1] {
        let mut out = [0; 10];
        reader.seek(SeekFrom::Start(place)).unwrap();
        reader.read_exact(&mut out).unwrap();
        let place = usize::try_from(place).unwrap();
        assert_eq!(out, content[place..place + 10]);
    }
    assert_eq!(reader.seek(SeekFrom::End(-3)).unwrap(), 399_997);
}

#[test]
fn an_object_that_is_not_what_its_name_says_is_not_packed() {
    let (blobs, _folder) = made(1 << 30);
    let keys = [b"one", b"two"].map(|content| blobs.put_bytes(content).unwrap().key);
    let text = &*keys[0].to_string();
    let file = blobs.path().join("loose").join(&text[..2]).join(&text[2..]);
    std::fs::write(&file, "eno").unwrap();
    let report = blobs
        .pack_loose(&PackOptions::default(), UNWATCHED)
        .unwrap();
    assert_eq!((report.packed, report.damaged), (1, vec![keys[0]]));
    assert_eq!(
        blobs.sha256(&keys[0]).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    // It is healed by putting it again.
    assert!(!blobs.put_bytes(b"one").unwrap().existed);
    assert_eq!(
        blobs
            .pack_loose(&PackOptions::default(), UNWATCHED)
            .unwrap()
            .packed,
        1
    );
    assert_eq!(blobs.content(&keys[0]).unwrap(), b"one");
}

/// Changes one byte of a file.
fn damage(path: &std::path::Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn every_fault_is_told_and_what_has_a_copy_is_healed() {
    let (blobs, _folder) = made(1 << 30);
    let keys = [&b"one"[..], b"two", b"three"].map(|content| blobs.put_bytes(content).unwrap().key);
    let options = packing(Compress::Never, true);
    blobs.pack_loose(&options, UNWATCHED).unwrap();
    assert_eq!(blobs.findings().unwrap(), []);
    let mut sorted = keys;
    sorted.sort();
    // The first in the pack, and it is put again.
    let first = blobs.content(&sorted[0]).unwrap();
    damage(&blobs.path().join("packs/0"), 0);
    let found = blobs.findings().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].fault, found[0].has_copy),
        (BlobFault::PackedDamaged, false)
    );
    assert_eq!(found[0].key, sorted[0].to_string());
    blobs.put_bytes(&first).unwrap();
    assert!(blobs.findings().unwrap()[0].has_copy);
    let cleaned = blobs.clean(&CleanOptions::default()).unwrap();
    assert_eq!((cleaned.healed, cleaned.loose), (vec![sorted[0]], 0));
    assert_eq!(blobs.findings().unwrap(), []);
    assert_eq!(blobs.clean(&CleanOptions::default()).unwrap().loose, 1);
    for key in &keys {
        blobs.sha256(key).unwrap();
    }
    // A pack that is cut off, and one that is gone.
    let bytes = std::fs::read(blobs.path().join("packs/0")).unwrap();
    std::fs::write(blobs.path().join("packs/0"), &bytes[..4]).unwrap();
    let faults = |blobs: &ContainerBlobs| {
        let found = blobs.findings().unwrap().into_iter();
        found.map(|finding| finding.fault).collect::<Vec<_>>()
    };
    assert!(
        faults(&blobs)
            .iter()
            .all(|fault| *fault == BlobFault::PackedDamaged)
    );
    assert!(faults(&blobs).len() >= 2);
    std::fs::remove_file(blobs.path().join("packs/0")).unwrap();
    assert_eq!(faults(&blobs), [BlobFault::PackLost; 3]);
}

#[test]
fn repacking_frees_what_was_deleted_and_loses_nothing() {
    for compress in [None, Some(Compress::Always), Some(Compress::Never)] {
        let (blobs, _folder) = made(100_000);
        let contents = contents();
        let keys: Vec<BlobKey> = contents
            .iter()
            .map(|content| blobs.put_bytes(content).unwrap().key)
            .collect();
        let options = packing(Compress::WhereWorthIt, true);
        blobs.pack_loose(&options, UNWATCHED).unwrap();
        for key in keys.iter().step_by(2) {
            blobs.delete(key).unwrap();
        }
        let mut open = blobs.open(&keys[21]).unwrap();
        assert!(unused_bytes(&blobs) > 0);
        let report = repack(&blobs, compress);
        assert_eq!(report.damaged, []);
        assert!(!report.replaced.is_empty());
        let now = CleanOptions {
            age: std::time::Duration::ZERO,
            dry_run: false,
        };
        // Packs stay for whoever still reads them.
        assert!(
            blobs
                .clean(&CleanOptions::default())
                .unwrap()
                .packs
                .is_empty()
        );
        assert!(!blobs.clean(&now).unwrap().packs.is_empty());
        assert_eq!(
            (unused_bytes(&blobs), blobs.findings().unwrap()),
            (0, vec![])
        );
        for (key, content) in keys.iter().zip(&contents).skip(1).step_by(2) {
            assert_eq!(blobs.content(key).unwrap(), *content);
        }
        let mut content = Vec::new();
        open.read_to_end(&mut content).unwrap();
        assert_eq!(content, contents[21]);
        assert_eq!(repack(&blobs, None).copied, 0);
    }
}

#[test]
fn packers_beside_each_other_lose_nothing() {
    let (blobs, _folder) = made(10_000);
    let root = blobs.path().to_owned();
    std::thread::scope(|scope| {
        for writer in 0..4_u32 {
            let root = &root;
            scope.spawn(move || {
                let blobs = ContainerBlobs::open(root).unwrap();
                for number in 0..60_u32 {
                    let content = (number * 4 + writer).to_le_bytes().repeat(50);
                    let key = blobs.put_bytes(&content).unwrap().key;
                    if number % 10 == 9 {
                        let options = packing(Compress::Never, true);
                        blobs.pack_loose(&options, UNWATCHED).unwrap();
                    }
                    assert_eq!(blobs.content(&key).unwrap(), content);
                }
            });
        }
    });
    let keys: Vec<BlobKey> = blobs.list().unwrap().map(Result::unwrap).collect();
    assert_eq!(keys.len(), 240);
    for key in keys {
        blobs.sha256(&key).unwrap();
    }
}

#[test]
fn containers_of_our_own_have_keys_of_blake3_and_zstd() {
    let folder = tempfile::tempdir().unwrap();
    let options = ContainerOptions {
        key_format: KeyFormat::Blake3,
        compression: Compression::Zstd(3),
        pack_size_target: 100_000,
        ..ContainerOptions::default()
    };
    let root = folder.path().join("c");
    let blobs = ContainerBlobs::create(&root, &options).unwrap();
    let contents = contents();
    let keys: Vec<BlobKey> = contents
        .iter()
        .map(|content| blobs.put_bytes(content).unwrap().key)
        .collect();
    // The BLAKE3 of nothing, as its paper has it.
    assert_eq!(
        keys[0].to_string(),
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    );
    let options = packing(Compress::WhereWorthIt, true);
    blobs.pack_loose(&options, UNWATCHED).unwrap();
    blobs.delete(&keys[3]).unwrap();
    repack(&blobs, Some(Compress::Always));
    drop(blobs);
    let blobs = ContainerBlobs::open(&root).unwrap();
    assert_eq!(blobs.findings().unwrap(), []);
    for (key, content) in keys
        .iter()
        .zip(&contents)
        .filter(|(key, _)| **key != keys[3])
    {
        assert_eq!(blobs.content(key).unwrap(), *content);
        assert_eq!(blobs.sha256(key).unwrap(), Sha256Digest::of(content));
    }
    let compressed = keys.iter().filter(|key| {
        let stat = blobs.stat(key).unwrap();
        stat.is_some_and(|stat| {
            matches!(
                stat.placement,
                Placement::Packed {
                    compressed: true,
                    ..
                }
            )
        })
    });
    assert!(compressed.count() > 10);
    // Nobody else takes it for one of theirs.
    let config = std::fs::read_to_string(root.join("config.json")).unwrap();
    assert!(config.contains("\"container_version\": 2"), "{config}");
    let as_theirs = config.replace("\"container_version\": 2", "\"container_version\": 1");
    std::fs::write(root.join("config.json"), as_theirs).unwrap();
    assert_eq!(
        ContainerBlobs::open(&root).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
}

/// A reader that has read before sees what others have packed since, and the files of which they have removed.
#[test]
fn long_lived_readers_see_what_others_pack() {
    let (blobs, _folder) = made(1 << 30);
    let reader = ContainerBlobs::open(blobs.path()).unwrap();
    let mut keys: Vec<BlobKey> = Vec::new();
    for number in 0..50_u8 {
        keys.push(blobs.put_bytes(&[number; 100]).unwrap().key);
        assert!(reader.has(&keys[0]).unwrap());
        if number % 5 == 4 {
            blobs
                .pack_loose(&packing(Compress::Never, true), UNWATCHED)
                .unwrap();
        }
        if number % 20 == 19 {
            blobs.delete(&keys.remove(3)).unwrap();
            repack(&blobs, None);
            let now = CleanOptions {
                age: std::time::Duration::ZERO,
                dry_run: false,
            };
            blobs.clean(&now).unwrap();
        }
        for key in &keys {
            reader.sha256(key).unwrap();
            assert_eq!(reader.content(key).unwrap().len(), 100);
        }
        assert_eq!(reader.list().unwrap().count(), keys.len());
        assert_eq!(reader.usage().unwrap().objects, keys.len() as u64);
    }
    // Opened before it was packed, read afterwards.
    let key = blobs.put_bytes(b"open").unwrap().key;
    let mut open = reader.open(&key).unwrap();
    blobs
        .pack_loose(&packing(Compress::Never, true), UNWATCHED)
        .unwrap();
    let mut content = Vec::new();
    open.read_to_end(&mut content).unwrap();
    assert_eq!(content, b"open");
}

/// Flipped bits are seen by whoever reads, small objects and large, and where there is another copy that is read.
#[test]
fn flipped_bits_are_seen_and_other_copies_read() {
    for size in [100, 60_000, 70_000, 2_000_000] {
        for compress in [Compress::Never, Compress::Always] {
            let (blobs, _folder) = made(1 << 30);
            let content: Vec<u8> = (0..size)
                .map(|place: u32| (place / 3).to_le_bytes()[0])
                .collect();
            let key = blobs.put_bytes(&content).unwrap().key;
            blobs
                .pack_loose(&packing(compress, true), UNWATCHED)
                .unwrap();
            let pack = blobs.path().join("packs/0");
            let place = usize::try_from(std::fs::metadata(&pack).unwrap().len()).unwrap() / 2;
            damage(&pack, place);
            assert_eq!(blobs.content(&key).unwrap_err().kind(), ErrorKind::Corrupt);
            assert_eq!(blobs.sha256(&key).unwrap_err().kind(), ErrorKind::Corrupt);
            let unchecked = ContainerBlobs::open(blobs.path()).unwrap();
            let unchecked = unchecked.with_verification(Verification::Never);
            assert!(unchecked.content(&key).is_err() || compress == Compress::Never);
            // Put again, it is not taken for one that is there.
            assert!(!blobs.put_bytes(&content).unwrap().existed);
            for _ in 0..3 {
                assert_eq!(blobs.content(&key).unwrap(), content, "{size} {compress:?}");
            }
            let cleaned = blobs.clean(&CleanOptions::default()).unwrap();
            assert_eq!(cleaned.healed, [key]);
            assert_eq!(blobs.clean(&CleanOptions::default()).unwrap().loose, 1);
            assert_eq!(blobs.content(&key).unwrap(), content);
            assert_eq!(blobs.findings().unwrap(), []);
        }
    }
}

/// Another program that does not know our lock appends in the midst of a put: nothing of it is written over, or cut off, and the put
/// says that it has failed.
#[test]
fn what_others_append_meanwhile_stays() {
    for at in [0, 1, 9] {
        let (blobs, _folder) = made(1 << 30);
        let pack = blobs.path().join("packs/0");
        let first = blobs
            .put_packed(&mut sources(&[b"first"]), Compress::Never)
            .unwrap();
        let foreign = b"of another program";
        // More than is gathered, and one that is there already and so is taken back.
        let contents: Vec<Vec<u8>> = (0..10_u8)
            .map(|number| vec![number; 3 << 20])
            .chain([b"first".repeat(50_000)])
            .collect();
        let mut put = contents.iter().enumerate().map(|(number, content)| {
            if number == at {
                use std::io::Write;
                let mut file = std::fs::File::options().append(true).open(&pack).unwrap();
                file.write_all(foreign).unwrap();
            }
            let source: Box<dyn Read> = Box::new(content.as_slice());
            Ok(source)
        });
        let put = blobs.put_packed(&mut put, Compress::Never);
        let bytes = std::fs::read(&pack).unwrap();
        assert!(
            bytes.windows(foreign.len()).any(|window| window == foreign),
            "{at}"
        );
        // Before the pack was opened it is as any other bytes.
        assert_eq!(put.is_err(), at > 0, "{at}");
        if let Err(error) = put {
            assert_eq!(error.kind(), ErrorKind::Conflict);
        }
        assert_eq!(blobs.content(&first[0].key).unwrap(), b"first");
        assert_eq!(blobs.findings().unwrap(), []);
        let again = blobs
            .put_packed(&mut sources(&[b"again"]), Compress::Never)
            .unwrap();
        assert_eq!(blobs.content(&again[0].key).unwrap(), b"again");
    }
}

fn sources<'a>(
    contents: &'a [&'a [u8]],
) -> impl Iterator<Item = hyperslab_core::Result<Box<dyn Read + 'a>>> {
    contents.iter().map(|content| {
        let source: Box<dyn Read> = Box::new(*content);
        Ok(source)
    })
}

/// What is put with others is there when it is acknowledged, also where it was damaged before.
#[test]
fn what_is_put_again_with_others_is_sound() {
    for size in [100, 100_000] {
        let (blobs, _folder) = made(1 << 30);
        let content = vec![7; size];
        let key = blobs
            .put_packed(&mut sources(&[&content]), Compress::Never)
            .unwrap()[0]
            .key;
        damage(&blobs.path().join("packs/0"), size / 2);
        assert_eq!(blobs.content(&key).unwrap_err().kind(), ErrorKind::Corrupt);
        let puts = blobs.put_packed(
            &mut sources(&[b"other", &content, &content]),
            Compress::Never,
        );
        let existed: Vec<bool> = puts.unwrap().iter().map(|put| put.existed).collect();
        assert_eq!(existed, [false, false, true]);
        assert_eq!(blobs.content(&key).unwrap(), content);
        assert_eq!(blobs.findings().unwrap(), []);
    }
}

#[test]
fn sizes_that_a_damaged_index_claims_are_added_up() {
    let (blobs, folder) = made(1 << 20);
    for content in contents() {
        blobs.put(&mut content.as_slice()).unwrap();
    }
    blobs
        .pack_loose(&packing(Compress::Never, true), UNWATCHED)
        .unwrap();
    blobs.put(&mut &b"loose"[..]).unwrap();
    let index = rusqlite::Connection::open(folder.path().join("c/packs.idx")).unwrap();
    let change = "UPDATE db_object SET size = ?1, length = ?1";
    assert_eq!(index.execute(change, [i64::MAX]).unwrap(), 23);
    let usage = blobs.usage().unwrap();
    assert_eq!((usage.objects, usage.content_bytes), (24, u64::MAX));
    let planned = RepackOptions {
        compress: Some(Compress::Always),
        dry_run: true,
    };
    let planned = blobs.repack(&planned, UNWATCHED).unwrap();
    assert_eq!(planned.after_bytes, u64::MAX);
}

/// Packs end within what was read ahead.
#[test]
fn many_are_packed_into_many_packs() {
    let (blobs, _folder) = made(100 << 10);
    let contents = (0..1000_u32).map(|number| number.to_le_bytes().repeat(usize_of(number)));
    let keys: Vec<BlobKey> = contents
        .map(|content| blobs.put_bytes(&content).unwrap().key)
        .collect();
    let report = blobs.pack_loose(&packing(Compress::Never, true), UNWATCHED);
    assert_eq!(report.unwrap().packed, 1000);
    assert_eq!(blobs.findings().unwrap(), []);
    assert!(blobs.has_many(&keys).unwrap().iter().all(|there| *there));
}

/// A few of them are so large that a pack has room for no more than some.
fn usize_of(number: u32) -> usize {
    match number % 300 {
        0..10 => 5000,
        _ => 10,
    }
}

/// Whoever deletes beside one who packs and cleans has it gone, and whoever puts it again has it there.
#[test]
fn what_is_deleted_and_put_while_others_pack_is_so_at_last() {
    let (blobs, _folder) = made(1 << 20);
    let (ended, path) = (AtomicBool::new(false), blobs.path());
    let packs = || {
        let other = ContainerBlobs::open(path).unwrap();
        while !ended.load(Ordering::Relaxed) {
            let packed = other.pack_loose(&packing(Compress::Never, true), UNWATCHED);
            packed.unwrap();
            other.clean(&CleanOptions::default()).unwrap();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(packs);
        let changed = scope.spawn(|| (0..150).for_each(|round| put_and_delete(&blobs, round)));
        let changed = changed.join();
        ended.store(true, Ordering::Relaxed);
        changed.unwrap();
    });
    assert_eq!(blobs.list().unwrap().count(), 1500);
    assert_eq!(blobs.findings().unwrap(), []);
}

/// Twenty objects come and go, and ten of them come back.
fn put_and_delete(blobs: &ContainerBlobs, round: u32) {
    let contents: Vec<Vec<u8>> = (0..20_u32)
        .map(|number| [round.to_le_bytes(), number.to_le_bytes()].concat())
        .collect();
    let put = |content: &Vec<u8>| blobs.put_bytes(content).unwrap().key;
    let keys: Vec<BlobKey> = contents.iter().map(put).collect();
    blobs.delete_many(&keys, Missing::Fail).unwrap();
    let (again, gone) = keys.split_at(10);
    for content in contents.iter().take(10) {
        put(content);
    }
    let is_there = |keys: &[BlobKey]| blobs.has_many(keys).unwrap();
    assert_eq!(is_there(again), [true; 10], "round {round}");
    assert_eq!(is_there(gone), [false; 10], "round {round}");
}

/// All threads of the pool may wait to put something while one packs, who may need the pool.
#[test]
fn who_puts_on_all_threads_of_the_pool_keeps_no_packer_waiting() {
    let (blobs, _folder) = made(1 << 20);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let packing = scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                let packed = blobs.pack_loose(&packing(Compress::Never, true), UNWATCHED);
                packed.unwrap();
            }
        });
        // A few at a time, so that the pool has time for both.
        let all = (0..500_u32).all(|round| {
            let put = |number: u32| blobs.put(&mut number.to_le_bytes().as_slice()).is_ok();
            (4 * round..4 * round + 4).into_par_iter().all(put)
        });
        ended.store(true, Ordering::Relaxed);
        packing.join().unwrap();
        assert!(all);
    });
    assert_eq!(blobs.list().unwrap().count(), 2000);
}
