//! Copies: into other repositories, into folders of their own, and as loose files.
#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

use std::num::NonZeroUsize;

use hyperslab_blobs::{
    BlobKey, BlobRepository, Blobs, ContainerBlobs, ContainerOptions, KeyFormat, MemoryBlobs,
    PackOptions, SandboxBlobs, UNWATCHED, transfer,
};
use hyperslab_core::ErrorKind;

fn container(key_format: KeyFormat) -> (ContainerBlobs, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = ContainerOptions {
        key_format,
        ..ContainerOptions::default()
    };
    let blobs = ContainerBlobs::create(&folder.path().join("c"), &options);
    (blobs.unwrap(), folder)
}

fn contents() -> Vec<Vec<u8>> {
    let sizes = [0, 1, 1000, 70_000, 1 << 20, (1 << 20) + 1, 3 << 20];
    sizes
        .map(|size: usize| vec![size.to_le_bytes()[0]; size])
        .into()
}

fn pack(blobs: &ContainerBlobs) {
    let options = PackOptions {
        clean: true,
        ..PackOptions::default()
    };
    blobs.pack_loose(&options, UNWATCHED).unwrap();
}

#[test]
fn objects_go_from_each_repository_into_each() {
    let (one, _one) = container(KeyFormat::Sha256);
    let (other, _other) = container(KeyFormat::Sha1);
    let (memory, sandbox) = (MemoryBlobs::new(), SandboxBlobs::new());
    let all: [&dyn BlobRepository; 4] = [&one, &other, &memory, &sandbox];
    for content in contents() {
        one.put_bytes(&content).unwrap();
    }
    for (from, to) in all.iter().zip(all.iter().skip(1)) {
        let mut pairs = Vec::new();
        let mut tell = |old: &BlobKey, new: &BlobKey| pairs.push((*old, *new));
        let report = transfer(*from, *to, None, &mut tell, UNWATCHED).unwrap();
        let bytes: usize = contents().iter().map(Vec::len).sum();
        assert_eq!((report.copied, report.existed), (7, 0));
        assert_eq!(report.copied_bytes, bytes as u64);
        assert_eq!(pairs.len(), 7);
        for (old, new) in pairs {
            assert_eq!(from.content(&old).unwrap(), to.content(&new).unwrap());
        }
        // Again: what has a key of its content is there already.
        let again = transfer(*from, *to, None, &mut |_, _| (), UNWATCHED).unwrap();
        let known = if to.info().key_format.is_of_content() {
            7
        } else {
            0
        };
        assert_eq!(again.existed, known);
    }
}

#[test]
fn a_key_that_is_not_there_is_told_before_anything_is_copied() {
    let (from, to) = (MemoryBlobs::new(), MemoryBlobs::new());
    let there = from.put_bytes(b"there").unwrap().key;
    let gone = BlobKey::parse(KeyFormat::Sha256, &"1".repeat(64)).unwrap();
    let keys = [there, gone];
    let error = transfer(&from, &to, Some(&keys), &mut |_, _| (), UNWATCHED).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains(&*gone.text()));
    assert_eq!(to.list().unwrap().count(), 0);
    let report = transfer(&from, &to, Some(&keys[..1]), &mut |_, _| (), UNWATCHED);
    assert_eq!(report.unwrap().copied, 1);
}

#[test]
fn a_copy_is_a_container_and_shares_what_has_not_changed() {
    let (blobs, folder) = container(KeyFormat::Sha256);
    let packed: Vec<BlobKey> = contents()
        .iter()
        .map(|content| blobs.put_bytes(content).unwrap().key)
        .collect();
    pack(&blobs);
    let loose = blobs.put_bytes(b"loose").unwrap().key;
    let target = folder.path().join("copies");
    let keep = NonZeroUsize::new(2);
    let first = blobs.backup(&target, keep, UNWATCHED).unwrap();
    assert_eq!((first.copied, first.shared, first.removed), (2, 0, 0));
    let copy = ContainerBlobs::open(&first.path).unwrap();
    assert_eq!(copy.findings().unwrap(), []);
    assert_eq!(copy.info().id, blobs.info().id);
    for key in packed.iter().chain([&loose]) {
        assert_eq!(copy.content(key).unwrap(), blobs.content(key).unwrap());
    }
    drop(copy);
    // What happens to the container afterwards does not reach the copy.
    blobs.delete(&loose).unwrap();
    let later = blobs.put_bytes(b"later").unwrap().key;
    let second = blobs.backup(&target, keep, UNWATCHED).unwrap();
    assert_eq!((second.copied, second.shared, second.removed), (1, 1, 0));
    let copy = ContainerBlobs::open(&second.path).unwrap();
    assert!(copy.has(&later).unwrap() && !copy.has(&loose).unwrap());
    assert_eq!(copy.findings().unwrap(), []);
    assert!(
        ContainerBlobs::open(&first.path)
            .unwrap()
            .has(&loose)
            .unwrap()
    );
    let last = std::fs::read_link(target.join("last-backup")).unwrap();
    assert_eq!(target.join(last), second.path);
    let third = blobs.backup(&target, keep, UNWATCHED).unwrap();
    assert_eq!(third.removed, 1);
    assert!(third.path.exists());
}

#[test]
fn an_object_gets_a_file_of_its_own_and_stays_packed() {
    let (blobs, _folder) = container(KeyFormat::Sha256);
    let key = blobs.put_bytes(b"packed").unwrap().key;
    pack(&blobs);
    assert_eq!(
        (blobs.loosen(&[key]).unwrap(), blobs.loosen(&[key]).unwrap()),
        (1, 0)
    );
    let text = key.to_string();
    let file = blobs.path().join("loose").join(&text[..2]).join(&text[2..]);
    assert_eq!(std::fs::read(file).unwrap(), b"packed");
    let cleaned = blobs
        .clean(&hyperslab_blobs::CleanOptions::default())
        .unwrap();
    assert_eq!(cleaned.loose, 1);
    assert_eq!(blobs.content(&key).unwrap(), b"packed");
}
