//! Servers of others from their registries into `target/peers`, once.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{Outcome, PeerKind};

/// How long one command of an installation may take: a registry that does not answer must not hang a test.
const LIMIT: Duration = Duration::from_secs(300);

/// For so long nobody tries again what has just failed: each test is a process of its own, and there are many.
const TRUCE: Duration = Duration::from_secs(600);

/// Installs a server unless it is, and returns its program. Why it cannot be installed is said, and noted for others.
#[expect(clippy::print_stderr, reason = "a peer left out must be seen")]
pub(super) fn install(kind: PeerKind) -> Outcome<PathBuf> {
    let installed = target().and_then(|target| Place::of(kind, &target.join("peers")).install());
    if let Err(message) = &installed {
        eprintln!("WARNING: {kind:?} IS LEFT OUT, nothing was compared with it: {message}");
    }
    installed
}

/// What is installed, and where.
struct Place {
    kind: PeerKind,
    package: &'static str,
    folder: PathBuf,
    program: PathBuf,
    lock: PathBuf,
    /// Says why the last installation failed.
    left_out: PathBuf,
}

impl Place {
    fn of(kind: PeerKind, peers: &Path) -> Self {
        let (name, package, program) = match kind {
            PeerKind::Moto => ("moto", "moto[server]==5.2.5", "bin/moto_server"),
            PeerKind::Azurite => (
                "azurite",
                "azurite@3.37.0",
                "node_modules/.bin/azurite-blob",
            ),
            PeerKind::S3rver => ("s3rver", "s3rver@3.7.1", "node_modules/.bin/s3rver"),
        };
        let folder = peers.join(name);
        Self {
            kind,
            package,
            program: folder.join(program),
            folder,
            lock: peers.join(format!("{name}.lock")),
            left_out: peers.join(format!("{name}.left-out")),
        }
    }

    fn install(self) -> Outcome<PathBuf> {
        std::fs::create_dir_all(&self.folder)
            .map_err(|e| format!("cannot make {}: {e}", self.folder.display()))?;
        // Tests run in several processes at once; one installs, the others wait.
        let lock = File::create(&self.lock).and_then(|file| file.lock().map(|()| file));
        let _lock = lock.map_err(|e| format!("cannot lock {}: {e}", self.folder.display()))?;
        let stamp = self.folder.join("installed");
        if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == self.package) {
            return Ok(self.program);
        }
        if let Some(reason) = self.failed_lately() {
            return Err(reason);
        }
        if let Err(reason) = self.fetch() {
            // Nobody reads a note that cannot be written; the next test tries again.
            let _ = std::fs::write(&self.left_out, &reason);
            return Err(reason);
        }
        let _ = std::fs::remove_file(&self.left_out);
        std::fs::write(&stamp, self.package)
            .map_err(|e| format!("cannot write {}: {e}", stamp.display()))?;
        Ok(self.program)
    }

    fn failed_lately(&self) -> Option<String> {
        let written = self.left_out.metadata().and_then(|note| note.modified());
        let age = written.ok()?.elapsed().ok()?;
        (age < TRUCE).then(|| std::fs::read_to_string(&self.left_out).ok())?
    }

    fn fetch(&self) -> Outcome<()> {
        if self.kind != PeerKind::Moto {
            let options = ["install", "--no-audit", "--no-fund", "--loglevel=error"];
            let mut npm = Command::new("npm");
            npm.args(options).arg("--prefix").arg(&self.folder);
            return run(npm.arg(self.package), LIMIT);
        }
        let venv = ["-m", "venv", "--clear"];
        run(Command::new("python3").args(venv).arg(&self.folder), LIMIT)?;
        let options = ["install", "--quiet", "--disable-pip-version-check"];
        let mut pip = Command::new(self.folder.join("bin/python"));
        pip.args(["-m", "pip"]).args(options);
        run(pip.arg(self.package), LIMIT)
    }
}

/// Runs a command to its end, or ends it and all that it has started.
fn run(command: &mut Command, limit: Duration) -> Outcome<()> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut child = child.map_err(|error| format!("{command:?} cannot be run: {error}"))?;
    let errors = child.stderr.take();
    let reader = std::thread::spawn(move || {
        let mut told = Vec::new();
        let _ = errors.map(|mut errors| errors.read_to_end(&mut told));
        String::from_utf8_lossy(&told).trim().to_owned()
    });
    let ended = wait(&mut child, limit);
    if ended.is_none() {
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
        let _ = child.wait();
    }
    let told = reader.join().unwrap_or_default();
    match ended {
        Some(status) if status.success() => Ok(()),
        Some(_) => Err(format!("{command:?} has failed: {told}")),
        None => Err(format!(
            "{command:?} has not ended within {limit:?}: {told}"
        )),
    }
}

fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let started = Instant::now();
    while started.elapsed() < limit {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_do_not_end_are_ended_with_all_they_started() {
        let folder = tempfile::tempdir().unwrap();
        let alive = folder.path().join("alive");
        let script = format!(
            "(sleep 3; touch {}) & echo trouble >&2; wait",
            alive.display()
        );
        let started = Instant::now();
        let shell = ["-c", &script];
        let error = run(Command::new("sh").args(shell), Duration::from_millis(500)).unwrap_err();
        assert!(error.contains("has not ended"), "{error}");
        assert!(error.contains("trouble"), "{error}");
        // The reader of its errors would have waited for the sleeper.
        assert!(started.elapsed() < Duration::from_secs(3));
        assert!(!alive.exists());
        let error = run(
            Command::new("sh").args(["-c", "echo no >&2; exit 3"]),
            LIMIT,
        )
        .unwrap_err();
        assert!(error.ends_with("has failed: no"), "{error}");
        let error = run(&mut Command::new("no-such-program"), LIMIT).unwrap_err();
        assert!(error.contains("cannot be run"), "{error}");
    }

    #[test]
    fn what_failed_is_noted_and_not_tried_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let place = || Place {
            package: "./no-such-package",
            ..Place::of(PeerKind::S3rver, folder.path())
        };
        std::fs::write(&place().left_out, "no registry").unwrap();
        assert_eq!(place().install().unwrap_err(), "no registry");
        std::fs::create_dir(place().folder).unwrap_or_default();
        std::fs::write(place().folder.join("installed"), "./no-such-package").unwrap();
        assert_eq!(place().install().unwrap(), place().program);
    }
}
