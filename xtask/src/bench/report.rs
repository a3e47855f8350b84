//! All measurements of a run, and what follows from them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::bars::{Against, Bar, Clock, Verdict};
use super::limits::Limit;
use super::peers::Peer;
use super::rounds::LimitCells;
use super::scale::Scale;
use super::workloads::Workload;
use crate::Outcome;

/// What a run ran on.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) facts: Value,
    pub(super) versions: Value,
    /// The kind of file system of the data.
    pub(super) folder: String,
    pub(super) scale: Scale,
    pub(super) rounds: usize,
    pub(super) threads: Option<usize>,
    /// Load of the machine before and after.
    pub(super) load: (f64, f64),
    /// Cores that other programs had while the workers worked, on average.
    pub(super) others: f64,
}

/// What one peer took for one row.
#[derive(Debug, Default, Clone)]
pub(super) struct Cell {
    /// Seconds, one for each round.
    pub(super) wall: Vec<f64>,
    pub(super) cpu: Vec<f64>,
    /// What the row counts in bytes, one for each round.
    bytes: Vec<f64>,
    /// Cores that other programs had meanwhile, one for each round.
    others: Vec<f64>,
    pub(super) checksum: Option<u64>,
    /// Why there are no seconds.
    pub(super) unsupported: Option<String>,
    pub(super) error: Option<String>,
}

/// Cells by the number of the workload, the number of the row in it, and the peer.
type Cells = BTreeMap<(usize, usize, Peer), Cell>;

/// The measurements.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) header: Header,
    pub(super) workloads: Vec<Workload>,
    cells: Cells,
    limits: LimitCells,
}

impl Cell {
    fn add(&mut self, answer: &Value, others: f64) {
        let seconds = |field: &str| answer[field].as_f64();
        if let Some((wall, cpu)) = seconds("wall").zip(seconds("cpu")) {
            self.wall.push(wall);
            self.cpu.push(cpu);
            self.others.push(others);
        }
        self.bytes.extend(answer["bytes"].as_f64());
        let text = |field: &str| answer[field].as_str().map(str::to_owned);
        self.unsupported = text("unsupported");
        self.error = text("error");
        if let Some(checksum) = answer["checksum"].as_u64() {
            self.checksum = Some(checksum);
        }
    }

    /// Wall and processor time in seconds.
    pub(super) fn medians(&self) -> Option<(f64, f64)> {
        median(&self.wall).zip(median(&self.cpu))
    }

    /// What the row counts in bytes.
    pub(super) fn bytes(&self) -> Option<f64> {
        median(&self.bytes)
    }

    /// What decides by that clock.
    fn decisive(&self, clock: Clock) -> Option<(f64, f64)> {
        match clock {
            Clock::Bytes => self.bytes().map(|bytes| (bytes, bytes)),
            Clock::Either | Clock::Cpu => self.medians(),
        }
    }

    fn json(&self) -> Value {
        let (wall, cpu) = self.medians().unzip();
        json!({
            "wall": self.wall, "cpu": self.cpu, "median_wall": wall, "median_cpu": cpu,
            "bytes": self.bytes, "median_bytes": self.bytes(), "others": self.others, "checksum": self.checksum, "unsupported": self.unsupported, "error": self.error
        })
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    Some((sorted[low] + sorted[high]) / 2.0)
}

impl Report {
    pub(super) fn new(header: Header, workloads: Vec<Workload>) -> Self {
        Self {
            header,
            workloads,
            cells: Cells::new(),
            limits: LimitCells::new(),
        }
    }

    /// Takes the answer of a peer to a workload.
    pub(super) fn add(&mut self, number: usize, peer: Peer, answer: &Value) {
        let others = answer["others"].as_f64().unwrap_or(0.0);
        let row_count = self.workloads[number].rows.len();
        for row in 0..row_count {
            let pass = answer["passes"].get(row).unwrap_or(answer);
            self.cells
                .entry((number, row, peer))
                .or_default()
                .add(pass, others);
        }
    }

    pub(super) fn add_limit(&mut self, limit: Limit, threads: usize, answer: &Value) {
        let others = answer["others"].as_f64().unwrap_or(0.0);
        self.limits
            .entry((limit, threads))
            .or_default()
            .add(answer, others);
    }

    /// Whether a peer need not be asked again.
    pub(super) fn gave_up(&self, number: usize, peer: Peer) -> bool {
        let cell = self.cell(number, 0, peer);
        cell.is_some_and(|cell| cell.error.is_some() || cell.unsupported.is_some())
    }

    pub(super) fn cell(&self, number: usize, row: usize, peer: Peer) -> Option<&Cell> {
        self.cells.get(&(number, row, peer))
    }

    /// Limits that some workload is compared with, and the copies, which say how fast the memory is.
    pub(super) fn limits_needed(&self) -> BTreeSet<Limit> {
        let rows = self.workloads.iter().flat_map(|workload| &workload.rows);
        let barred = rows
            .flat_map(|row| &row.bars)
            .filter_map(|bar| match bar.against {
                Against::Limit(limit) => Some(limit),
                _ => None,
            });
        let compared = self.workloads.iter().filter_map(|workload| workload.limit);
        let mut needed: BTreeSet<Limit> = barred.chain(compared).collect();
        needed.extend([Limit::CopyTouched, Limit::CopyFresh]);
        needed
    }

    /// What each limit took, by the number of threads.
    pub(super) fn limits(&self) -> impl Iterator<Item = (Limit, usize, f64, f64)> {
        self.limits.iter().filter_map(|((limit, threads), cell)| {
            let (wall, cpu) = cell.medians()?;
            Some((*limit, *threads, wall, cpu))
        })
    }

    /// What a limit took with as many threads as the peers may have.
    pub(super) fn limit(&self, limit: Limit) -> Option<(f64, f64)> {
        let most = self.limits.keys().map(|(_, threads)| *threads).max()?;
        self.limits.get(&(limit, most))?.medians()
    }

    /// The row of ours that the others are compared with: the first of ours that was measured.
    pub(super) fn ours(&self, number: usize, row: usize) -> Option<(f64, f64)> {
        self.cell(number, row, self.first_of_ours(number)?)?
            .medians()
    }

    fn first_of_ours(&self, number: usize) -> Option<Peer> {
        let peers = self.workloads[number].peers.iter();
        peers.map(|(peer, _)| *peer).find(|peer| peer.is_ours())
    }

    /// Whether each bar of a row was met.
    pub(super) fn verdicts(&self, number: usize, row: usize) -> Vec<Verdict> {
        let bars = self.workloads[number].rows[row].bars.iter();
        bars.map(|bar| self.verdict(number, row, bar)).collect()
    }

    fn verdict(&self, number: usize, row: usize, bar: &Bar) -> Verdict {
        let decisive = |peer: Peer| self.cell(number, row, peer)?.decisive(bar.clock);
        let peers = self.workloads[number].peers.iter();
        let medians: Vec<_> = peers
            .filter_map(|(peer, _)| decisive(*peer).map(|(wall, cpu)| (*peer, wall, cpu)))
            .collect();
        let ours = bar.of.or_else(|| self.first_of_ours(number));
        bar.judge(ours.and_then(decisive), &medians, |limit| self.limit(limit))
    }

    /// Every row: the number of its workload and its own.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, usize)> {
        let workloads = self.workloads.iter().enumerate();
        workloads
            .flat_map(|(number, workload)| (0..workload.rows.len()).map(move |row| (number, row)))
    }

    /// Rows in which not all peers have the same cells.
    fn disagreements(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (number, row) in self.rows() {
            let mut by_checksum: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
            for (peer, _) in &self.workloads[number].peers {
                let cell = self.cell(number, row, *peer);
                if let Some(checksum) = cell.and_then(|cell| cell.checksum) {
                    by_checksum.entry(checksum).or_default().push(peer.title());
                }
            }
            if by_checksum.len() > 1 {
                let title = &self.workloads[number].rows[row].title;
                found.push(format!("'{title}' gave different cells: {by_checksum:?}"));
            }
        }
        found
    }

    /// What went wrong, and, if that is asked for, the bars that were missed.
    pub(super) fn outcome(&self, bars: bool) -> Outcome {
        let mut faults = self.disagreements();
        for ((number, row, peer), cell) in &self.cells {
            if let Some(error) = &cell.error {
                let title = &self.workloads[*number].rows[*row].title;
                faults.push(format!("{} failed in '{title}': {error}", peer.title()));
            }
        }
        if bars {
            for (number, row) in self.rows() {
                let title = &self.workloads[number].rows[row].title;
                let verdicts = self.verdicts(number, row);
                // A rival that nobody asked for is no fault; that we have nothing to show is.
                let missed = verdicts
                    .iter()
                    .filter(|verdict| verdict.failed || verdict.word == "missed");
                faults.extend(
                    missed.map(|verdict| format!("'{title}': {} {}", verdict.bar, verdict.word)),
                );
            }
        }
        match faults.as_slice() {
            [] => Ok(()),
            faults => Err(faults.join("\n  ")),
        }
    }

    /// Everything.
    pub(super) fn json(&self) -> Value {
        let Header {
            facts,
            versions,
            folder,
            scale,
            rounds,
            threads,
            load,
            others,
        } = &self.header;
        let rows: Vec<Value> = self
            .rows()
            .map(|(number, row)| self.row_json(number, row))
            .collect();
        let limits: Vec<Value> = self
            .limits()
            .map(|(limit, threads, wall, cpu)| {
                json!({"limit": limit.title(), "threads": threads, "median_wall": wall, "median_cpu": cpu})
            })
            .collect();
        json!({
            "machine": facts, "versions": versions, "file_system": folder, "dtype": scale.dtype,
            "shape": scale.shape, "bytes": scale.bytes(), "rounds": rounds, "threads": threads,
            "load_before": load.0, "load_after": load.1,
            "others": others, "limits": limits, "rows": rows
        })
    }

    fn row_json(&self, number: usize, row: usize) -> Value {
        let workload = &self.workloads[number];
        let peers: serde_json::Map<String, Value> = workload
            .peers
            .iter()
            .filter_map(|(peer, _)| {
                let cell = self.cell(number, row, *peer)?;
                Some((peer.name().to_owned(), cell.json()))
            })
            .collect();
        let verdicts: Vec<Value> = self
            .verdicts(number, row)
            .iter()
            .map(|verdict| json!({"bar": verdict.bar, "verdict": verdict.word, "reached": verdict.reached}))
            .collect();
        json!({
            "group": workload.group, "title": workload.rows[row].title, "into": workload.into,
            "peers": peers, "bars": verdicts
        })
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle_or_between_the_two() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
