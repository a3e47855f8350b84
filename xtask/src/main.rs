//! Project commands: `cargo xtask --help`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command that people and CI read"
)]

mod bench;
mod ci;
mod demo;
mod deny;
mod fuzz;
mod python;
mod report;
mod shell;
mod tidy;
mod tool;

use std::process::ExitCode;

/// What went wrong, in one line that names the remedy.
type Outcome<T = ()> = Result<T, String>;

const HELP: &str = "\
cargo xtask VERB [OPTIONS]

  test [--all] [--only STEP,...] [--skip STEP,...]
           Everything that must pass: format, tidy, clippy, deny, build, examples, python, doc, tests.
           --all adds the long campaigns and the benchmark with its bars (an hour or so).
  ci       The same as test; the name that CI knows.
  tidy     Import rules, lengths of files and functions, licences, words, links. Seconds.
  demo     A real data file into a collection, and back out by label, with a picture. Two minutes the first time.
  bench [--long]
           Small arrays against plain files: creating, finding, listing, as one table of ratios.
  bench --peers [--only W1,H2,...] [--with PEER,...] [--size MIB] [--rounds N] [--dir FOLDER] [--threads N]
                [--json FILE] [--markdown FILE] [--bars] [--vary] [--smoke]
           Large arrays beside h5py, zarr-python, zarrs, tensorstore, TileDB, xarray and Deker, in alternation, as one
           table. Half an hour; --smoke a minute.
  fuzz [SECONDS]
           Random bytes against what reads files: each target of fuzz/ for ten minutes, or so many seconds.

Needs Rust, a C compiler and Python 3; fetches cmake, cargo-deny and the Python packages into target/.";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let verb = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let outcome = match verb.as_str() {
        "test" | "ci" => ci::all(&rest),
        "tidy" => none(&rest).and_then(|()| tidy::run()),
        "demo" => none(&rest).and_then(|()| demo::verb()),
        "bench" => bench::run(&rest),
        "fuzz" => fuzz::run_all(&rest),
        "" | "help" | "-h" | "--help" => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(format!("no verb '{other}'; see cargo xtask --help")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn none(rest: &[String]) -> Outcome {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(format!(
            "unexpected argument '{extra}'; see cargo xtask --help"
        )),
    }
}
