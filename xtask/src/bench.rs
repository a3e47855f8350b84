//! `cargo xtask bench`: measurements as ratios within one run, printed as one table.

use crate::shell::{self, built, command};
use crate::{Outcome, ci};

/// Small arrays against plain files. `--long` takes the full 10,000.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let count = match arguments {
        [] => "1000",
        [flag] if flag == "--long" => "10000",
        _ => return Err("usage: cargo xtask bench [--long]".into()),
    };
    ci::run_build()?;
    shell::run(
        command(built("examples/small_arrays"))
            .args(["--count", count, "--command"])
            .arg(built("hyperslab")),
    )
}
