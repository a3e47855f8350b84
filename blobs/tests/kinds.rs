//! What AiiDA has an exception for has a kind here.
#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

use std::ops::ControlFlow;

use hyperslab_blobs::{
    ArchiveBlobs, BlobKey, BlobRepository, Blobs, ContainerBlobs, ContainerOptions, KeyFormat,
    Missing, Order, UNWATCHED,
};
use hyperslab_core::{Error, ErrorKind};

fn absent() -> BlobKey {
    BlobKey::parse(KeyFormat::Sha256, &"a".repeat(64)).unwrap()
}

/// `FileNotFoundError` of each call that names a key.
#[test]
fn a_key_that_is_not_there_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = ContainerBlobs::create(&folder.path().join("c"), &ContainerOptions::default());
    let blobs = blobs.unwrap();
    let mut visit = |_: &BlobKey, _: Option<&mut dyn hyperslab_blobs::BlobReader>| {
        Ok(ControlFlow::Continue(()))
    };
    let key = absent();
    let errors: Vec<Error> = vec![
        blobs.open(&key).map(drop).unwrap_err(),
        blobs.content(&key).unwrap_err(),
        blobs.sha256(&key).unwrap_err(),
        blobs.delete(&key).unwrap_err(),
        blobs.delete_many(&[key], Missing::Fail).unwrap_err(),
        blobs.loosen(&[key]).unwrap_err(),
        blobs
            .read_many(&[key], Order::AsStored, Missing::Fail, &mut visit)
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains(&*key.text()), "{error}");
    }
}

/// `NotInitialised` of everything; asking makes nothing.
#[test]
fn where_no_container_is_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    for path in [folder.path(), &nowhere] {
        assert!(!ContainerBlobs::is_container(path));
        let error = ContainerBlobs::open(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains("no container"), "{error}");
    }
    assert!(!nowhere.exists());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // `FileExistsError`, and nothing is wiped.
    std::fs::write(folder.path().join("mine"), "x").unwrap();
    let error = ContainerBlobs::create(folder.path(), &ContainerOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    // `ValueError` of options that the format does not have.
    let options = ContainerOptions {
        key_format: KeyFormat::Uuid4,
        ..ContainerOptions::default()
    };
    let error = ContainerBlobs::create(&nowhere, &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!nowhere.exists());
}

/// `TypeError` of what is no stream of bytes: text and paths are none by their types, and a folder is told.
#[test]
fn what_has_no_bytes_is_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = ContainerBlobs::create(&folder.path().join("c"), &ContainerOptions::default());
    let error = blobs.unwrap().put_file(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

/// `ReadOnlyError` of each call that would change an archive.
#[test]
fn an_archive_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = hyperslab_blobs::MemoryBlobs::new();
    let key = blobs.put_bytes(b"archived").unwrap().key;
    let path = folder.path().join("a.aiida");
    ArchiveBlobs::write(&path, &blobs, None, UNWATCHED).unwrap();
    let archive = ArchiveBlobs::open(&path).unwrap();
    assert!(archive.info().read_only);
    for error in [
        archive.put_bytes(b"new").unwrap_err(),
        archive.delete(&key).unwrap_err(),
        archive.erase().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    }
    assert_eq!(archive.content(&key).unwrap(), b"archived");
    // A second one is not written over it.
    let error = ArchiveBlobs::write(&path, &blobs, None, UNWATCHED).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

/// Of several who make one container at once one does; what one who was killed over it has left is no obstacle.
#[test]
fn a_container_is_made_once_and_to_its_end() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("c");
        for name in ["loose", "packs", "sandbox"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        std::fs::write(root.join("packs.idx"), "begun").unwrap();
        std::fs::write(root.join("sandbox/.tmpAbCdEf"), "").unwrap();
        assert!(ContainerBlobs::is_free(&root).unwrap());
        let made: Vec<_> = std::thread::scope(|scope| {
            let make = || ContainerBlobs::create(&root, &ContainerOptions::default());
            let making: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
            making
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
        for error in made.into_iter().filter_map(Result::err) {
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        }
        assert!(!ContainerBlobs::is_free(&root).unwrap());
        let key = ContainerBlobs::open(&root)
            .unwrap()
            .put_bytes(b"x")
            .unwrap()
            .key;
        assert!(ContainerBlobs::open(&root).unwrap().has(&key).unwrap());
    }
}
