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
mod verbs;

use std::process::ExitCode;

use args::Cli;
use clap::Parser;
use console::Console;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut console = Console::new(&cli.global);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return console.finish(Err(error.into())),
    };
    let outcome = runtime.block_on(verbs::run(cli, &mut console));
    console.finish(outcome)
}
