//! The S3 server keeps what S3 promises.

use std::sync::Arc;

use futures::TryStreamExt;
use hyperslab_testkit::objects::{BUCKET, RequestCounts, S3Server};
use object_store::aws::AmazonS3;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion, integration,
};

use crate::race;

fn start() -> (tempfile::TempDir, S3Server, AmazonS3) {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path());
    let client = server.client().build().unwrap();
    (folder, server, client)
}

fn clients(server: &S3Server, number: usize) -> Vec<Arc<dyn ObjectStore>> {
    let client = || Arc::new(server.client().build().unwrap()) as Arc<dyn ObjectStore>;
    std::iter::repeat_with(client).take(number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twelve_concurrent_creators_exactly_one_wins() {
    let (_folder, server, _) = start();
    let clients = clients(&server, 12);
    for round in 0..20 {
        let key = format!("race/{round}");
        let winners = race::create(&clients, &key).await;
        assert_eq!(winners.len(), 1, "{winners:?}");
        let found = clients[0].get(&Path::from(key)).await.unwrap();
        let content = found.bytes().await.unwrap();
        assert_eq!(content, winners[0].to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_swaps_lose_no_update() {
    let (_folder, server, _) = start();
    assert_eq!(race::count(&clients(&server, 6), "counter", 40).await, 240);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_swaps_lose_no_update_over_memory() {
    let server = S3Server::over(Arc::new(InMemory::new()));
    assert_eq!(race::count(&clients(&server, 6), "counter", 40).await, 240);
}

#[tokio::test]
async fn it_passes_the_tests_of_its_client() {
    let (_folder, _server, client) = start();
    integration::put_get_delete_list(&client).await;
    integration::list_uses_directories_correctly(&client).await;
    integration::list_with_delimiter(&client).await;
    integration::rename_and_copy(&client).await;
    integration::stream_get(&client).await;
    integration::multipart(&client, &client).await;
    integration::get_nonexistent_object(&client, None)
        .await
        .unwrap_err();
    integration::put_opts(&client, true).await;
    integration::get_opts(&client).await;
    // Last, because it leaves objects behind.
    integration::list_paginated(&client, &client).await;
}

#[tokio::test]
async fn conditions_are_checked() {
    let (_folder, _server, client) = start();
    let (key, other) = (Path::from("a"), Path::from("b"));
    let first = client.put(&key, "1".into()).await.unwrap();
    let second = client.put(&key, "2".into()).await.unwrap();
    assert_ne!(first.e_tag, second.e_tag);

    let stale = PutMode::Update(UpdateVersion {
        e_tag: first.e_tag.clone(),
        version: None,
    });
    let refused = client
        .put_opts(&key, "3".into(), stale.clone().into())
        .await;
    assert!(
        matches!(refused, Err(Error::Precondition { .. })),
        "{refused:?}"
    );
    let refused = client.put_opts(&other, "3".into(), stale.into()).await;
    assert!(
        matches!(refused, Err(Error::Precondition { .. })),
        "{refused:?}"
    );
    let refused = client.put_opts(&key, "3".into(), PutMode::Create.into());
    let refused = refused.await;
    assert!(
        matches!(refused, Err(Error::AlreadyExists { .. })),
        "{refused:?}"
    );

    let unchanged = GetOptions::new().with_if_none_match(second.e_tag.clone());
    let answer = client.get_opts(&key, unchanged).await;
    assert!(
        matches!(answer, Err(Error::NotModified { .. })),
        "{answer:?}"
    );
    let changed = GetOptions::new().with_if_match(first.e_tag);
    let answer = client.get_opts(&key, changed).await;
    assert!(
        matches!(answer, Err(Error::Precondition { .. })),
        "{answer:?}"
    );
    assert_eq!(client.get(&key).await.unwrap().bytes().await.unwrap(), "2");
}

#[tokio::test]
async fn ranges_are_cut_out() {
    let (_folder, _server, client) = start();
    let key = Path::from("numbers");
    let content: Vec<u8> = (0..200).collect();
    client.put(&key, content.clone().into()).await.unwrap();
    let cases = [
        (GetRange::Bounded(10..20), 10..20),
        (GetRange::Bounded(190..300), 190..200),
        (GetRange::Offset(150), 150..200),
        (GetRange::Suffix(7), 193..200),
        (GetRange::Suffix(700), 0..200),
    ];
    for (range, expected) in cases {
        let options = GetOptions::new().with_range(Some(range.clone()));
        let found = client.get_opts(&key, options).await.unwrap();
        assert_eq!(found.range, expected, "{range:?}");
        assert_eq!(found.meta.size, 200);
        let (start, end) = (expected.start as usize, expected.end as usize);
        assert_eq!(found.bytes().await.unwrap(), content[start..end]);
    }
    assert!(client.get_range(&key, 200..210).await.is_err());
}

#[tokio::test]
async fn a_listing_comes_in_pages() {
    let (folder, server, client) = start();
    for number in 0..2500 {
        let below = folder.path().join(BUCKET).join(format!("x/{}", number % 3));
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(below.join(format!("{number:04}")), b"content").unwrap();
    }
    let prefix = Path::from("x");
    let listed: Vec<_> = client.list(Some(&prefix)).try_collect().await.unwrap();
    assert_eq!(listed.len(), 2500);
    assert!(
        listed
            .iter()
            .all(|meta| meta.size == 7 && meta.e_tag == listed[0].e_tag)
    );
    assert!(
        listed
            .windows(2)
            .all(|pair| pair[0].location < pair[1].location)
    );
    assert_eq!(
        server.request_counts(),
        RequestCounts {
            list: 3,
            ..RequestCounts::default()
        }
    );
    let folders = client.list_with_delimiter(Some(&prefix)).await.unwrap();
    let expected = ["x/0", "x/1", "x/2"].map(Path::from);
    assert_eq!(
        (folders.common_prefixes, folders.objects.len()),
        (expected.to_vec(), 0)
    );
    let offset = Path::from("x/2/2489");
    let rest: Vec<_> = (client
        .list_with_offset(Some(&prefix), &offset)
        .try_collect()
        .await)
        .unwrap();
    let rest: Vec<_> = rest.iter().map(|meta| meta.location.as_ref()).collect();
    assert_eq!(rest, ["x/2/2492", "x/2/2495", "x/2/2498"]);
}

#[tokio::test]
async fn requests_are_counted_by_kind() {
    let (_folder, server, client) = start();
    let key = Path::from("a");
    client.put(&key, "12345".into()).await.unwrap();
    server.reset_counts();
    client.get_range(&key, 1..3).await.unwrap();
    let expected = RequestCounts {
        get_range: 1,
        ..RequestCounts::default()
    };
    assert_eq!(server.request_counts(), expected);

    client.get(&key).await.unwrap().bytes().await.unwrap();
    client.head(&key).await.unwrap();
    client.copy(&key, &Path::from("b")).await.unwrap();
    client.delete(&key).await.unwrap();
    let mut upload = client.put_multipart(&key).await.unwrap();
    upload.put_part("12".into()).await.unwrap();
    upload.complete().await.unwrap();
    let expected = RequestCounts {
        get: 1,
        head: 1,
        copy: 1,
        delete: 1,
        multipart: 3,
        ..expected
    };
    assert_eq!(server.request_counts(), expected);
}

#[tokio::test]
async fn an_etag_stays_over_a_restart() {
    let (folder, server, client) = start();
    let key = Path::from("a/b");
    let tag = client.put(&key, "12345".into()).await.unwrap().e_tag;
    drop(server);
    assert!(!folder.path().join(BUCKET).join("a/b#1").exists());

    let server = S3Server::start(folder.path());
    let client = server.client().build().unwrap();
    assert_eq!(client.head(&key).await.unwrap().e_tag, tag);
    let swap = PutMode::Update(UpdateVersion {
        e_tag: tag,
        version: None,
    });
    client
        .put_opts(&key, "6".into(), swap.into())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let (_folder, server, _) = start();
    let client = server.client().with_secret_access_key("another").build();
    let answer = client.unwrap().put(&Path::from("a"), "1".into()).await;
    assert!(
        matches!(answer, Err(Error::PermissionDenied { .. })),
        "{answer:?}"
    );
}
