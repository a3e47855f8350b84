//! A server that is killed in the middle of its work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::TryStreamExt;
use futures::future::join_all;
use hyperslab_testkit::objects::S3Process;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, RetryConfig};

const WRITERS: u64 = 4;

/// Content that tells its version, and whether it is whole.
fn content(version: u64) -> Vec<u8> {
    let words = 64 + fastrand::Rng::with_seed(version).u64(..40_000);
    let mut content = words.to_le_bytes().to_vec();
    content.extend((1..words).flat_map(|word| (version ^ word).to_le_bytes()));
    content.extend(version.to_le_bytes());
    content
}

/// The version of content that is whole.
fn version(found: &[u8]) -> u64 {
    let last = found.last_chunk().copied().map(u64::from_le_bytes).unwrap();
    assert!(found == content(last), "{} bytes are torn", found.len());
    last
}

fn client(server: &S3Process) -> AmazonS3 {
    let no_retry = RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    };
    server.client().with_retry(no_retry).build().unwrap()
}

/// Writes versions to one key that stays and to new ones, until the server is gone.
async fn write(client: AmazonS3, writer: u64, from: u64, told: &Mutex<BTreeMap<Path, u64>>) {
    for version in from.. {
        let stays = Path::from(format!("stays/{writer}"));
        let new = Path::from(format!("new/{writer}/{version}"));
        for key in [stays, new] {
            if client.put(&key, content(version).into()).await.is_err() {
                return;
            }
            told.lock().unwrap().insert(key, version);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_server_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = S3Process::start(folder.path());
    let endpoint = server.endpoint();
    let told = Arc::new(Mutex::new(BTreeMap::new()));
    let rounds = if std::env::var_os("HYPERSLAB_TEST_LONG").is_some() {
        100
    } else {
        6
    };
    let mut unacknowledged = 0;
    for round in 0..rounds {
        let before = told.lock().unwrap().len();
        let writers = (0..WRITERS).map(|writer| {
            let (client, told) = (client(&server), Arc::clone(&told));
            // Versions never come back.
            let from = (round * WRITERS + writer) << 32;
            tokio::spawn(async move { write(client, writer, from, &told).await })
        });
        let writers: Vec<_> = writers.collect();
        while told.lock().unwrap().len() < before + 5 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..20_000))).await;
        server.kill();
        for ended in join_all(writers).await {
            ended.unwrap();
        }
        server.restart();
        assert_eq!(server.endpoint(), endpoint);
        let acknowledged = told.lock().unwrap().clone();
        unacknowledged = check(&client(&server), &acknowledged).await;
    }
    eprintln!(
        "{} acknowledged, {unacknowledged} more there",
        told.lock().unwrap().len()
    );
}

/// Everything that is there is whole, and all that was acknowledged is there. Returns how many objects are there that were
/// not acknowledged.
async fn check(client: &AmazonS3, told: &BTreeMap<Path, u64>) -> usize {
    let listed: Vec<_> = client.list(None).try_collect().await.unwrap();
    let mut found = BTreeMap::new();
    for meta in listed {
        let content = client.get(&meta.location).await.unwrap();
        assert_eq!(content.meta.e_tag, meta.e_tag);
        found.insert(meta.location, version(&content.bytes().await.unwrap()));
    }
    for (key, version) in told {
        let found = found.get(key).copied();
        // A later version may have been written, though nobody was told.
        assert!(found >= Some(*version), "{key}: {found:?}, told {version}");
        assert!(found == Some(*version) || key.as_ref().starts_with("stays/"));
    }
    found.len() - told.len()
}

#[tokio::test]
async fn the_process_ends_with_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Process::start(folder.path());
    let address = server.address();
    drop(server);
    assert!(std::net::TcpStream::connect(address).is_err());
}
