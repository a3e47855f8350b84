//! Running other programs from the root of the project.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::Outcome;
use crate::report::Counts;

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Where everything built lies, `CARGO_TARGET_DIR` respected.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// A program built by `cargo build --release`.
pub(crate) fn built(name: &str) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    target().join("release").join(file)
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Some build scripts run again when these differ, and with them minutes of compiling: `cargo xtask` must not differ from
    // a cargo that a person calls.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// A program, run in the root of the project.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// Whether a program answers to `arguments`.
pub(crate) fn answers(program: &str, arguments: &[&str]) -> bool {
    command(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs to the end with its output on ours.
pub(crate) fn run(command: &mut Command) -> Outcome {
    announce(command);
    let status = command.status().map_err(|e| not_started(command, &e))?;
    ended(command, status)
}

/// Runs to the end and gives back what it printed on standard output.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| not_started(command, &e))?;
    ended(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a test runner to the end: its output goes on to ours line by line, and its closing lines are added up.
pub(crate) fn run_counting(command: &mut Command, counts: &mut Counts) -> Outcome {
    announce(command);
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| not_started(command, &e))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let shared = Mutex::new(counts);
    std::thread::scope(|scope| {
        scope.spawn(|| forward(stdout, std::io::stdout(), &shared));
        scope.spawn(|| forward(stderr, std::io::stderr(), &shared));
    });
    let status = child.wait().map_err(|e| not_started(command, &e))?;
    ended(command, status)
}

fn forward(from: Option<impl Read>, mut to: impl Write, counts: &Mutex<&mut Counts>) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    // A reader that fails or a closed output ends the forwarding; the exit status of the program still decides.
    while matches!(from.read_until(b'\n', &mut line), Ok(count) if count > 0) {
        if let Ok(mut counts) = counts.lock() {
            counts.add_line(&String::from_utf8_lossy(&line));
        }
        if to.write_all(&line).and_then(|()| to.flush()).is_err() {
            break;
        }
        line.clear();
    }
}

fn announce(command: &Command) {
    let root = root();
    let mut words = vec![show(command.get_program(), &root)];
    words.extend(command.get_args().map(|word| show(word, &root)));
    println!("  $ {}", words.join(" "));
}

fn show(word: &std::ffi::OsStr, root: &Path) -> String {
    let path = Path::new(word);
    let short = path.strip_prefix(root).unwrap_or(path);
    match short.file_name() {
        Some(name) if short.is_absolute() => name.to_string_lossy().into_owned(),
        _ => short.to_string_lossy().into_owned(),
    }
}

fn name(command: &Command) -> String {
    show(command.get_program(), &root())
}

fn not_started(command: &Command, error: &std::io::Error) -> String {
    format!("cannot run {}: {error}", name(command))
}

fn ended(command: &Command, status: std::process::ExitStatus) -> Outcome {
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} ended with {status}", name(command)))
    }
}
