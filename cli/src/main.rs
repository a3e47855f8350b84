//! The `hyperslab` command: reads the command line, runs one verb, and tells by its exit code how that went.

mod args;
mod axis;
mod console;
mod failure;
mod human;
mod labelled;
mod output;
mod progress;
mod render;
mod select;
mod session;
mod verbs;

use std::process::ExitCode;

use args::{Cli, Global};
use clap::Parser;
use console::Console;
use failure::Failure;
use session::Session;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut console = Console::new(&cli.global);
    let runtime = match threads(&cli.global) {
        Ok(runtime) => runtime,
        Err(failure) => return console.finish(Err(failure)),
    };
    let session = Session::new(cli.global);
    let outcome = runtime.block_on(verbs::run(cli.verb, &session, &mut console));
    console.finish(outcome)
}

/// The threads of this program: as many as were asked for, or one for each core.
fn threads(global: &Global) -> Result<Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(count) = global.workers {
        hyperslab::set_workers(count)?;
        builder.worker_threads(count);
    }
    Ok(builder.enable_all().build()?)
}
