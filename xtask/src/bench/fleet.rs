//! All workers of a run, each started when it is first needed.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::peers::Peer;
use super::worker::Worker;
use crate::Outcome;

/// The workers.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    workers: BTreeMap<Peer, Worker>,
    threads: Option<usize>,
}

impl Fleet {
    /// No worker yet; each gets so many threads, if that is said.
    pub(super) fn new(threads: Option<usize>) -> Self {
        Self {
            workers: BTreeMap::new(),
            threads,
        }
    }

    /// Ends the worker of a peer, so that the next request finds a process that has done nothing yet.
    pub(super) fn renew(&mut self, peer: Peer) {
        self.workers.remove(&peer);
    }

    /// Asks the worker of a peer.
    pub(super) fn ask(&mut self, peer: Peer, request: &Value) -> Outcome<Value> {
        if !self.workers.contains_key(&peer) {
            self.workers
                .insert(peer, Worker::start(peer, self.threads)?);
        }
        match self.workers.get_mut(&peer) {
            Some(worker) => worker.ask(request),
            None => Err("a worker was lost".into()),
        }
    }

    /// How many cores other programs had while workers worked, on average.
    pub(super) fn others(&self) -> f64 {
        let (mut wall, mut taken) = (0.0, 0.0);
        for worker in self.workers.values() {
            wall += worker.watched.0;
            taken += worker.watched.1;
        }
        (taken / f64::max(wall, 1e-9)).max(0.0)
    }

    /// The versions of everything that answered.
    pub(super) fn versions(&mut self) -> Outcome<Value> {
        let mut versions = Map::new();
        for worker in self.workers.values_mut() {
            let answer = worker.ask(&json!({"op": "versions", "path": ""}))?;
            if let Some(found) = answer["versions"].as_object() {
                // Deker's environment comes last and has an old NumPy: what is known stays.
                for (name, version) in found {
                    versions.entry(name).or_insert_with(|| version.clone());
                }
            }
        }
        Ok(Value::Object(versions))
    }
}
