//! Writers, packers and cleaners that are killed at any moment: what was acknowledged is there, and sound.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use hyperslab_blobs::{
    BlobKey, BlobRepository, Blobs, CleanOptions, Compress, ContainerBlobs, ContainerOptions,
    KeyFormat, PackOptions, RepackOptions, UNWATCHED,
};

/// Where the worker finds its container.
const PLACE: &str = "HYPERSLAB_BLOBS_CAMPAIGN";

/// Numbers that look like chance, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn content(&mut self) -> Vec<u8> {
        let length = self.below(20_000);
        (0..length)
            .map(|_| self.below(7).to_le_bytes()[0])
            .collect()
    }
}

/// Works on the container until it is killed, and says what it has done.
#[test]
fn campaign_worker() {
    let Some(place) = std::env::var_os(PLACE) else {
        return;
    };
    let mut out = std::io::stdout();
    let mut say = |what: &str, key: &BlobKey| {
        writeln!(out, "\n{what} {key}").unwrap();
        out.flush().unwrap();
    };
    let blobs = ContainerBlobs::open(Path::new(&place)).unwrap();
    let mut chance = Chance(u64::from(std::process::id()));
    loop {
        match chance.below(12) {
            0..=5 => say("put", &blobs.put_bytes(&chance.content()).unwrap().key),
            6 => {
                let contents = [chance.content(), chance.content(), chance.content()];
                let mut sources = contents.iter().map(|content| {
                    let source: Box<dyn Read> = Box::new(content.as_slice());
                    Ok(source)
                });
                for put in blobs
                    .put_packed(&mut sources, Compress::WhereWorthIt)
                    .unwrap()
                {
                    say("put", &put.key);
                }
            }
            7 => {
                let keys: Vec<BlobKey> = blobs.list().unwrap().map(Result::unwrap).collect();
                if let Some(key) = keys.first() {
                    say("deleting", key);
                    blobs.delete(key).unwrap();
                    say("deleted", key);
                }
            }
            8 | 9 => {
                let compress = match chance.below(3) {
                    0 => Compress::Never,
                    1 => Compress::Always,
                    _ => Compress::WhereWorthIt,
                };
                let clean = chance.below(2) == 0;
                let options = PackOptions {
                    compress,
                    clean,
                    dry_run: false,
                };
                blobs.pack_loose(&options, UNWATCHED).unwrap();
            }
            10 => drop(blobs.repack(&RepackOptions::default(), UNWATCHED).unwrap()),
            _ => {
                let options = CleanOptions {
                    age: Duration::ZERO,
                    dry_run: false,
                };
                blobs.clean(&options).unwrap();
            }
        }
    }
}

#[test]
fn campaign_killed_processes_lose_nothing() {
    let rounds = match std::env::var_os("HYPERSLAB_TEST_LONG") {
        Some(_) => 400,
        None => 25,
    };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("c");
    let options = ContainerOptions {
        pack_size_target: 50_000,
        ..ContainerOptions::default()
    };
    let blobs = ContainerBlobs::create(&root, &options).unwrap();
    let mut there: HashSet<String> = HashSet::new();
    let mut chance = Chance(7);
    for round in 0..rounds {
        let mut worker = Command::new(std::env::current_exe().unwrap())
            .args(["campaign_worker", "--exact", "--nocapture"])
            .env(PLACE, &root)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(worker.stdout.take().unwrap()).lines();
        let reader = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
        std::thread::sleep(Duration::from_millis(20 + chance.below(200)));
        worker.kill().unwrap();
        worker.wait().unwrap();
        let mut unsure = HashSet::new();
        for line in reader.join().unwrap() {
            match line.split_once(' ') {
                Some(("put", key)) => {
                    there.insert(key.to_owned());
                    unsure.remove(key);
                }
                Some(("deleting", key)) => drop(unsure.insert(key.to_owned())),
                Some(("deleted", key)) => drop(there.remove(key)),
                _ => {}
            }
        }
        assert_eq!(blobs.findings().unwrap(), [], "round {round}");
        let listed: HashSet<String> = blobs
            .list()
            .unwrap()
            .map(|key| key.unwrap().to_string())
            .collect();
        for text in &there {
            let is_there = listed.contains(text);
            assert!(
                is_there || unsure.contains(text),
                "round {round}: {text} is lost"
            );
            let key = BlobKey::parse(KeyFormat::Sha256, text).unwrap();
            assert_eq!(blobs.has(&key).unwrap(), is_there);
        }
        there.retain(|text| listed.contains(text));
    }
    assert!(there.len() > 100, "{} objects are few", there.len());
    // What the killed have left goes, and nothing else.
    let now = CleanOptions {
        age: Duration::ZERO,
        dry_run: false,
    };
    blobs.clean(&now).unwrap();
    blobs
        .pack_loose(&PackOptions::default(), UNWATCHED)
        .unwrap();
    blobs.repack(&RepackOptions::default(), UNWATCHED).unwrap();
    blobs.clean(&now).unwrap();
    let report = blobs
        .verify(&mut |found| panic!("{found:?}"), UNWATCHED)
        .unwrap();
    assert_eq!(report.unused_bytes, 0);
    let names = |folder: &str| std::fs::read_dir(root.join(folder)).unwrap().count();
    assert_eq!(names("sandbox"), 0);
}
