//! Object stores made by others, to compare with. They are installed into `target/peers` the first time they are asked for,
//! which takes a minute, so only long tests use them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use object_store::aws::AmazonS3Builder;

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
    /// Installs the server if need be, starts it and waits until it answers. `None`, and why on standard error, when it
    /// cannot be installed or started: the test says so and leaves it out.
    #[must_use]
    #[expect(clippy::print_stderr, reason = "a peer left out must be seen")]
    pub fn start(kind: PeerKind) -> Option<Self> {
        // For the clients that a test makes of any cloud; see `s3_client`.
        let _ = rustls::crypto::ring::default_provider().install_default();
        match start(kind) {
            Ok(peer) => Some(peer),
            Err(message) => {
                eprintln!("WARNING: {kind:?} IS LEFT OUT, nothing was compared with it: {message}");
                None
            }
        }
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

/// Installs a server once, and returns its program.
fn install(kind: PeerKind) -> Outcome<PathBuf> {
    let peers = target()?.join("peers");
    let (name, package) = match kind {
        PeerKind::Moto => ("moto", "moto[server]==5.2.5"),
        PeerKind::Azurite => ("azurite", "azurite@3.37.0"),
        PeerKind::S3rver => ("s3rver", "s3rver@3.7.1"),
    };
    let folder = peers.join(name);
    std::fs::create_dir_all(&folder)
        .map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
    // Tests run in several processes at once; one installs, the others wait.
    let lock = std::fs::File::create(peers.join(format!("{name}.lock")))
        .and_then(|file| file.lock().map(|()| file));
    let _lock = lock.map_err(|e| format!("cannot lock {}: {e}", folder.display()))?;
    let program = folder.join(match kind {
        PeerKind::Moto => "bin/moto_server",
        PeerKind::Azurite => "node_modules/.bin/azurite-blob",
        PeerKind::S3rver => "node_modules/.bin/s3rver",
    });
    let stamp = folder.join("installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == package) {
        return Ok(program);
    }
    match kind {
        PeerKind::Moto => {
            run(Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&folder))?;
            run(Command::new(folder.join("bin/python")).args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                package,
            ]))?;
        }
        PeerKind::Azurite | PeerKind::S3rver => {
            run(Command::new("npm")
                .args([
                    "install",
                    "--no-audit",
                    "--no-fund",
                    "--loglevel=error",
                    "--prefix",
                ])
                .arg(&folder)
                .arg(package))?;
        }
    }
    std::fs::write(&stamp, package)
        .map_err(|e| format!("cannot write {}: {e}", stamp.display()))?;
    Ok(program)
}

fn run(command: &mut Command) -> Outcome<()> {
    let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).output();
    match ended {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr);
            Err(format!("{command:?} has failed: {}", told.trim()))
        }
        Err(error) => Err(format!("{command:?} cannot be run: {error}")),
    }
}

/// The folder that cargo builds into, which it has marked.
fn target() -> Outcome<PathBuf> {
    let this = std::env::current_exe().map_err(|e| e.to_string())?;
    let marked = this
        .ancestors()
        .find(|at| at.join("CACHEDIR.TAG").is_file());
    marked
        .map(Path::to_path_buf)
        .ok_or_else(|| "this program does not lie in a target folder".to_owned())
}
