//! `hyperslab completions`: what a shell needs to complete the command.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::console::Console;
use crate::failure::{Outcome, Status};

const EXAMPLE: &str = "\
Example:
  hyperslab completions bash > ~/.local/share/bash-completion/completions/hyperslab";

/// Print the completions of a shell.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, console: &mut Console) -> Outcome {
        // Into memory first: the generator panics when it cannot write.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "hyperslab", &mut script);
        console.writer().write_all(&script)?;
        Ok(Status::Done)
    }
}
