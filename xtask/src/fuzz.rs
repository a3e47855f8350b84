//! `cargo xtask fuzz`: the targets of `fuzz/`, one after the other.

use std::process::Command;

use crate::Outcome;
use crate::shell::{command, root, run, target};
use crate::tool::Tool;

const CARGO_FUZZ: Tool = Tool {
    package: "cargo-fuzz",
    version: "0.13.1",
    time: "a minute or two on two cores",
};

/// How long each target runs when nobody says.
const SECONDS: u32 = 600;

/// A target that takes more memory than this has found something. The HDF5 library alone takes a tenth of it.
const MEMORY_MIB: u32 = 512;

/// Runs each target for so many seconds.
pub(crate) fn run_all(arguments: &[String]) -> Outcome {
    let seconds = match arguments {
        [] => SECONDS,
        [seconds] => seconds
            .parse()
            .map_err(|_| format!("'{seconds}' is no number of seconds"))?,
        _ => return Err("usage: cargo xtask fuzz [SECONDS]".into()),
    };
    if !CARGO_FUZZ.program().exists() {
        CARGO_FUZZ.install()?;
    }
    run(cargo_fuzz("build").args(["--sanitizer", "none"]))?;
    for name in targets()? {
        run(cargo_fuzz("run")
            .args(["--sanitizer", "none", &name, "--"])
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
            .args(["-max_len=4096", "-timeout=10", "-print_final_stats=1"]))?;
    }
    Ok(())
}

/// Fuzzing needs flags that stable compilers hide; the code itself does not.
fn cargo_fuzz(verb: &str) -> Command {
    let mut fuzz = command(CARGO_FUZZ.program());
    fuzz.arg(verb)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", target().join("fuzz"));
    fuzz
}

/// The names of the targets, sorted.
fn targets() -> Outcome<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let failed = |e| format!("cannot list {}: {e}", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        names.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.sort_unstable();
    Ok(names)
}
