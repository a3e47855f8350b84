//! A worker: a process that answers one line of JSON with another.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::machine;
use super::peers::Peer;
use crate::Outcome;

/// One process of a peer. It ends when its input does.
#[derive(Debug)]
pub(super) struct Worker {
    peer: Peer,
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// What its answers took, and what other programs had of the processors meanwhile, both in seconds.
    pub(super) watched: (f64, f64),
}

impl Worker {
    /// Starts the program of a peer, with so many threads if it can be told.
    pub(super) fn start(peer: Peer, threads: Option<usize>) -> Outcome<Self> {
        let mut program = peer.program()?;
        program.stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(threads) = threads {
            for name in [
                "HYPERSLAB_BENCH_THREADS",
                "RAYON_NUM_THREADS",
                "TOKIO_WORKER_THREADS",
                "BLOSC_NTHREADS",
            ] {
                program.env(name, threads.to_string());
            }
        }
        let failed = |e| format!("cannot start the worker of {}: {e}", peer.title());
        let mut child = program.spawn().map_err(failed)?;
        let (requests, answers) = (child.stdin.take(), child.stdout.take());
        let answers = answers.ok_or("a worker has no output")?;
        Ok(Self {
            peer,
            child,
            requests,
            answers: BufReader::new(answers),
            watched: (0.0, 0.0),
        })
    }

    /// Asks and waits for the answer, in which `others` says how many cores other programs had meanwhile.
    pub(super) fn ask(&mut self, request: &Value) -> Outcome<Value> {
        let (before, start) = (self.others(), Instant::now());
        let mut answer = self.answer(request)?;
        let (taken, wall) = (self.others() - before, start.elapsed().as_secs_f64());
        self.watched.0 += wall;
        self.watched.1 += taken;
        answer["others"] = (taken / wall).max(0.0).into();
        Ok(answer)
    }

    /// Seconds of all processors that went to anything but this worker, since the machine was started.
    fn others(&self) -> f64 {
        machine::busy_seconds() - machine::process_seconds(self.child.id())
    }

    fn answer(&mut self, request: &Value) -> Outcome<Value> {
        let peer = self.peer.title();
        let requests = self.requests.as_mut().ok_or("a worker has no input")?;
        let gone = |e| format!("the worker of {peer} has gone: {e}; asked was {request}");
        writeln!(requests, "{request}").map_err(gone)?;
        requests.flush().map_err(gone)?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(gone)?;
        serde_json::from_str(&line).map_err(|e| {
            format!("the worker of {peer} answered '{line}' to {request}, which is no JSON: {e}")
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.requests.take());
        // It ends by itself, having no more requests; how, nobody needs to know.
        let _ = self.child.wait();
    }
}
