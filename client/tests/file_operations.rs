//! Finding an array by its key costs the same few file operations however many arrays there are. The kernel counts.
#![cfg(all(target_os = "linux", feature = "hdf5"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use hyperslab::blocking::Store;
use hyperslab::{
    AttributeSchema, AttributeType, DType, Dimension, Durability, Schema, StoreOptions, key,
};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

/// What happened below a folder: files opened, and folders listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Operations {
    opened: usize,
    listed: usize,
}

fn watch_tree(inotify: &OwnedFd, folder: &Path) {
    inotify::add_watch(inotify, folder, WatchFlags::OPEN | WatchFlags::ACCESS).unwrap();
    for entry in folder.read_dir().unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            watch_tree(inotify, &entry.path());
        }
    }
}

fn count(folder: &Path, work: impl FnOnce()) -> Operations {
    let inotify = inotify::init(CreateFlags::NONBLOCK).unwrap();
    watch_tree(&inotify, folder);
    drain(&inotify);
    work();
    drain(&inotify)
}

fn drain(inotify: &OwnedFd) -> Operations {
    let mut operations = Operations {
        opened: 0,
        listed: 0,
    };
    let mut space = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(inotify, &mut space);
    loop {
        match events.next() {
            Ok(event) => {
                let flags = event.events();
                assert!(!flags.contains(ReadFlags::QUEUE_OVERFLOW));
                operations.opened += usize::from(flags.contains(ReadFlags::OPEN));
                let listed = ReadFlags::ACCESS | ReadFlags::ISDIR;
                operations.listed += usize::from(flags.contains(listed));
            }
            Err(Errno::AGAIN) => return operations,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The operations of one look-up by key, and of one listing, among `array_count` arrays.
fn operations_among(array_count: i64) -> (Operations, Operations) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("store");
    let url = place.to_str().unwrap();
    let mut options = StoreOptions::default();
    options.write.durability = Durability::Relaxed;
    Store::create(url).unwrap();
    let store = Store::open_with(url, options).unwrap();
    let schema = Schema::builder(DType::Float32)
        .attribute(AttributeSchema::key("number", AttributeType::Int))
        .dimension(Dimension::new("x", 4))
        .build()
        .unwrap();
    let collection = store.create_collection("small", schema).unwrap();
    for number in 0..array_count {
        collection.create(key! { number: number }).unwrap();
    }
    // Opened anew: nothing is remembered from the writing.
    let collection = Store::open(url).unwrap().collection("small").unwrap();
    let found = count(&place, || {
        collection.get(key! { number: array_count / 2 }).unwrap();
    });
    let listed = count(&place, || {
        assert_eq!(
            collection.entries("number >= 0").unwrap().len() as i64,
            array_count
        );
    });
    (found, listed)
}

#[test]
fn a_look_up_by_key_costs_a_constant_number_of_file_operations() {
    let (few, listing_few) = operations_among(3);
    let (many, listing_many) = operations_among(300);
    assert_eq!(few, many);
    assert_eq!(many.listed, 0, "a look-up lists no folder");
    assert!((1..=4).contains(&many.opened), "{many:?}");
    // The counting sees what it should: a listing lists, and opens no array.
    assert!(listing_many.listed >= 1, "{listing_many:?}");
    assert!(
        listing_many.opened <= listing_few.opened + 1,
        "{listing_few:?} {listing_many:?}"
    );
}
