//! `cargo xtask demo`: the command built and shown on a real data file.

use crate::Outcome;
use crate::shell::{built, cargo, command, run};

/// Builds the command and runs its demo.
pub(crate) fn verb() -> Outcome {
    run(cargo().args(["build", "--release", "--package", "hyperslab-cli"]))?;
    run(command(built("hyperslab")).arg("demo"))
}
