//! The power is cut at any moment: what was acknowledged is there, and sound.
//!
//! Every system call of a process that puts, packs, repacks, cleans and deletes is recorded, and from it is made what a disk may hold
//! that keeps no more than what was synced. So bytes that are not synced before their rows, a name whose folder is not, or a loose file
//! that goes too early, are found.
#![cfg(target_os = "linux")]

use std::collections::HashSet;
use std::error::Error;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hyperslab_blobs::{
    BlobKey, BlobRepository, Blobs, CleanOptions, CollectPlan, Compress, ContainerBlobs,
    ContainerOptions, KeyFormat, MemoryBlobs, PackOptions, RepackOptions, UNWATCHED,
};
use hyperslab_testkit::campaign::tell;
use hyperslab_testkit::crash::{power_cuts_of, wait_to_be_recorded};

/// Where the worker makes its container.
const PLACE: &str = "HYPERSLAB_BLOBS_POWER";

#[test]
fn power_worker() {
    let Some(place) = std::env::var_os(PLACE) else {
        return;
    };
    wait_to_be_recorded();
    let options = ContainerOptions {
        pack_size_target: 6000,
        ..ContainerOptions::default()
    };
    let blobs = ContainerBlobs::create(Path::new(&place), &options).unwrap();
    tell("made");
    let content = |number: u32| number.to_le_bytes().repeat(1 + number as usize % 7 * 100);
    let put = |number| {
        let key = blobs.put_bytes(&content(number)).unwrap().key;
        tell(&format!("put {key}"));
        key
    };
    for round in 0..3 {
        let first = round * 20;
        let keys: Vec<BlobKey> = (first..first + 6).map(put).collect();
        let contents: Vec<Vec<u8>> = (first + 3..first + 10).map(content).collect();
        let mut sources = contents.iter().map(|content| {
            let source: Box<dyn Read> = Box::new(content.as_slice());
            Ok(source)
        });
        let compress = [Compress::Never, Compress::Always][round as usize % 2];
        for put in blobs.put_packed(&mut sources, compress).unwrap() {
            tell(&format!("put {}", put.key));
        }
        let options = PackOptions {
            compress,
            clean: round != 1,
            dry_run: false,
        };
        blobs.pack_loose(&options, UNWATCHED).unwrap();
        for key in keys.iter().step_by(3) {
            tell(&format!("deleting {key}"));
            blobs.delete(key).unwrap();
            tell(&format!("deleted {key}"));
        }
        let _ = [first + 1, first + 12].map(put);
        blobs.repack(&RepackOptions::default(), UNWATCHED).unwrap();
        let now = CleanOptions {
            age: Duration::ZERO,
            dry_run: false,
        };
        blobs.clean(&now).unwrap();
        let young = CollectPlan::default();
        blobs.collect(&young, &mut || Ok(HashSet::new())).unwrap();
        // Another program packs, and does not sync: what is loose goes only when what is packed is safe, and so does the answer
        // that something is there.
        let [cleaned, streamed, many] = [1000, 1001, 1002].map(|number| content(number + first));
        let key = blobs.put_bytes(&cleaned).unwrap().key;
        tell(&format!("put {key}"));
        pack_unsynced(&blobs, &cleaned).unwrap();
        blobs.clean(&now).unwrap();
        pack_unsynced(&blobs, &streamed).unwrap();
        tell(&format!("put {}", blobs.put_bytes(&streamed).unwrap().key));
        pack_unsynced(&blobs, &many).unwrap();
        let mut sources = [&many].into_iter().map(|content| {
            let source: Box<dyn Read> = Box::new(content.as_slice());
            Ok(source)
        });
        let put = blobs.put_packed(&mut sources, Compress::Never).unwrap();
        put.iter().for_each(|put| tell(&format!("put {}", put.key)));
    }
}

const INSERT: &str = "INSERT INTO db_object (hashkey, compressed, size, offset, length, pack_id) \
    VALUES (?, 0, ?, 0, ?, ?)";

/// Packs an object as `disk-objectstore` does: its row is safe, and its bytes may not be.
fn pack_unsynced(blobs: &ContainerBlobs, content: &[u8]) -> Result<(), Box<dyn Error>> {
    let path_of = |pack: &u32| blobs.path().join(format!("packs/{pack}"));
    let pack = (1000..).find(|pack| !path_of(pack).exists());
    let pack = pack.ok_or("no number is left")?;
    File::create_new(path_of(&pack))?.write_all(content)?;
    let key = MemoryBlobs::default().put_bytes(content)?.key;
    tell(&format!("another {key}"));
    let size = u32::try_from(content.len())?;
    let index = rusqlite::Connection::open(blobs.path().join("packs.idx"))?;
    index.execute(INSERT, (key.to_string(), size, size, pack))?;
    Ok(())
}

#[test]
fn campaign_power_cuts_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().canonicalize().unwrap();
    let mut worker = Command::new(std::env::current_exe().unwrap());
    worker
        .args(["power_worker", "--exact", "--nocapture", "--test-threads=1"])
        .env(PLACE, base.join("c"));
    let images = match std::env::var_os("HYPERSLAB_TEST_LONG") {
        Some(_) => 3000,
        None => 300,
    };
    power_cuts_of(worker, &base, images, |told, image| {
        let mut there: HashSet<&str> = HashSet::new();
        let mut of_another: HashSet<&str> = HashSet::new();
        for line in told {
            match line.split_once(' ') {
                Some(("put", key)) => drop(there.insert(key)),
                Some(("deleting", key)) => drop(there.remove(key)),
                Some(("another", key)) => drop(of_another.insert(key)),
                _ => {}
            }
        }
        let blobs = match ContainerBlobs::open(&image.join("c")) {
            Ok(blobs) => blobs,
            Err(error) => {
                assert!(!told.contains(&"made"), "{error}");
                return;
            }
        };
        // What another program has packed may be damaged there; once it is acknowledged, it is read below.
        let mut findings = blobs.findings().unwrap();
        findings.retain(|finding| !of_another.contains(&*finding.key));
        assert_eq!(findings, []);
        for key in there {
            let key = BlobKey::parse(KeyFormat::Sha256, key).unwrap();
            blobs.sha256(&key).unwrap();
        }
        // It goes on from there.
        let key = blobs.put_bytes(b"afterwards").unwrap().key;
        let options = PackOptions {
            clean: true,
            ..PackOptions::default()
        };
        blobs.pack_loose(&options, UNWATCHED).unwrap();
        blobs.sha256(&key).unwrap();
    });
}
