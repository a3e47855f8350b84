//! D1 to D7: what Deker does, by us in our own HDF5 layout and in a storage of Deker, by Deker itself, and by h5py alone.

use serde_json::{Value, json};

use super::{Place, Row, Workload};
use crate::bench::bars::{Against, Bar};
use crate::bench::layouts::Layout;
use crate::bench::peers::{Family, Peer};
use crate::bench::positions::Positions;
use crate::bench::scale::{Box3, Scale};

const DEKER: Against = Against::These(&[Peer::Deker]);

/// Tiles along each axis.
const TILE_COUNTS: Box3 = [4, 4, 4];

/// By how much all changes of an attribute together may let the files grow.
const GROWTH_MAX: u64 = 16 << 10;

/// Who writes: each in its own format, into a new place.
const WRITERS: [(Peer, Family); 4] = [
    (Peer::Hyperslab, Family::OwnHdf5),
    (Peer::HyperslabDeker, Family::OwnDeker),
    (Peer::H5py, Family::Hdf5),
    (Peer::Deker, Family::Deker),
];

/// Who reads: each what it wrote itself, and we what Deker wrote.
const READERS: [(Peer, Family); 4] = [
    (Peer::Hyperslab, Family::OwnHdf5),
    (Peer::HyperslabDeker, Family::Deker),
    (Peer::H5py, Family::Hdf5),
    (Peer::Deker, Family::Deker),
];

pub(super) fn all(scale: &Scale) -> Vec<Workload> {
    let mut all = small(scale);
    all.extend(slices(scale));
    all.push(tiles(scale));
    all.extend(first_cells(scale));
    all.push(attributes(scale));
    all
}

/// A row in which both of ours are so many times faster than Deker: in our own layout, and in Deker's.
fn row(title: impl Into<String>, own: f64, deker: f64) -> Row {
    let bars = [
        Bar::ahead(DEKER, own),
        Bar::ahead(DEKER, deker).of(Peer::HyperslabDeker),
    ];
    Row::new(title, &bars)
}

fn small(scale: &Scale) -> Vec<Workload> {
    let count = scale.many;
    let ask = |op: &str| json!({"op": op, "count": count});
    let created = row(format!("{count} arrays with a key, create"), 4.0, 2.5);
    let mut create = Workload::new("D1", vec![created], ask("create-keyed"), false).by(&WRITERS);
    create.peers.extend([
        (Peer::HyperslabSynced, Family::OwnHdf5),
        (Peer::HyperslabDekerSynced, Family::OwnDeker),
    ]);
    let prepared = |group, what: &str, op| {
        let title = format!("{count} arrays with a key, {what}");
        let mut workload = Workload::new(group, vec![row(title, 10.0, 10.0)], ask(op), false);
        workload.place = Place::Prepared(Layout::Keyed);
        workload.into = "fresh memory";
        workload.by(&READERS)
    };
    vec![
        create,
        prepared("D2", "find each by its key", "find-keyed"),
        prepared("D3", "find and read each by its key", "read-keyed"),
    ]
}

fn mib(scale: &Scale) -> u64 {
    scale.large_bytes().div_ceil(1 << 20)
}

fn slices(scale: &Scale) -> Vec<Workload> {
    let (count, size) = (scale.count(300), scale.large_box);
    let forms = [
        ("in one piece in Deker and h5py", Layout::Plain, 141),
        ("in chunks", Layout::Planes, 142),
    ];
    let read = |(form, layout, seed)| {
        let starts = Positions::new(seed).boxes(count, size, scale.large);
        let title = format!("{count} slices of {} MiB, {form}", mib(scale));
        let rows = vec![row(title, 20.0, 20.0)];
        Workload::slabs("D4", rows, layout, size, &starts).by(&READERS)
    };
    forms.into_iter().map(read).collect()
}

/// One array of tiles from the first write to single cells; what is read is opened anew for each row.
fn tiles(scale: &Scale) -> Workload {
    let [steps, height, width] = scale.large;
    let count = scale.count(100);
    let of = format!(
        "{} tiles of together {} MiB",
        TILE_COUNTS.iter().product::<u64>(),
        mib(scale)
    );
    let across = TILE_COUNTS[1] * TILE_COUNTS[2];
    let rows = vec![
        row(format!("{of}, first write"), 3.0, 3.0),
        row(format!("{of}, write again"), 5.0, 5.0),
        row(format!("{of}, read"), 5.0, 5.0),
        row(format!("{of}, a plane through {across}"), 7.0, 7.0),
        row(format!("{of}, {count} single cells"), 12.0, 12.0),
    ];
    let request = json!({
        "op": "tiles",
        "shape": scale.large,
        "counts": TILE_COUNTS,
        "plane": {"starts": [[steps / 3, 0, 0]], "shape": [1, height, width]},
        "cells": {
            "starts": Positions::new(151).boxes(count, [1, 1, 1], scale.large), "shape": [1, 1, 1]
        }
    });
    let mut workload = Workload::new("D5", rows, request, true).by(&WRITERS);
    workload.into = "new files, and fresh memory";
    workload
}

fn first_cells(scale: &Scale) -> Vec<Workload> {
    let forms = [
        ("in one piece in Deker and h5py", Layout::Plain),
        ("in chunks", Layout::Planes),
    ];
    let first = |(form, layout): (&str, Layout)| {
        let title = format!("first cell into an empty {} MiB, {form}", mib(scale));
        let mut row = row(title, 30.0, 30.0);
        let lighter = Bar::lighter(DEKER, 30.0);
        row.bars.extend([lighter, lighter.of(Peer::HyperslabDeker)]);
        row.bytes = Some("peak");
        let start = scale.large.map(|length| length / 2);
        let request: Value = json!({
            "op": "first-cell", "shape": scale.large, "start": start, "layout": layout.json(scale)
        });
        let mut workload = Workload::new("D6", vec![row], request, false).by(&WRITERS);
        workload.alone = true;
        workload
    };
    forms.into_iter().map(first).collect()
}

fn attributes(scale: &Scale) -> Workload {
    let count = scale.count(100);
    let small = Bar::under(GROWTH_MAX);
    let bars = [small, small.of(Peer::HyperslabDeker)];
    let mut row = Row::new(format!("{count} updates of an attribute"), &bars);
    row.bytes = Some("files");
    let request = json!({"op": "attributes", "count": count});
    Workload::new("D7", vec![row], request, false).by(&WRITERS)
}
