//! The contract of every repository, and random steps against the model.
#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use hyperslab_blobs::{
    BlobKey, BlobRepository, Blobs, BucketBlobs, ContainerBlobs, ContainerOptions, KeyFormat,
    LayeredBlobs, MemoryBlobs, Missing, Order, SandboxBlobs, Sha256Digest,
};
use hyperslab_core::ErrorKind;
use hyperslab_testkit::objects::{FaultPlan, FaultStore, S3Server};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use proptest::prelude::*;
use tokio::runtime::Runtime;

/// Runs every test below for a repository.
macro_rules! contract {
    ($($repository:ident: $made:expr;)*) => {
        $(
            mod $repository {
                use super::*;

                #[test]
                fn objects_come_back() {
                    let (blobs, _folder) = $made;
                    super::objects_come_back(&blobs);
                }

                #[test]
                fn streams_move_and_ranges_do_not() {
                    let (blobs, _folder) = $made;
                    super::streams_move_and_ranges_do_not(&blobs);
                }

                #[test]
                fn keys_that_are_not_there_are_named() {
                    let (blobs, _folder) = $made;
                    super::keys_that_are_not_there_are_named(&blobs);
                }

                #[test]
                fn many_are_visited_as_asked() {
                    let (blobs, _folder) = $made;
                    super::many_are_visited_as_asked(&blobs);
                }

                #[test]
                fn a_source_that_fails_leaves_nothing() {
                    let (blobs, _folder) = $made;
                    super::a_source_that_fails_leaves_nothing(&blobs);
                }

                #[test]
                fn writers_beside_each_other_lose_nothing() {
                    let (blobs, _folder) = $made;
                    super::writers_beside_each_other_lose_nothing(&blobs);
                }

                #[test]
                fn what_is_erased_is_gone() {
                    let (blobs, _folder) = $made;
                    super::what_is_erased_is_gone(&blobs);
                }

                proptest! {
                    #![proptest_config(ProptestConfig::with_cases(cases(stringify!($repository))))]

                    #[test]
                    fn random_steps_are_those_of_a_map(steps in steps()) {
                        let (blobs, _folder) = $made;
                        super::random_steps_are_those_of_a_map(&blobs, steps);
                    }
                }
            }
        )*
    };
}

contract! {
    memory: (MemoryBlobs::new(), ());
    layered: (layered(), ());
    bucket: bucket();
    bucket_behind_faults: bucket_behind_faults();
    sandbox: (SandboxBlobs::new(), ());
    container: container(KeyFormat::Sha256, 2);
    container_of_sha1: container(KeyFormat::Sha1, 0);
}

/// How often random steps are tried: what waits between two attempts takes its time.
fn cases(repository: &str) -> u32 {
    match repository {
        "bucket_behind_faults" => 8,
        _ => 64,
    }
}

/// A bucket in memory, and the runtime that its requests go through.
fn bucket() -> (BucketBlobs, Runtime) {
    let runtime = runtime();
    let store = Arc::new(object_store::memory::InMemory::new());
    let prefix = object_store::path::Path::from("a/prefix");
    let blobs = BucketBlobs::create(store, prefix, runtime.handle().clone());
    (blobs.unwrap(), runtime)
}

/// A bucket on a server that fails now and then, with a client that tries again; and what both need.
fn bucket_behind_faults() -> (BucketBlobs, (Runtime, S3Server)) {
    let plan = FaultPlan {
        delay: 0.02,
        longest_delay: Duration::from_millis(5),
        burst: 0.004,
        burst_length: 2,
        error_before: 0.02,
        error_after: 0.02,
        cut_body: 0.02,
        ..FaultPlan::default()
    };
    let store = Arc::new(object_store::memory::InMemory::new());
    let server = S3Server::over(Arc::new(FaultStore::new(store, plan, 7)));
    let patient = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(2),
            max_backoff: Duration::from_millis(20),
            base: 2.0,
        },
        max_retries: 30,
        retry_timeout: Duration::from_secs(60),
    };
    let options = ClientOptions::new()
        .with_allow_http(true)
        .with_timeout(Duration::from_secs(1));
    let client = server.client().with_retry(patient);
    let client = client.with_client_options(options).build().unwrap();
    let runtime = runtime();
    let prefix = object_store::path::Path::from("a/prefix");
    let blobs = BucketBlobs::create(Arc::new(client), prefix, runtime.handle().clone());
    (blobs.unwrap(), (runtime, server))
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn layered() -> LayeredBlobs {
    LayeredBlobs::new(Arc::new(MemoryBlobs::new()), Arc::new(MemoryBlobs::new())).unwrap()
}

/// A container, in a folder that goes with it.
fn container(key_format: KeyFormat, loose_prefix_len: u64) -> (ContainerBlobs, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = ContainerOptions {
        key_format,
        loose_prefix_len,
        ..ContainerOptions::default()
    };
    let blobs = ContainerBlobs::create(&folder.path().join("c"), &options);
    (blobs.unwrap(), folder)
}

fn absent_key(repository: &impl BlobRepository) -> BlobKey {
    let text = match repository.info().key_format {
        KeyFormat::Sha256 => "a".repeat(64),
        KeyFormat::Sha1 => "a".repeat(40),
        _ => "0807a453-b99e-437e-bdb1-a67ca1cc9d85".to_owned(),
    };
    BlobKey::parse(repository.info().key_format, &text).unwrap()
}

fn listed(repository: &impl BlobRepository) -> Vec<BlobKey> {
    let mut keys: Vec<BlobKey> = repository.list().unwrap().map(Result::unwrap).collect();
    keys.sort();
    keys
}

fn objects_come_back(blobs: &impl BlobRepository) {
    assert_eq!(listed(blobs), []);
    let long: Vec<u8> = (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect();
    for content in [&b""[..], b"a", b"some text\n", &long] {
        let put = blobs.put_bytes(content).unwrap();
        assert_eq!((put.size, put.existed), (content.len() as u64, false));
        assert_eq!(put.sha256, Sha256Digest::of(content));
        assert_eq!(put.key.format(), blobs.info().key_format);
        assert_eq!(blobs.content(&put.key).unwrap(), content);
        assert_eq!(blobs.sha256(&put.key).unwrap(), put.sha256);
        assert_eq!(blobs.stat(&put.key).unwrap().unwrap().size, put.size);
        let again = blobs.put_bytes(content).unwrap();
        assert_eq!(again.existed, again.key == put.key);
        assert_eq!(again.existed, blobs.info().key_format.is_of_content());
    }
    let usage = blobs.usage().unwrap();
    assert_eq!(usage.objects, listed(blobs).len() as u64);
    assert!(usage.stored_bytes >= usage.content_bytes);
}

fn streams_move_and_ranges_do_not(blobs: &impl BlobRepository) {
    let content: Vec<u8> = (0..=255).collect();
    let key = blobs.put_bytes(&content).unwrap().key;
    let mut reader = blobs.open(&key).unwrap();
    assert_eq!(reader.size(), 256);
    assert_eq!(reader.seek(SeekFrom::End(-3)).unwrap(), 253);
    let mut out = [0; 10];
    assert_eq!(reader.read_at(250, &mut out).unwrap(), 6);
    assert_eq!(out[..6], content[250..]);
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, content[253..]);
    assert_eq!(reader.seek(SeekFrom::Current(-256)).unwrap(), 0);
    assert_eq!(reader.seek(SeekFrom::Current(7)).unwrap(), 7);
    assert_eq!(reader.read(&mut out[..1]).unwrap(), 1);
    assert_eq!(out[0], 7);
    // As in a file, a place behind the end is allowed, and nothing is there.
    assert_eq!(reader.seek(SeekFrom::Start(1000)).unwrap(), 1000);
    assert_eq!(reader.read(&mut out).unwrap(), 0);
    assert_eq!(reader.read_at(u64::MAX, &mut out).unwrap(), 0);
    let before = reader.seek(SeekFrom::End(-257)).unwrap_err();
    assert_eq!(before.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(reader.stream_position().unwrap(), 1000);
    // It is read to the end, or not at all, when the object is deleted meanwhile.
    reader.rewind().unwrap();
    blobs.delete(&key).unwrap();
    rest.clear();
    match reader.read_to_end(&mut rest) {
        Ok(_) => assert_eq!(rest, content),
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound),
    }
}

fn keys_that_are_not_there_are_named(blobs: &impl BlobRepository) {
    let (absent, there) = (absent_key(blobs), blobs.put_bytes(b"there").unwrap().key);
    let both = [there, absent, there];
    assert_eq!(blobs.has_many(&both).unwrap(), [true, false, true]);
    let mut errors = vec![
        blobs.open(&absent).map(drop).unwrap_err(),
        blobs.content(&absent).map(drop).unwrap_err(),
        blobs.sha256(&absent).map(drop).unwrap_err(),
        blobs.delete(&absent).unwrap_err(),
        blobs.delete_many(&both, Missing::Fail).unwrap_err(),
    ];
    for order in [Order::AsAsked, Order::AsStored] {
        let mut visits = 0;
        let mut visit = |_: &BlobKey, _: Option<&mut dyn hyperslab_blobs::BlobReader>| {
            visits += 1;
            Ok(ControlFlow::Continue(()))
        };
        let error = blobs.read_many(&both, order, Missing::Fail, &mut visit);
        errors.push(error.unwrap_err());
        assert_eq!(visits, 0);
    }
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains(&*absent.text()), "{error}");
    }
    assert!(blobs.has(&there).unwrap());
    assert_eq!(blobs.renew(&both).unwrap(), [true, false, true]);
    assert_eq!(blobs.delete_many(&both, Missing::Skip).unwrap(), 1);
    assert_eq!(blobs.renew(&both).unwrap(), [false; 3]);
    assert_eq!(listed(blobs), []);
    // A key of another format is no key here.
    let other = match blobs.info().key_format {
        KeyFormat::Sha1 => BlobKey::parse(KeyFormat::Sha256, &"a".repeat(64)),
        _ => BlobKey::parse(KeyFormat::Sha1, &"a".repeat(40)),
    };
    let other = other.unwrap();
    for error in [
        blobs.has(&other).map(drop).unwrap_err(),
        blobs.renew(&[other]).map(drop).unwrap_err(),
        blobs.open(&other).map(drop).unwrap_err(),
        blobs
            .delete_many(&[other], Missing::Skip)
            .map(drop)
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

fn many_are_visited_as_asked(blobs: &impl BlobRepository) {
    let contents = ["one", "two", "three"];
    let keys: Vec<BlobKey> = contents
        .iter()
        .map(|content| blobs.put_bytes(content.as_bytes()).unwrap().key)
        .collect();
    let asked = [keys[2], absent_key(blobs), keys[0], keys[2]];
    let visited = |order, most| {
        let mut seen = Vec::new();
        let mut visit = |key: &BlobKey, reader: Option<&mut dyn hyperslab_blobs::BlobReader>| {
            let content = reader.map(|reader| io::read_to_string(reader).unwrap());
            seen.push((*key, content));
            Ok(match seen.len() == most {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            })
        };
        blobs
            .read_many(&asked, order, Missing::Skip, &mut visit)
            .unwrap();
        seen
    };
    let content = |at: usize| Some(contents[at].to_owned());
    let seen = visited(Order::AsAsked, 9);
    let expected = [content(2), None, content(0), content(2)];
    assert_eq!(
        seen,
        asked.iter().cloned().zip(expected).collect::<Vec<_>>()
    );
    let mut seen = visited(Order::AsStored, 9);
    seen.sort();
    let mut expected = vec![
        (keys[0], content(0)),
        (keys[2], content(2)),
        (absent_key(blobs), None),
    ];
    expected.sort();
    assert_eq!(seen, expected);
    assert_eq!(visited(Order::AsAsked, 2).len(), 2);
}

/// A source that fails in its midst.
struct Failing(usize);

impl Read for Failing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
        out.fill(1);
        Ok(out.len())
    }
}

fn a_source_that_fails_leaves_nothing(blobs: &impl BlobRepository) {
    for blocks in 0..4 {
        let error = blobs.put(&mut Failing(blocks)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    assert_eq!(listed(blobs), []);
    assert_eq!(blobs.usage().unwrap().stored_bytes, 0);
    // What is read of a source begins where that is.
    let mut source = io::Cursor::new(b"0123456789");
    source.set_position(7);
    let put = blobs.put(&mut source).unwrap();
    assert_eq!(blobs.content(&put.key).unwrap(), b"789");
}

fn writers_beside_each_other_lose_nothing(blobs: &impl BlobRepository) {
    std::thread::scope(|scope| {
        for writer in 0..4_u8 {
            scope.spawn(move || {
                for number in 0..50_u8 {
                    // Each is put by two of them.
                    let content = [writer / 2, number].repeat(100);
                    let put = blobs.put_bytes(&content).unwrap();
                    assert_eq!(blobs.content(&put.key).unwrap(), content);
                }
            });
        }
    });
    let count = match blobs.info().key_format.is_of_content() {
        true => 100,
        false => 200,
    };
    assert_eq!(listed(blobs).len(), count);
}

fn what_is_erased_is_gone(blobs: &impl BlobRepository) {
    let key = blobs.put_bytes(b"x").unwrap().key;
    blobs.erase().unwrap();
    blobs.erase().unwrap();
    // One that has to be made anew says that it is not there.
    match blobs.has(&key) {
        Ok(there) => assert!(!there && listed(blobs).is_empty()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8),
    Delete(usize),
    Read(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        any::<u8>().prop_map(Step::Put),
        any::<usize>().prop_map(Step::Delete),
        any::<usize>().prop_map(Step::Read),
    ];
    proptest::collection::vec(step, 0..40)
}

fn random_steps_are_those_of_a_map(blobs: &impl BlobRepository, steps: Vec<Step>) {
    let mut model: BTreeMap<BlobKey, Vec<u8>> = BTreeMap::new();
    for step in steps {
        let chosen = |at: usize| {
            let at = at.checked_rem(model.len())?;
            model
                .iter()
                .nth(at)
                .map(|(key, content)| (*key, content.clone()))
        };
        match step {
            Step::Put(number) => {
                let content = vec![number % 8; usize::from(number)];
                let put = blobs.put_bytes(&content).unwrap();
                let known = model.insert(put.key, content);
                assert_eq!(put.existed, known.is_some());
            }
            Step::Delete(at) => {
                if let Some((key, _)) = chosen(at) {
                    blobs.delete(&key).unwrap();
                    model.remove(&key);
                }
            }
            Step::Read(at) => {
                if let Some((key, content)) = chosen(at) {
                    assert_eq!(blobs.content(&key).unwrap(), content);
                }
            }
        }
    }
    assert_eq!(listed(blobs), model.keys().cloned().collect::<Vec<_>>());
}
