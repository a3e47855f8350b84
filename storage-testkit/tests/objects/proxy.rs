//! The proxy breaks what it should, and nothing else.

use std::time::{Duration, Instant};

use hyperslab_testkit::objects::{Direction, Proxy, S3Server, Wire, s3_client};
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{ObjectStoreExt, RetryConfig};

const SIZE: usize = 1 << 20;

struct Setup {
    _folder: tempfile::TempDir,
    server: S3Server,
    proxy: Proxy,
    client: AmazonS3,
    key: Path,
}

async fn setup() -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path());
    let proxy = Proxy::start(server.address());
    let no_retry = RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    };
    let client = s3_client(&proxy.endpoint()).with_retry(no_retry);
    let client = client.build().unwrap();
    let key = Path::from("a");
    client.put(&key, vec![7; SIZE].into()).await.unwrap();
    Setup {
        _folder: folder,
        server,
        proxy,
        client,
        key,
    }
}

impl Setup {
    /// The bytes that were read, or an error.
    async fn read(&self) -> object_store::Result<usize> {
        let found = self.client.get(&self.key).await?;
        Ok(found.bytes().await?.len())
    }
}

fn to_client(direction: Direction) -> Wire {
    Wire {
        to_client: direction,
        ..Wire::default()
    }
}

#[tokio::test]
async fn a_reset_is_an_error_of_the_client() {
    let setup = setup().await;
    for bytes in [0, 10, 5000, 1 << 19] {
        setup.proxy.set(to_client(Direction {
            reset_after: Some(bytes),
            ..Direction::default()
        }));
        assert!(setup.read().await.is_err(), "after {bytes} bytes");
        setup.proxy.set(Wire::default());
        assert_eq!(setup.read().await.unwrap(), SIZE);
    }
    // More than there is.
    setup.proxy.set(to_client(Direction {
        reset_after: Some(2 << 20),
        ..Direction::default()
    }));
    assert_eq!(setup.read().await.unwrap(), SIZE);
}

#[tokio::test]
async fn a_half_closed_connection_is_an_error_of_the_client() {
    let setup = setup().await;
    setup.proxy.set(to_client(Direction {
        close_after: Some(1 << 19),
        ..Direction::default()
    }));
    assert!(setup.read().await.is_err());
    setup.proxy.set(Wire::default());
    assert_eq!(setup.read().await.unwrap(), SIZE);
}

#[tokio::test]
async fn an_upload_that_is_cut_leaves_no_object() {
    let setup = setup().await;
    let key = Path::from("b");
    for (reset_after, close_after) in [(Some(1 << 19), None), (None, Some(1 << 19))] {
        let to_server = Direction {
            reset_after,
            close_after,
            ..Direction::default()
        };
        setup.proxy.set(Wire {
            to_server,
            ..Wire::default()
        });
        let put = setup.client.put(&key, vec![8; SIZE].into()).await;
        assert!(put.is_err());
        let direct = setup.server.client().build().unwrap();
        let found = direct.head(&key).await;
        assert!(
            matches!(found, Err(object_store::Error::NotFound { .. })),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn refused_connections_are_an_error_of_the_client() {
    let setup = setup().await;
    // Those that are open go on: only a new client sees it.
    setup.proxy.set(Wire {
        refuse: true,
        ..Wire::default()
    });
    let no_retry = RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    };
    let late = s3_client(&setup.proxy.endpoint()).with_retry(no_retry);
    let late = late.build().unwrap();
    assert!(late.head(&setup.key).await.is_err());
    assert_eq!(setup.read().await.unwrap(), SIZE);
    setup.proxy.set(Wire::default());
    assert_eq!(late.head(&setup.key).await.unwrap().size, SIZE as u64);
}

#[tokio::test]
async fn delays_add_up_over_both_directions() {
    let setup = setup().await;
    let direction = Direction {
        delay: Duration::from_millis(60),
        ..Direction::default()
    };
    setup.proxy.set(Wire {
        refuse: false,
        to_server: direction,
        to_client: direction,
    });
    let started = Instant::now();
    setup.client.head(&setup.key).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn a_dead_proxy_takes_its_connections_along() {
    let Setup {
        proxy,
        client,
        key,
        _folder,
        server: _server,
    } = setup().await;
    drop(proxy);
    assert!(client.head(&key).await.is_err());
}
