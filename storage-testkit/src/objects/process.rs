//! The S3 server as a process of its own, to be killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use object_store::aws::AmazonS3Builder;

use super::s3::{S3Server, s3_client};

/// The name of the binary.
const PROGRAM: &str = "s3-server";
/// What stands before the address in the line that the process prints.
const READY: &str = "listening on ";
/// How long a process may take to start, or a port to become free.
const LIMIT: Duration = Duration::from_secs(60);

/// An [`S3Server`] in another process, killed when this is dropped, or when the process that started it ends.
#[derive(Debug)]
pub struct S3Process {
    program: PathBuf,
    folder: PathBuf,
    address: SocketAddr,
    child: Child,
}

impl S3Process {
    /// Starts the binary `s3-server` of this package on a folder, and waits until it listens.
    ///
    /// # Panics
    /// When the binary is not built, or does not start.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        let program = find_program();
        let (child, address) = spawn(&program, folder, 0);
        Self {
            program,
            folder: folder.to_owned(),
            address,
            child,
        }
    }

    /// Kills the process at once, in the middle of whatever it does. Nothing listens until [`restart`](Self::restart).
    ///
    /// # Panics
    /// When the process cannot be killed.
    pub fn kill(&mut self) {
        // One that has ended on its own cannot be killed, which is as well.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Kills the process if it still runs, and starts it again on the same folder and port.
    ///
    /// # Panics
    /// When the process does not start again.
    pub fn restart(&mut self) {
        self.kill();
        (self.child, self.address) = spawn(&self.program, &self.folder, self.address.port());
    }

    /// Where the server listens, as a URL. It stays the same after a restart.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of this server; see [`s3_client`].
    #[must_use]
    pub fn client(&self) -> AmazonS3Builder {
        s3_client(&self.endpoint())
    }
}

impl Drop for S3Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary: as the test runner names it, or beside the program that runs.
fn find_program() -> PathBuf {
    let named = ["NEXTEST_BIN_EXE_s3-server", "CARGO_BIN_EXE_s3-server"];
    let named = named.iter().find_map(std::env::var_os).map(PathBuf::from);
    let this = std::env::current_exe().unwrap();
    let file = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    // Tests lie in `deps`, one folder below the binaries.
    let beside = this.ancestors().skip(1).take(2).map(|at| at.join(&file));
    let mut places = named.into_iter().chain(beside);
    places.find(|path| path.is_file()).unwrap_or_else(|| {
        panic!(
            "the binary {PROGRAM} is not built: cargo build --release -p hyperslab-testkit --features objects --bins"
        )
    })
}

/// Starts the server and waits until it listens.
fn spawn(program: &Path, folder: &Path, port: u16) -> (Child, SocketAddr) {
    let mut child = Command::new(program)
        .arg(folder)
        .arg(port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = child.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix(READY);
    match address.and_then(|address| address.parse().ok()) {
        Some(address) => (child, address),
        None => {
            let _ = child.kill();
            let status = child.wait();
            panic!("s3-server has not started: '{line}', {status:?}");
        }
    }
}

/// The binary `s3-server FOLDER PORT`: serves the folder until its standard input ends, so that it does not outlive the
/// test that started it.
///
/// # Errors
/// When the arguments are wrong, the port stays taken or the folder cannot be made.
pub fn s3_server_main(arguments: &[String]) -> std::io::Result<()> {
    let [folder, port] = arguments else {
        return Err(std::io::Error::other("usage: s3-server FOLDER PORT"));
    };
    let port = port.parse().map_err(std::io::Error::other)?;
    let server = serve_on(Path::new(folder), port)?;
    let mut output = std::io::stdout();
    writeln!(output, "{READY}{}", server.address())?;
    output.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// The port of a process that was killed may be taken for a moment, by a connection that somebody else has made.
fn serve_on(folder: &Path, port: u16) -> std::io::Result<S3Server> {
    let started = Instant::now();
    loop {
        match S3Server::start_on(folder, port) {
            Err(error)
                if error.kind() == std::io::ErrorKind::AddrInUse && started.elapsed() < LIMIT =>
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            served => return served,
        }
    }
}
