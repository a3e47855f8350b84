//! `cargo xtask bench`: measurements as ratios within one run, printed as one table.

use crate::Outcome;
use crate::shell::{self, built, cargo, command};

/// Small arrays against plain files. `--long` takes the full 10,000.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let count = match arguments {
        [] => "1000",
        [flag] if flag == "--long" => "10000",
        _ => return Err("usage: cargo xtask bench [--long]".into()),
    };
    shell::run(cargo().args(["build", "--release", "--workspace", "--bins", "--examples"]))?;
    shell::run(
        command(built("examples/small_arrays"))
            .args(["--count", count, "--command"])
            .arg(built("hyperslab")),
    )
}
