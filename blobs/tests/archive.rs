//! Archives: every object of one is read in place, and nothing is written into it.

use std::io::{Read, Seek, SeekFrom, Write};

use hyperslab_blobs::{ArchiveBlobs, BlobKey, BlobRepository, Blobs, Missing, Sha256Digest};
use hyperslab_core::ErrorKind;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

#[test]
fn objects_of_an_archive_are_read_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.aiida");
    let contents = [
        Vec::new(),
        b"some text".to_vec(),
        (0..100_000_u32)
            .flat_map(|n| (n / 9).to_le_bytes())
            .collect(),
    ];
    let mut archive = ZipWriter::new(std::fs::File::create(&path).unwrap());
    let methods = [CompressionMethod::Deflated, CompressionMethod::Stored];
    archive
        .start_file("metadata.json", SimpleFileOptions::default())
        .unwrap();
    archive.write_all(b"{}").unwrap();
    archive
        .start_file("repo/no key", SimpleFileOptions::default())
        .unwrap();
    for (number, content) in contents.iter().enumerate() {
        let name = format!("repo/{}", Sha256Digest::of(content));
        let options = SimpleFileOptions::default().compression_method(methods[number % 2]);
        archive.start_file(name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap();

    let blobs = ArchiveBlobs::open(&path).unwrap();
    let keys: Vec<BlobKey> = blobs.list().unwrap().map(Result::unwrap).collect();
    assert_eq!(keys.len(), 3);
    assert_eq!(blobs.usage().unwrap().objects, 3);
    for content in &contents {
        let text = Sha256Digest::of(content).to_string();
        let key = BlobKey::parse(blobs.info().key_format, &text).unwrap();
        assert_eq!(blobs.content(&key).unwrap(), *content);
        assert_eq!(blobs.sha256(&key).unwrap(), Sha256Digest::of(content));
        assert_eq!(
            blobs.stat(&key).unwrap().unwrap().size,
            content.len() as u64
        );
        let mut reader = blobs.open(&key).unwrap();
        let mut rest = Vec::new();
        let half = content.len() as u64 / 2;
        for start in [half, 0] {
            reader.seek(SeekFrom::Start(start)).unwrap();
            rest.clear();
            reader.read_to_end(&mut rest).unwrap();
            assert_eq!(rest, content[usize::try_from(start).unwrap()..]);
        }
    }
    for error in [
        blobs.put_bytes(b"new").map(drop).unwrap_err(),
        blobs
            .delete_many(&keys, Missing::Skip)
            .map(drop)
            .unwrap_err(),
        blobs.erase().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Denied);
    }
}

#[test]
fn what_is_no_archive_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.aiida");
    assert_eq!(
        ArchiveBlobs::open(&path).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    std::fs::write(&path, "no zip").unwrap();
    assert_eq!(
        ArchiveBlobs::open(&path).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
}
