//! Our worker of the side-by-side benchmark: `peers-hyperslab hyperslab|zarrs|limit|files`.
//!
//! One process, started once per run, that does one request at a time: a line of JSON on standard input for each, a line
//! of JSON on standard output as the answer. The workers in Python (`benches/peers/common.py`) do the same with the same
//! clocks and checksums. Only what stands between the two readings of the clocks counts.

mod bare_zarrs;
mod cells;
mod clock;
mod limit;
mod objects;
mod ours;
mod request;
mod small;
mod storages;

use std::io::{BufRead, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::request::{Failure, Outcome, Request};

/// Does what a request asks for.
type Worker = fn(&Request) -> Outcome<Value>;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let worker: Worker = match wanted.as_str() {
        "hyperslab" => ours::answer,
        "zarrs" => bare_zarrs::answer,
        "limit" => limit::answer,
        "files" => objects::bare,
        _ => return ExitCode::from(2),
    };
    match serve(worker) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Answers requests until there are no more.
fn serve(worker: Worker) -> std::io::Result<()> {
    let mut answers = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = match Request::parse(&line?).and_then(|request| worker(&request)) {
            Ok(answer) => answer,
            Err(Failure::Unsupported(what)) => json!({"unsupported": what}),
            Err(Failure::Error(what)) => json!({"error": what}),
        };
        writeln!(answers, "{answer}")?;
        answers.flush()?;
    }
    Ok(())
}
