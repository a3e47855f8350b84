//! The `hyperslab` command: reads the command line, runs one verb, and tells by its exit code how that went.

mod args;
mod axis;
mod console;
mod failure;
mod human;
mod labelled;
mod numbers;
mod output;
mod progress;
mod render;
mod select;
mod session;
mod usage;
mod verbs;

use std::process::ExitCode;

use args::{Cli, Global};
use clap::Parser;
use console::Console;
use failure::Failure;
use session::Session;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if usage::is_answer(&error) => error.exit(),
        Err(error) => {
            let global = Global {
                json: words.iter().any(|word| word == "--json"),
                ..Global::default()
            };
            let complaint = usage::complaint(&error, &words, usage::outside);
            return Console::new(&global).finish(Err(complaint.into()));
        }
    };
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
