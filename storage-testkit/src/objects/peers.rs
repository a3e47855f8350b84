//! Object stores made by others, to compare with. They are installed into `target/peers` the first time they are asked for,
//! which takes a minute, so only long tests use them.

mod install;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use object_store::aws::AmazonS3Builder;

use self::install::install;
use super::s3::{BUCKET, s3_client};

/// How long a server may take to answer. One that starts an interpreter on a busy machine takes ten seconds.
const LIMIT: Duration = Duration::from_secs(90);

/// The account that every Azurite has. Its key is in every copy of Azurite's documentation, and in clients for the emulator.
pub const AZURITE_ACCOUNT: &str = "devstoreaccount1";

/// What that key has signed: it may make containers.
const AZURITE_TOKEN: &str = "sv=2018-11-09&ss=b&srt=sco&sp=rwdlac&se=2099-01-01T00%3A00%3A00Z&sig=CPoOux8rQhR0b5pwICKRhVPCypVOv2XSgLfWcXpc32c%3D";

/// A server of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerKind {
    /// moto, from PyPI: the S3 that is most like AWS, and slow. Accepts any key; [`BUCKET`] is there.
    Moto,
    /// Azurite, from npm: Azure Blob Storage, with the well-known account [`AZURITE_ACCOUNT`]; the container
    /// [`BUCKET`] is there.
    Azurite,
    /// s3rver, from npm: an S3 that ignores conditions, as some servers in the field do. [`BUCKET`] is there.
    S3rver,
}

/// A running server of others on the loopback. It keeps nothing, and ends when dropped.
#[derive(Debug)]
pub struct Peer {
    kind: PeerKind,
    address: SocketAddr,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Peer {
    /// Whether long tests are asked for and the server is installed, which is done now if need be. When it cannot be
    /// installed, why stands on standard error and in `target/peers`, where `cargo xtask test --all` finds it: the test
    /// leaves the server out.
    #[must_use]
    pub fn is_there(kind: PeerKind) -> bool {
        std::env::var_os("HYPERSLAB_TEST_LONG").is_some() && install(kind).is_ok()
    }

    /// Starts the server and waits until it answers; `None` when it [is not there](Self::is_there).
    ///
    /// # Panics
    /// When the server is installed and does not start.
    #[must_use]
    pub fn start(kind: PeerKind) -> Option<Self> {
        if !Self::is_there(kind) {
            return None;
        }
        // For the clients that a test makes of any cloud; see `s3_client`.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Some(start(kind).unwrap_or_else(|message| panic!("{kind:?} does not start: {message}")))
    }

    /// Which server this is.
    #[must_use]
    pub fn kind(&self) -> PeerKind {
        self.kind
    }

    /// A client of its bucket; `None` when it does not speak S3.
    #[must_use]
    pub fn s3_client(&self) -> Option<AmazonS3Builder> {
        let client = s3_client(&self.endpoint());
        match self.kind {
            PeerKind::Moto => Some(client),
            // The one key that it knows.
            PeerKind::S3rver => Some(
                client
                    .with_access_key_id("S3RVER")
                    .with_secret_access_key("S3RVER"),
            ),
            PeerKind::Azurite => None,
        }
    }

    /// Where it listens, as a URL.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Outcome<T> = Result<T, String>;

fn start(kind: PeerKind) -> Outcome<Peer> {
    let program = install(kind)?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    // Another program may take the port in between, though seldom.
    let address = free_port().map_err(|e| e.to_string())?;
    let mut child = command(kind, &program, address.port(), folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("cannot start {}: {e}", program.display()))?;
    let ready = wait_for(&mut child, address).and_then(|()| match kind {
        PeerKind::Moto => make_bucket(address, &format!("/{BUCKET}")),
        PeerKind::Azurite => make_bucket(
            address,
            &format!("/{AZURITE_ACCOUNT}/{BUCKET}?restype=container&{AZURITE_TOKEN}"),
        ),
        PeerKind::S3rver => Ok(()),
    });
    match ready {
        Ok(()) => Ok(Peer {
            kind,
            address,
            child,
            _folder: folder,
        }),
        Err(message) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(message)
        }
    }
}

/// The command line of a server.
fn command(kind: PeerKind, program: &Path, port: u16, folder: &Path) -> Command {
    let mut command = Command::new(program);
    let port = port.to_string();
    match kind {
        PeerKind::Moto => command.args(["-H", "127.0.0.1", "-p", &port]),
        PeerKind::Azurite => command
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port])
            .args(["--inMemoryPersistence", "--skipApiVersionCheck"])
            .arg("--disableTelemetry"),
        PeerKind::S3rver => command
            .args(["-a", "127.0.0.1", "-p", &port, "--configure-bucket", BUCKET])
            .arg("-d")
            .arg(folder),
    };
    command.current_dir(folder);
    command
}

fn free_port() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Until it takes connections; all of them do so only when they are ready.
fn wait_for(child: &mut Child, address: SocketAddr) -> Outcome<()> {
    let started = Instant::now();
    while started.elapsed() < LIMIT {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("it has ended at once: {status}"));
        }
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(format!("it has not answered within {LIMIT:?}"))
}

/// One plain request does: moto checks no signature, and that for Azurite is part of the path.
fn make_bucket(address: SocketAddr, path: &str) -> Outcome<()> {
    let request = format!(
        "PUT {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let mut answer = String::new();
    TcpStream::connect(address)
        .and_then(|mut stream| {
            stream.set_read_timeout(Some(LIMIT))?;
            stream.write_all(request.as_bytes())?;
            stream.read_to_string(&mut answer)
        })
        .map_err(|e| format!("cannot make the bucket: {e}"))?;
    match answer.split(' ').nth(1) {
        Some("200" | "201") => Ok(()),
        _ => Err(format!("cannot make the bucket: {answer}")),
    }
}
