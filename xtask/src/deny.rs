//! `cargo deny`: licences, bans and sources of the whole dependency tree. Advisories are left out: their database does
//! not lie in a package registry.

use std::process::Command;

use crate::report::Report;
use crate::shell::{command, run};
use crate::tool::Tool;
use crate::{Outcome, shell};

const VERSION: &str = "0.20.2";

const CARGO_DENY: Tool = Tool {
    package: "cargo-deny",
    version: VERSION,
    time: "two to three minutes on two cores",
};

/// Checks `deny.toml`, with the cargo-deny on PATH or one installed into `target/tools`.
pub(crate) fn check(report: &mut Report) -> Outcome {
    let mut deny = match find() {
        Some(found) => found,
        None => match CARGO_DENY.install() {
            Ok(installed) => command(installed),
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
    let ours = CARGO_DENY.program();
    ours.exists().then(|| command(ours))
}
