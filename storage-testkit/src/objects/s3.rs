//! An S3 server in this process, on a folder.

mod bucket;
mod listing;
mod service;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Method, header};
use hyper_util::rt::TokioIo;
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use s3s::auth::SimpleAuth;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;

use self::bucket::Bucket;
use self::service::BucketService;
use super::background::{Background, listen};
use super::counts::{Counter, Request, RequestCounts};

/// The bucket that every server of the kit has.
pub const BUCKET: &str = "hyperslab-test";
/// The access key that every server of the kit accepts.
pub const ACCESS_KEY: &str = "hyperslab-test-key";
/// The secret that belongs to [`ACCESS_KEY`]. It opens nothing but servers of the kit.
pub const SECRET_KEY: &str = "hyperslab-test-secret";
/// The region that clients sign for.
pub const REGION: &str = "us-east-1";

/// A client of the test bucket behind an endpoint: [`S3Server::endpoint`], a [`Proxy`](super::Proxy) in front of it, or a
/// server of others. It retries as `object_store` does unless told otherwise.
#[must_use]
pub fn s3_client(endpoint: &str) -> AmazonS3Builder {
    // Clients need one even where no connection is encrypted. Somebody else may have chosen one already, which is as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_region(REGION)
        .with_bucket_name(BUCKET)
        .with_access_key_id(ACCESS_KEY)
        .with_secret_access_key(SECRET_KEY)
}

/// An S3 server in this process, on `127.0.0.1` and a free port, with one bucket. It ends when dropped.
///
/// It promises what AWS promises: strong consistency, conditional PUT, multipart completion and DELETE that are atomic
/// even between racing clients, conditional and ranged GET, paged listing. What it stores is in plain files below the
/// folder; an object is there whole or not at all, also when the process is killed. The ETag is the MD5 of the content, so
/// it is the same after a restart. Unlike AWS, multipart uploads in progress and metadata of the user
/// die with the server, and an object cannot be the "folder" of another.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    counter: Arc<Counter>,
    _background: Background,
}

impl S3Server {
    /// Serves a folder, which is made when it is missing.
    ///
    /// # Panics
    /// When the folder cannot be made.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        Self::start_on(folder, 0).unwrap()
    }

    /// Serves a folder on a given port; 0 means any free port.
    ///
    /// # Errors
    /// When the port is taken or the folder cannot be made.
    pub fn start_on(folder: &Path, port: u16) -> std::io::Result<Self> {
        let root = folder.join(BUCKET);
        std::fs::create_dir_all(&root)?;
        let store = LocalFileSystem::new_with_prefix(&root)?;
        Self::serve(Arc::new(store), port, S3Config::default())
    }

    /// Serves an empty bucket in memory, and takes every signature for one that was made too long ago: so that clients
    /// are answered as those whose clock is wrong.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn with_another_clock() -> Self {
        let store = Arc::new(InMemory::new());
        let mut config = S3Config::default();
        // A signature tells whole seconds, so none is made at this very moment.
        config.presigned_url_max_skew_time_secs = 0;
        Self::serve(store, 0, config).unwrap()
    }

    /// Serves the objects of another store, for example in memory, or one that injects faults. The server must be the only
    /// one who changes them.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn over(store: Arc<dyn ObjectStore>) -> Self {
        Self::serve(store, 0, S3Config::default()).unwrap()
    }

    fn serve(store: Arc<dyn ObjectStore>, port: u16, config: S3Config) -> std::io::Result<Self> {
        let (listener, address) = listen(port)?;
        let mut builder = S3ServiceBuilder::new(BucketService::new(Bucket::new(store)));
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        let service = builder.build();
        let counter = Arc::new(Counter::default());
        let counted = Arc::clone(&counter);
        let background =
            Background::serve(listener, move |listener| accept(listener, service, counted));
        Ok(Self {
            address,
            counter,
            _background: background,
        })
    }

    /// Where the server listens, as a URL.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the server listens, for a [`Proxy`](super::Proxy).
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The name of its bucket, [`BUCKET`].
    #[must_use]
    pub fn bucket(&self) -> &'static str {
        BUCKET
    }

    /// The key that it accepts, [`ACCESS_KEY`].
    #[must_use]
    pub fn access_key(&self) -> &'static str {
        ACCESS_KEY
    }

    /// The secret of that key, [`SECRET_KEY`].
    #[must_use]
    pub fn secret_key(&self) -> &'static str {
        SECRET_KEY
    }

    /// A client of this server; see [`s3_client`].
    #[must_use]
    pub fn client(&self) -> AmazonS3Builder {
        s3_client(&self.endpoint())
    }

    /// The requests that have arrived since the start or the last reset, refused ones and repeated ones included.
    #[must_use]
    pub fn request_counts(&self) -> RequestCounts {
        self.counter.get()
    }

    /// Starts counting anew.
    pub fn reset_counts(&self) {
        self.counter.reset();
    }
}

async fn accept(listener: TcpListener, service: S3Service, counter: Arc<Counter>) {
    loop {
        // A client that went away before it was accepted is its own affair.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (service, counter) = (service.clone(), Arc::clone(&counter));
        tokio::spawn(async move {
            let counted = service_fn(move |request: hyper::Request<Incoming>| {
                counter.add(kind(&request));
                Service::call(&service, request)
            });
            // It ends with an error whenever a client breaks the connection, which tests do.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), counted)
                .await;
        });
    }
}

/// What a request asks for.
fn kind<B>(request: &hyper::Request<B>) -> Request {
    let path = request.uri().path().trim_start_matches('/');
    let has_key = path.split_once('/').is_some_and(|(_, key)| !key.is_empty());
    let query = request.uri().query().unwrap_or_default();
    let asks = |name: &str| {
        query
            .split('&')
            .any(|part| part.split('=').next() == Some(name))
    };
    let headers = request.headers();
    if asks("uploads") || asks("uploadId") {
        return Request::Multipart;
    }
    match *request.method() {
        Method::GET if !has_key => Request::List,
        Method::GET if headers.contains_key(header::RANGE) => Request::GetRange,
        Method::GET => Request::Get,
        Method::HEAD => Request::Head,
        Method::DELETE => Request::Delete,
        Method::POST if asks("delete") => Request::Delete,
        _ if headers.contains_key("x-amz-copy-source") => Request::Copy,
        _ => Request::Put,
    }
}
