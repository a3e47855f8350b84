//! What is measured: the workloads of the table, who does each, and the bars.

mod deker;
mod files;
mod objects;
mod zarr;

use serde_json::{Value, json};

use super::bars::Bar;
use super::layouts::Layout;
use super::limits::Limit;
use super::options::Options;
use super::peers::{Family, Peer};
use super::positions::Positions;
use super::scale::{Box3, Scale};

/// Where a workload happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Where nothing is.
    New,
    /// What was prepared, which stays as it is.
    Prepared(Layout),
    /// A copy of what was prepared.
    Copied(Layout),
}

/// One line of the table for each peer.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) title: String,
    pub(super) bars: Vec<Bar>,
    /// What is counted in bytes, in a word, where something is.
    pub(super) bytes: Option<&'static str>,
}

/// One operation that every peer does.
#[derive(Debug, Clone)]
pub(super) struct Workload {
    /// The group, as the bars call it: `W1`.
    pub(super) group: &'static str,
    /// Where the result goes: fresh memory, a given buffer, files.
    pub(super) into: &'static str,
    /// One for each pass.
    pub(super) rows: Vec<Row>,
    pub(super) place: Place,
    /// What the workers are asked, path and source aside.
    pub(super) request: Value,
    /// What nobody can beat.
    pub(super) limit: Option<Limit>,
    /// Whether its cells are those of the array beside Deker.
    pub(super) large: bool,
    /// Whether each peer does it in a process that has done nothing before.
    pub(super) alone: bool,
    /// Who does it, and on what.
    pub(super) peers: Vec<(Peer, Family)>,
}

/// The workloads that were asked for.
pub(super) fn all(options: &Options, scale: &Scale) -> Vec<Workload> {
    let mut workloads = files::all(scale);
    workloads.extend(zarr::all(scale));
    workloads.extend(deker::all(scale));
    workloads.extend(objects::all(scale));
    workloads.retain(|workload| options.wants(workload.group));
    let asked = |peer: Peer| {
        let named = |name: &String| name == peer.name();
        peer.is_ours() || options.with.is_empty() || options.with.iter().any(named)
    };
    for workload in &mut workloads {
        workload.peers.retain(|(peer, _)| asked(*peer));
    }
    workloads
}

impl Row {
    fn new(title: impl Into<String>, bars: &[Bar]) -> Self {
        Self {
            title: title.into(),
            bars: bars.to_vec(),
            bytes: None,
        }
    }
}

impl Workload {
    /// Writes the whole array into a new place.
    fn write(group: &'static str, row: Row, scale: &Scale, layout: Layout, limit: Limit) -> Self {
        Self {
            group,
            into: "new files",
            rows: vec![row],
            place: Place::New,
            request: json!({"op": "write", "layout": layout.json(scale)}),
            limit: Some(limit),
            large: false,
            alone: false,
            peers: Vec::new(),
        }
    }

    /// Reads the whole array, into fresh memory or into a given buffer.
    fn read(group: &'static str, row: Row, layout: Layout, limit: Limit, given: bool) -> Self {
        let into = if given { "given" } else { "fresh" };
        Self {
            group,
            into: if given {
                "a given buffer"
            } else {
                "fresh memory"
            },
            rows: vec![row],
            place: Place::Prepared(layout),
            request: json!({"op": "read", "into": into}),
            limit: Some(limit),
            large: false,
            alone: false,
            peers: Vec::new(),
        }
    }

    /// Reads boxes at random positions, once for each row, through one handle.
    fn slabs(
        group: &'static str,
        rows: Vec<Row>,
        layout: Layout,
        shape: Box3,
        starts: &[Box3],
    ) -> Self {
        let passes = rows.len();
        Self {
            group,
            into: "buffers of their size",
            rows,
            place: Place::Prepared(layout),
            request: json!({"op": "slabs", "shape": shape, "starts": starts, "passes": passes}),
            limit: None,
            large: layout.is_large(),
            alone: false,
            peers: Vec::new(),
        }
    }

    /// Writes boxes at random positions through one handle, until others see them.
    fn update(
        group: &'static str,
        row: Row,
        scale: &Scale,
        layout: Layout,
        count: usize,
        seed: u64,
    ) -> Self {
        let mut positions = Positions::new(seed);
        let starts = positions.boxes(count, scale.slab, scale.shape);
        let from = positions.boxes(count, scale.slab, scale.shape);
        let request = json!({"op": "update", "shape": scale.slab, "starts": starts, "from": from});
        Self {
            group,
            into: "files",
            rows: vec![row],
            place: Place::Copied(layout),
            request,
            limit: None,
            large: false,
            alone: false,
            peers: Vec::new(),
        }
    }

    /// Creates small arrays, or opens each and reads it.
    fn many(group: &'static str, row: Row, scale: &Scale, layout: Layout, open: bool) -> Self {
        let one_file = layout == Layout::Many;
        let op = if open { "open" } else { "create" };
        Self {
            group,
            into: if open { "fresh memory" } else { "new files" },
            rows: vec![row],
            place: if open {
                Place::Prepared(layout)
            } else {
                Place::New
            },
            request: json!({"op": op, "count": scale.many, "one_file": one_file}),
            limit: None,
            large: false,
            alone: false,
            peers: Vec::new(),
        }
    }

    /// Any request in a new place, of the small arrays or of the large one.
    fn new(group: &'static str, rows: Vec<Row>, request: Value, large: bool) -> Self {
        Self {
            group,
            into: "new files",
            rows,
            place: Place::New,
            request,
            limit: None,
            large,
            alone: false,
            peers: Vec::new(),
        }
    }

    fn by(mut self, peers: &[(Peer, Family)]) -> Self {
        self.peers = peers.to_vec();
        self
    }
}
