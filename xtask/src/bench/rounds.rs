//! The rounds: round by round, workload by workload, peer after peer in an order that turns.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::fleet::Fleet;
use super::folder::{self, Folder};
use super::layouts::Layout;
use super::limits::Limit;
use super::machine;
use super::options::Options;
use super::peers::{Family, Peer};
use super::report::{Cell, Header, Report};
use super::scale::Scale;
use super::workloads::{self, Place, Workload};
use crate::Outcome;

/// A run under way.
struct Run<'a> {
    options: &'a Options,
    scale: &'a Scale,
    folder: Folder,
    /// The cells of the array, and of the one beside Deker.
    source: PathBuf,
    large_source: PathBuf,
    fleet: Fleet,
    report: Report,
}

/// Prepares everything, measures all rounds and removes everything.
pub(super) fn measure(options: &Options, scale: &Scale) -> Outcome<Report> {
    let folder = Folder::create(options, scale)?;
    let workloads = workloads::all(options, scale);
    if workloads.is_empty() {
        return Err(
            "no workload is of that name; there are D1 to D7, H1 to H5, W1 to W7 and W9".into(),
        );
    }
    let header = Header {
        facts: machine::facts(),
        versions: Value::Null,
        folder: folder.kind.clone(),
        scale: scale.clone(),
        rounds: options.rounds,
        threads: options.threads,
        load: (machine::load(), 0.0),
        others: 0.0,
    };
    let large = workloads.iter().any(|workload| workload.large);
    let large = if large { scale.large } else { scale.shape };
    let mut run = Run {
        options,
        scale,
        source: folder.source(scale.dtype, scale.shape)?,
        large_source: folder.source(scale.dtype, large)?,
        folder,
        fleet: Fleet::new(options.threads),
        report: Report::new(header, workloads),
    };
    run.prepare()?;
    for round in 0..options.rounds {
        run.round(round)?;
    }
    run.report.header.versions = run.fleet.versions()?;
    run.report.header.load.1 = machine::load();
    run.report.header.others = run.fleet.others();
    Ok(run.report)
}

impl Run<'_> {
    /// Writes whatever some workload opens.
    fn prepare(&mut self) -> Outcome {
        let mut needed: BTreeSet<(Layout, Family)> = BTreeSet::new();
        for workload in &self.report.workloads {
            if let Place::Prepared(layout) | Place::Copied(layout) = workload.place {
                needed.extend(workload.peers.iter().map(|(_, family)| (layout, *family)));
            }
        }
        println!("  preparing {} forms of the data", needed.len());
        for (layout, family) in needed {
            let mut request = match layout {
                Layout::Many | Layout::Files => {
                    let one_file = layout == Layout::Many;
                    json!({"op": "create", "count": self.scale.many, "one_file": one_file})
                }
                Layout::Keyed => json!({"op": "create-keyed", "count": self.scale.many}),
                _ => json!({"op": "write", "layout": layout.json(self.scale)}),
            };
            if layout.is_large() {
                request["source"] = json!(self.large_source);
            }
            request["path"] = json!(self.prepared(layout, family));
            let answer = self.ask(family.writer(), family, request)?;
            if let Some(why) = answer["error"].as_str() {
                return Err(format!(
                    "{layout:?} as {family:?} cannot be prepared: {why}"
                ));
            }
        }
        Ok(())
    }

    fn prepared(&self, layout: Layout, family: Family) -> PathBuf {
        let name = format!("{}-{}", layout.name(), family.name());
        self.folder.at(&name)
    }

    fn ask(&mut self, peer: Peer, family: Family, mut request: Value) -> Outcome<Value> {
        if request.get("source").is_none() {
            request["source"] = json!(self.source);
        }
        request["synced"] = json!(peer.syncs());
        request["dtype"] = json!(self.scale.dtype);
        if let Some(adapter) = family.adapter() {
            request["adapter"] = json!(adapter);
        }
        if request.get("shape").is_none() {
            request["shape"] = json!(self.scale.shape);
        }
        self.fleet.ask(peer, &request)
    }

    fn round(&mut self, round: usize) -> Outcome {
        print!("  round {} of {}:", round + 1, self.options.rounds);
        self.limits()?;
        for number in 0..self.report.workloads.len() {
            let workload = self.report.workloads[number].clone();
            print!(" {}", workload.group);
            std::io::stdout().flush().map_err(|e| e.to_string())?;
            let count = workload.peers.len();
            for place in 0..count {
                let (peer, family) = workload.peers[(place + round) % count];
                self.one(number, &workload, peer, family, round)?;
            }
        }
        println!();
        Ok(())
    }

    /// One peer does one workload.
    fn one(
        &mut self,
        number: usize,
        workload: &Workload,
        peer: Peer,
        family: Family,
        round: usize,
    ) -> Outcome {
        if self.report.gave_up(number, peer) {
            return Ok(());
        }
        let path = match workload.place {
            Place::Prepared(layout) => self.prepared(layout, family),
            Place::New => self.folder.fresh(),
            Place::Copied(layout) => {
                let copy = self.folder.fresh();
                folder::copy(&self.prepared(layout, family), &copy)?;
                copy
            }
        };
        let mut request = workload.request.clone();
        if workload.large {
            request["source"] = json!(self.large_source);
        }
        if workload.alone {
            self.fleet.renew(peer);
        }
        request["path"] = json!(path);
        // Reading everything back takes as long as writing it, and once is enough.
        request["check"] = json!(round == 0);
        let answer = self.ask(peer, family, request)?;
        if !matches!(workload.place, Place::Prepared(_)) {
            folder::remove(&path);
        }
        self.report.add(number, peer, &answer);
        Ok(())
    }

    fn limits(&mut self) -> Outcome {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let all = self.options.threads.unwrap_or(cores);
        let counts = BTreeSet::from([1, all]);
        for limit in self.report.limits_needed() {
            for &threads in &counts {
                let path = self.folder.fresh();
                let mut request = limit.request(self.scale);
                request["threads"] = json!(threads);
                request["path"] = json!(path);
                let answer = self.ask(Peer::Limit, Family::Zarr, request)?;
                folder::remove(&path);
                if let Some(why) = answer["error"].as_str() {
                    return Err(format!("{} cannot be measured: {why}", limit.title()));
                }
                self.report.add_limit(limit, threads, &answer);
            }
        }
        Ok(())
    }
}

/// The measurements of each limit by its number of threads.
pub(super) type LimitCells = BTreeMap<(Limit, usize), Cell>;
