//! Byte objects: ours in a container of AiiDA, and files alone, which nobody can beat.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use hyperslab::blobs::{
    BlobKey, BlobRepository, Blobs, ContainerBlobs, ContainerOptions, KeyFormat, PackOptions,
    Sha256Digest, UNWATCHED,
};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::request::{Failure, Outcome, Request};

/// Ours.
pub(crate) fn answer(request: &Request) -> Outcome<Value> {
    match request.text("op")? {
        "objects" => small(request),
        "objects-safe" => safe(request),
        "objects-large" => large(request),
        other => Err(Failure::Unsupported(format!("no operation '{other}'"))),
    }
}

/// Files alone.
pub(crate) fn bare(request: &Request) -> Outcome<Value> {
    match request.text("op")? {
        "versions" => Ok(json!({"versions": {}})),
        "objects" => bare_small(request),
        "objects-safe" => bare_safe(request),
        "objects-large" => bare_large(request),
        other => Err(Failure::Unsupported(format!("no operation '{other}'"))),
    }
}

/// Objects that do not compress, the same for the same number.
fn contents(request: &Request) -> Outcome<Vec<Vec<u8>>> {
    let (count, size) = (request.number("count")?, request.number("size")?);
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let words = size.div_ceil(8);
    let mut content = || {
        let mut content: Vec<u8> = (0..words).flat_map(|_| next()).collect();
        content.truncate(size);
        content
    };
    Ok((0..count).map(|_| content()).collect())
}

fn create(path: &Path) -> Outcome<ContainerBlobs> {
    Ok(ContainerBlobs::create(path, &ContainerOptions::default())?)
}

fn put_all(blobs: &ContainerBlobs, contents: &[Vec<u8>]) -> Outcome<Vec<BlobKey>> {
    let mut sources = contents.iter().map(|content| {
        let source: Box<dyn Read> = Box::new(content.as_slice());
        Ok(source)
    });
    let puts = blobs.put_many(&mut sources)?;
    Ok(puts.iter().map(|put| put.key).collect())
}

/// Straight into packs, list, read, ask for what is not there; then loose ones, and pack them.
fn small(request: &Request) -> Outcome<Value> {
    let contents = contents(request)?;
    let path = request.path()?;
    let mut passes = Vec::new();
    let blobs = create(&path.join("packed"))?;
    let clock = Clock::start();
    let mut keys = put_all(&blobs, &contents)?;
    passes.push(clock.stop());
    let clock = Clock::start();
    let listed = blobs.list()?.collect::<Result<Vec<_>, _>>()?;
    passes.push(clock.stop());
    expect(listed.len(), contents.len())?;
    // In another order than they lie in.
    keys.sort_unstable();
    let clock = Clock::start();
    for key in &keys {
        expect(blobs.content(key)?.len(), request.number("size")?)?;
    }
    passes.push(clock.stop());
    let absent = absent(request.number("absent")?)?;
    let clock = Clock::start();
    for key in &absent {
        expect(usize::from(blobs.has(key)?), 0)?;
    }
    passes.push(clock.stop());
    let blobs = create(&path.join("loose"))?;
    let clock = Clock::start();
    for content in &contents {
        blobs.put_bytes(content)?;
    }
    passes.push(clock.stop());
    let clock = Clock::start();
    let packed = blobs.pack_loose(&PackOptions::default(), UNWATCHED)?;
    passes.push(clock.stop());
    expect(
        usize::try_from(packed.packed).map_err(Failure::new)?,
        contents.len(),
    )?;
    Ok(json!({"passes": passes}))
}

fn absent(count: usize) -> Outcome<Vec<BlobKey>> {
    let keys = (0..count).map(|number| {
        let digest = Sha256Digest::of(format!("absent {number}").as_bytes());
        BlobKey::parse(KeyFormat::Sha256, &digest.to_string())
    });
    Ok(keys.collect::<Result<_, _>>()?)
}

fn expect(found: usize, wanted: usize) -> Outcome {
    match found == wanted {
        true => Ok(()),
        false => Err(Failure::new(format!("{found} instead of {wanted}"))),
    }
}

/// A folder on a real disk, gone with this.
fn on_disk(request: &Request) -> Outcome<tempfile::TempDir> {
    let parent = PathBuf::from(request.text("disk")?);
    std::fs::create_dir_all(&parent)?;
    Ok(tempfile::tempdir_in(parent)?)
}

fn safe(request: &Request) -> Outcome<Value> {
    let contents = contents(request)?;
    let folder = on_disk(request)?;
    let blobs = create(&folder.path().join("c"))?;
    let clock = Clock::start();
    put_all(&blobs, &contents)?;
    Ok(clock.stop())
}

/// One large object, then two at once.
fn large(request: &Request) -> Outcome<Value> {
    let contents = contents(request)?;
    let path = request.path()?;
    let (first, others) = contents
        .split_first()
        .ok_or_else(|| Failure::new("no object"))?;
    let blobs = create(&path.join("c"))?;
    let clock = Clock::start();
    blobs.put_bytes(first)?;
    let alone = clock.stop();
    let clock = Clock::start();
    std::thread::scope(|scope| {
        let putting: Vec<_> = others
            .iter()
            .map(|content| scope.spawn(|| blobs.put_bytes(content)))
            .collect();
        putting.into_iter().try_for_each(|put| -> Outcome {
            let ended = put.join().map_err(|_| Failure::new("a thread stopped"))?;
            ended.map(drop).map_err(Failure::from)
        })
    })?;
    Ok(json!({"passes": [alone, clock.stop()]}))
}

/// One file with all, one `pread` for each; then a file for each. There is no index, so nothing is listed, nor absent.
fn bare_small(request: &Request) -> Outcome<Value> {
    let contents = contents(request)?;
    let path = request.path()?;
    std::fs::create_dir_all(path)?;
    let clock = Clock::start();
    let mut file = File::create_new(path.join("pack"))?;
    for content in &contents {
        file.write_all(content)?;
    }
    let appended = clock.stop();
    let file = File::open(path.join("pack"))?;
    let size = request.number("size")?;
    let clock = Clock::start();
    for number in (0..contents.len()).rev() {
        let mut content = vec![0; size];
        file.read_exact_at(&mut content, (number * size) as u64)?;
    }
    let read = clock.stop();
    let clock = Clock::start();
    for number in 0..request.number("absent")? {
        expect(usize::from(path.join(number.to_string()).exists()), 0)?;
    }
    let absent = clock.stop();
    let clock = Clock::start();
    for (number, content) in contents.iter().enumerate() {
        File::create_new(path.join(format!("o{number}")))?.write_all(content)?;
    }
    let written = clock.stop();
    let clock = Clock::start();
    let listed = std::fs::read_dir(path)?.count();
    let list = clock.stop();
    expect(listed, contents.len() + 1)?;
    let clock = Clock::start();
    let mut file = File::create_new(path.join("packed"))?;
    for number in 0..contents.len() {
        file.write_all(&std::fs::read(path.join(format!("o{number}")))?)?;
    }
    let packed = clock.stop();
    Ok(json!({"passes": [appended, list, read, absent, written, packed]}))
}

/// A file for each, and its name, synced.
fn bare_safe(request: &Request) -> Outcome<Value> {
    let contents = contents(request)?;
    let folder = on_disk(request)?;
    let names = File::open(folder.path())?;
    let clock = Clock::start();
    for (number, content) in contents.iter().enumerate() {
        let mut file = File::create_new(folder.path().join(number.to_string()))?;
        file.write_all(content)?;
        file.sync_all()?;
        names.sync_all()?;
    }
    Ok(clock.stop())
}

/// SHA-256 alone, on one core.
fn bare_large(request: &Request) -> Outcome<Value> {
    let contents = contents(request)?;
    let (first, others) = contents
        .split_first()
        .ok_or_else(|| Failure::new("no object"))?;
    let clock = Clock::start();
    std::hint::black_box(Sha256Digest::of(first));
    let alone = clock.stop();
    let clock = Clock::start();
    for content in others {
        std::hint::black_box(Sha256Digest::of(content));
    }
    Ok(json!({"passes": [alone, clock.stop()]}))
}
