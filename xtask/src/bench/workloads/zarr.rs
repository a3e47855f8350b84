//! W1 to W7 and W9: Zarr groups that zarr-python wrote, read in place, stores of our own, and other formats beside them.

use super::{Row, Workload};
use crate::bench::bars::{Against, Bar};
use crate::bench::layouts::Layout;
use crate::bench::limits::Limit;
use crate::bench::peers::{Family, Peer};
use crate::bench::positions::Positions;
use crate::bench::scale::{Box3, Scale};

const EVERYBODY: Against = Against::AllBut(&[]);

/// Who writes: each in its own format, into a new place.
const WRITERS: [(Peer, Family); 9] = [
    (Peer::Hyperslab, Family::OwnZarr),
    (Peer::H5py, Family::Hdf5),
    (Peer::ZarrPython, Family::Zarr),
    (Peer::ZarrZarrs, Family::Zarr),
    (Peer::Zarrs, Family::Zarr),
    (Peer::Tensorstore, Family::Zarr),
    (Peer::TensorstoreCache, Family::Zarr),
    (Peer::TileDb, Family::TileDb),
    (Peer::Deker, Family::Deker),
];

/// Who reads: those that know Zarr what zarr-python wrote, the others what they wrote themselves.
const READERS: [(Peer, Family); 12] = [
    (Peer::Hyperslab, Family::Zarr),
    (Peer::HyperslabOwn, Family::OwnZarr),
    (Peer::H5py, Family::Hdf5),
    (Peer::H5pyCache, Family::Hdf5),
    (Peer::ZarrPython, Family::Zarr),
    (Peer::ZarrZarrs, Family::Zarr),
    (Peer::Zarrs, Family::Zarr),
    (Peer::Tensorstore, Family::Zarr),
    (Peer::TensorstoreCache, Family::Zarr),
    (Peer::TileDb, Family::TileDb),
    (Peer::Xarray, Family::Zarr),
    (Peer::Deker, Family::Deker),
];

/// Who changes what is there.
const UPDATERS: [(Peer, Family); 11] = [
    (Peer::Hyperslab, Family::OwnZarr),
    (Peer::HyperslabHdf5, Family::OwnHdf5),
    (Peer::H5py, Family::Hdf5),
    (Peer::H5pyCache, Family::Hdf5),
    (Peer::ZarrPython, Family::Zarr),
    (Peer::ZarrZarrs, Family::Zarr),
    (Peer::Zarrs, Family::Zarr),
    (Peer::Tensorstore, Family::Zarr),
    (Peer::TensorstoreCache, Family::Zarr),
    (Peer::TileDb, Family::TileDb),
    (Peer::Deker, Family::Deker),
];

pub(super) fn all(scale: &Scale) -> Vec<Workload> {
    let mut all = writes(scale);
    all.extend(whole_reads());
    all.extend(slabs(scale));
    all.extend(series(scale));
    all.extend(updates(scale));
    all.extend(slabs_of_shards(scale));
    all.extend(many(scale));
    all.push(updates_in_shards(scale));
    all
}

fn writes(scale: &Scale) -> Vec<Workload> {
    let forms = [
        ("raw", Layout::Raw, Limit::Pwrite, 1.5),
        ("zstd 1", Layout::Zstd, Limit::EncodeZstd, 1.2),
    ];
    let write = |(form, layout, limit, factor)| {
        let bars = [Bar::ahead(EVERYBODY, 1.0), Bar::limit(limit, factor)];
        let row = Row::new(format!("Zarr write whole, {form}"), &bars);
        Workload::write("W1", row, scale, layout, limit).by(&of(layout, &WRITERS))
    };
    forms.into_iter().map(write).collect()
}

/// Without those that cannot store the layout.
fn of(layout: Layout, peers: &[(Peer, Family)]) -> Vec<(Peer, Family)> {
    let mut peers = peers.to_vec();
    if layout != Layout::Raw {
        peers.retain(|(peer, _)| *peer != Peer::Deker);
    }
    peers
}

fn whole_reads() -> Vec<Workload> {
    let forms = [
        ("raw", Layout::Raw, Limit::Pread, 1.5),
        ("zstd 1", Layout::Zstd, Limit::DecodeZstd, 1.25),
    ];
    let mut all = Vec::new();
    for (form, layout, limit, factor) in forms {
        for given in [false, true] {
            let mut bars = vec![Bar::ahead(EVERYBODY, 1.0)];
            let mut peers = of(layout, &READERS);
            if given {
                bars.push(Bar::limit(limit, factor));
                let fresh_only = [Peer::Zarrs, Peer::TileDb, Peer::Xarray, Peer::Deker];
                peers.retain(|(peer, _)| !fresh_only.contains(peer));
            }
            let row = Row::new(format!("Zarr read whole, {form}"), &bars);
            all.push(Workload::read("W2", row, layout, limit, given).by(&peers));
        }
    }
    all
}

fn slabs(scale: &Scale) -> Vec<Workload> {
    let (raw, zstd) = (scale.count(200), scale.count(600));
    let starts = |seed, count| Positions::new(seed).boxes(count, scale.slab, scale.shape);
    let cached = Against::These(&[Peer::TensorstoreCache, Peer::H5pyCache]);
    let warm = Against::These(&[Peer::TensorstoreCache]);
    let first = vec![Row::new(
        format!("Zarr {raw} random slabs, raw"),
        &[Bar::ahead(EVERYBODY, 4.0)],
    )];
    let passes = vec![
        Row::new(
            format!("Zarr {zstd} random slabs, zstd 1, cold"),
            &[Bar::ahead(cached, 1.0)],
        ),
        Row::new(
            format!("Zarr {zstd} random slabs, zstd 1, again"),
            &[Bar::ahead(warm, 2.0)],
        ),
    ];
    vec![
        Workload::slabs("W3", first, Layout::Raw, scale.slab, &starts(31, raw))
            .by(&of(Layout::Raw, &READERS)),
        Workload::slabs("W3", passes, Layout::Zstd, scale.slab, &starts(32, zstd))
            .by(&of(Layout::Zstd, &READERS)),
    ]
}

fn series(scale: &Scale) -> Vec<Workload> {
    let (raw, zstd) = (scale.count(10), scale.count(5));
    let shape: Box3 = [scale.shape[0], 1, 1];
    let starts = |seed, count| Positions::new(seed).boxes(count, shape, scale.shape);
    let level = Bar::ahead(Against::These(&[Peer::Zarrs]), 0.95);
    let others = Bar::ahead(Against::AllBut(&[Peer::Zarrs]), 5.0);
    let row = |count, form: &str, bars: &[Bar]| {
        vec![Row::new(
            format!("Zarr {count} time series at a point, {form}"),
            bars,
        )]
    };
    let same = row(zstd, "zstd 1, same chunks", &[Bar::ahead(EVERYBODY, 1.0)]);
    let tensorstore = Against::These(&[Peer::Tensorstore, Peer::TensorstoreCache]);
    let defaults = row(
        zstd,
        "zstd, everyone's own chunks",
        &[Bar::ahead(tensorstore, 3.0)],
    );
    let own_choice = [
        (Peer::Hyperslab, Family::OwnZarr),
        (Peer::ZarrPython, Family::Zarr),
        (Peer::ZarrZarrs, Family::Zarr),
        (Peer::Tensorstore, Family::Tensorstore),
        (Peer::TensorstoreCache, Family::Tensorstore),
    ];
    let raw_row = row(raw, "raw", &[level, others]);
    vec![
        Workload::slabs("W4", raw_row, Layout::Raw, shape, &starts(41, raw))
            .by(&of(Layout::Raw, &READERS)),
        Workload::slabs("W4", same, Layout::Zstd, shape, &starts(42, zstd))
            .by(&of(Layout::Zstd, &READERS)),
        Workload::slabs("W4", defaults, Layout::Default, shape, &starts(42, zstd)).by(&own_choice),
    ]
}

fn updates(scale: &Scale) -> Vec<Workload> {
    let forms = [
        ("raw", Layout::Raw, 40, 51),
        ("zstd 1", Layout::Zstd, 30, 52),
    ];
    let update = |(form, layout, count, seed)| {
        let count = scale.count(count);
        let title = format!("Zarr {count} unaligned updates, {form}");
        let row = Row::new(title, &[Bar::ahead(EVERYBODY, 1.0)]);
        Workload::update("W5", row, scale, layout, count, seed).by(&of(layout, &UPDATERS))
    };
    forms.into_iter().map(update).collect()
}

fn slabs_of_shards(scale: &Scale) -> Vec<Workload> {
    let count = scale.count(300);
    let starts = Positions::new(61).boxes(count, scale.slab, scale.shape);
    let row = Row::new(
        format!("Zarr {count} random slabs of shards, zstd 1"),
        &[Bar::ahead(EVERYBODY, 1.0)],
    );
    let layout = Layout::Sharded;
    vec![Workload::slabs("W6", vec![row], layout, scale.slab, &starts).by(&of(layout, &READERS))]
}

fn many(scale: &Scale) -> Vec<Workload> {
    let created = [
        (Peer::Hyperslab, Family::OwnZarr),
        (Peer::HyperslabHdf5, Family::OwnHdf5),
        (Peer::H5py, Family::Hdf5),
        (Peer::ZarrPython, Family::Zarr),
        (Peer::ZarrZarrs, Family::Zarr),
        (Peer::Zarrs, Family::Zarrs),
        (Peer::Tensorstore, Family::Tensorstore),
        (Peer::TileDb, Family::TileDb),
        (Peer::Deker, Family::Deker),
    ];
    let count = scale.many;
    let bar = Bar::ahead(Against::These(&[Peer::H5py]), 2.0);
    let row = |what: &str| Row::new(format!("{count} arrays in one collection, {what}"), &[bar]);
    vec![
        Workload::many("W7", row("create"), scale, Layout::Many, false).by(&created),
        Workload::many("W7", row("open and read each"), scale, Layout::Many, true).by(&created),
    ]
}

fn updates_in_shards(scale: &Scale) -> Workload {
    let count = scale.count(6);
    let tensorstore = Against::These(&[Peer::Tensorstore, Peer::TensorstoreCache]);
    let bars = [
        Bar::ahead(Against::These(&[Peer::H5py, Peer::H5pyCache]), 1.0 / 1.2),
        Bar::ahead(tensorstore, 10.0),
    ];
    let row = Row::new(
        format!("Zarr {count} small updates inside shards, zstd 1"),
        &bars,
    );
    let layout = Layout::Sharded;
    Workload::update("W9", row, scale, layout, count, 91).by(&of(layout, &UPDATERS))
}
