//! `cargo deny`: licences, bans and sources of the whole dependency tree. Advisories are left out: their database does
//! not lie in a package registry.

use std::process::Command;

use crate::report::Report;
use crate::shell::{cargo, command, run, target};
use crate::{Outcome, shell};

const VERSION: &str = "0.20.2";

/// Checks `deny.toml`, with the cargo-deny on PATH or one installed into `target/tools`.
pub(crate) fn check(report: &mut Report) -> Outcome {
    let mut deny = match find() {
        Some(found) => found,
        None => match install() {
            Ok(installed) => installed,
            Err(message) => {
                // tidy has checked licences, sources and single versions from cargo metadata already.
                report.remark(format!(
                    "cargo-deny {VERSION} is not installed and could not be ({message}); only `tidy` has checked the \
                     dependency tree. Install it with: cargo install cargo-deny --locked"
                ));
                return Ok(());
            }
        },
    };
    run(deny.args(["--workspace", "check", "bans", "licenses", "sources"]))
}

fn find() -> Option<Command> {
    if shell::answers("cargo-deny", &["--version"]) {
        return Some(command("cargo-deny"));
    }
    let ours = tool();
    ours.exists().then(|| command(ours))
}

fn folder() -> std::path::PathBuf {
    target().join("tools").join(format!("cargo-deny-{VERSION}"))
}

fn tool() -> std::path::PathBuf {
    let file = format!("cargo-deny{}", std::env::consts::EXE_SUFFIX);
    folder().join("bin").join(file)
}

fn install() -> Outcome<Command> {
    println!(
        "installing cargo-deny {VERSION} into target/tools, once; two to three minutes on two cores"
    );
    run(cargo()
        .args([
            "install",
            "cargo-deny",
            "--locked",
            "--quiet",
            "--version",
            VERSION,
            "--root",
        ])
        .arg(folder())
        // Its own build folder, so that it never waits for ours.
        .arg("--target-dir")
        .arg(folder().join("build")))?;
    // Half a gigabyte of intermediate files that nobody needs again.
    std::fs::remove_dir_all(folder().join("build"))
        .map_err(|e| format!("cannot remove the build folder of cargo-deny: {e}"))?;
    Ok(command(tool()))
}
