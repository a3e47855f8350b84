//! Many objects, and large ones, within little memory.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use hyperslab_blobs::{
    BlobKey, BlobRepository, Blobs, Compress, ContainerBlobs, ContainerOptions, PackOptions,
    UNWATCHED,
};

/// The most memory that this process has had, in bytes: each test is a process of its own.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() << 10
}

fn is_long() -> bool {
    std::env::var_os("HYPERSLAB_TEST_LONG").is_some()
}

fn made(options: &ContainerOptions) -> (ContainerBlobs, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = ContainerBlobs::create(&folder.path().join("c"), options);
    (blobs.unwrap(), folder)
}

fn content(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(2 + (number % 4) as usize)
}

/// Straight into packs, listed, read and verified; a part of them loose, and packed.
#[test]
fn campaign_a_million_objects_take_little_memory() {
    let (count, limit) = match is_long() {
        true => (1_000_000, 256 << 20),
        false => (50_000, 96 << 20),
    };
    let (blobs, _folder) = made(&ContainerOptions::default());
    let loose = count / 20;
    for number in 0..loose {
        blobs.put_bytes(&content(number)).unwrap();
    }
    let packed = blobs
        .pack_loose(
            &PackOptions {
                clean: true,
                ..PackOptions::default()
            },
            UNWATCHED,
        )
        .unwrap();
    assert_eq!(packed.packed, loose);
    let mut last = None;
    let mut next = loose;
    while next < count {
        let end = count.min(next + 100_000);
        let mut sources = (next..end).map(|number| {
            let source: Box<dyn Read> = Box::new(std::io::Cursor::new(content(number)));
            Ok(source)
        });
        last = blobs.put_many(&mut sources).unwrap().pop();
        next = end;
    }
    let last = last.unwrap().key;
    assert_eq!(
        blobs.list().unwrap().map(Result::unwrap).count() as u64,
        count
    );
    assert_eq!(blobs.content(&last).unwrap(), content(count - 1));
    let report = blobs
        .verify(&mut |found| panic!("{found:?}"), UNWATCHED)
        .unwrap();
    assert_eq!((report.read, report.unused_bytes), (count, 0));
    assert_eq!(blobs.usage().unwrap().objects, count);
    let peak = peak();
    assert!(peak < limit, "{} MiB", peak >> 20);
}

/// Loose objects by the million are packed within the same memory.
#[test]
fn campaign_loose_objects_are_packed_in_little_memory() {
    let (count, limit) = match is_long() {
        true => (1_000_000_u64, 256 << 20),
        false => (20_000, 96 << 20),
    };
    let (blobs, _folder) = made(&ContainerOptions::default());
    // Written as files straight away: here it is packing that counts.
    for number in 0..count {
        let content = content(number);
        let text = hyperslab_blobs::Sha256Digest::of(&content).to_string();
        let folder = blobs.path().join("loose").join(&text[..2]);
        if number < 5000 {
            std::fs::create_dir_all(&folder).unwrap();
        }
        std::fs::write(folder.join(&text[2..]), content).unwrap();
    }
    let options = PackOptions {
        clean: true,
        ..PackOptions::default()
    };
    let report = blobs.pack_loose(&options, UNWATCHED).unwrap();
    assert_eq!((report.packed, report.cleaned), (count, count));
    let peak = peak();
    assert!(peak < limit, "{} MiB", peak >> 20);
}

/// A sparse file of 5 GiB: put, packed as it is and compressed, read in pieces, all within 64 MiB.
#[test]
fn campaign_a_large_object_streams() {
    let size: u64 = match is_long() {
        true => 5 << 30,
        false => 300 << 20,
    };
    let (blobs, folder) = made(&ContainerOptions::default());
    let path = folder.path().join("large");
    let file = File::create(&path).unwrap();
    file.set_len(size).unwrap();
    let key = blobs.put_file(&path).unwrap().key;
    assert_eq!(blobs.stat(&key).unwrap().unwrap().size, size);
    let read = |blobs: &ContainerBlobs, key: &BlobKey| {
        let mut reader = blobs.open(key).unwrap();
        let mut piece = [1; 100];
        reader.seek(SeekFrom::Start(size - 50)).unwrap();
        assert_eq!(reader.read(&mut piece).unwrap(), 50);
        assert_eq!(piece[..50], [0; 50]);
        reader.rewind().unwrap();
        let copied = std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
        assert_eq!(copied, size);
    };
    read(&blobs, &key);
    let options = PackOptions {
        compress: Compress::Always,
        clean: true,
        dry_run: false,
    };
    blobs.pack_loose(&options, UNWATCHED).unwrap();
    read(&blobs, &key);
    blobs.sha256(&key).unwrap();
    let peak = peak();
    assert!(peak < 64 << 20, "{} MiB", peak >> 20);
}

/// Objects behind the first 4 GiB of a pack, which is sparse here.
#[test]
fn packs_go_on_behind_four_gibibytes() {
    let options = ContainerOptions {
        pack_size_target: 1 << 40,
        ..ContainerOptions::default()
    };
    let (blobs, _folder) = made(&options);
    let put = |content: &[u8]| {
        let mut sources = [Ok(Box::new(content) as Box<dyn Read>)].into_iter();
        blobs.put_many(&mut sources).unwrap()[0].key
    };
    let first = put(b"first");
    // As after much was deleted: bytes of no object are allowed.
    let pack = File::options()
        .write(true)
        .open(blobs.path().join("packs/0"))
        .unwrap();
    pack.set_len((9 << 30) + 1).unwrap();
    let behind = put(b"behind");
    let long = put(&vec![7; 200_000]);
    for (key, content) in [
        (first, &b"first"[..]),
        (behind, b"behind"),
        (long, &[7; 200_000]),
    ] {
        assert_eq!(blobs.content(&key).unwrap(), content);
        blobs.sha256(&key).unwrap();
    }
    let report = blobs
        .verify(&mut |found| panic!("{found:?}"), UNWATCHED)
        .unwrap();
    assert_eq!(report.read, 3);
    assert!(report.unused_bytes > 8 << 30);
    let repacked = blobs.repack(&Default::default(), UNWATCHED).unwrap();
    assert_eq!((repacked.copied, repacked.after_bytes), (3, 200_011));
    assert_eq!(blobs.content(&behind).unwrap(), b"behind");
}

/// The descriptors of this process.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn campaign_descriptors_stay_few_over_many_packs() {
    let packs = if is_long() { 10_000 } else { 1000 };
    let options = ContainerOptions {
        pack_size_target: 1,
        ..ContainerOptions::default()
    };
    let (blobs, _folder) = made(&options);
    blobs.put_bytes(b"warm").unwrap();
    let before = descriptors();
    let mut keys = Vec::new();
    for number in 0..packs {
        let content = content(number);
        let mut sources = [Ok(Box::new(content.as_slice()) as Box<dyn Read>)].into_iter();
        keys.push(blobs.put_many(&mut sources).unwrap()[0].key);
        if number % 100 == 99 {
            assert!(
                descriptors() <= before + 12,
                "{} after {number}",
                descriptors()
            );
        }
    }
    for key in &keys {
        blobs.sha256(key).unwrap();
    }
    assert!(descriptors() <= before + 12, "{}", descriptors());
    let names = std::fs::read_dir(blobs.path().join("packs")).unwrap();
    assert_eq!(names.count() as u64, packs);
}
