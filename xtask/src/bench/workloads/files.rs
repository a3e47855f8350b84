//! H1 to H5: HDF5 files that h5py wrote, read in place, and files of our own.

use super::{Row, Workload};
use crate::bench::bars::{Against, Bar};
use crate::bench::layouts::Layout;
use crate::bench::limits::Limit;
use crate::bench::peers::{Family, Peer};
use crate::bench::positions::Positions;
use crate::bench::scale::Scale;

/// As it comes; with a larger cache it stands beside.
const H5PY: Against = Against::These(&[Peer::H5py]);

/// Who reads what h5py wrote, and us on files of our own.
const READERS: [(Peer, Family); 5] = [
    (Peer::Hyperslab, Family::Hdf5),
    (Peer::HyperslabOwn, Family::OwnHdf5),
    (Peer::H5py, Family::Hdf5),
    (Peer::H5pyCache, Family::Hdf5),
    (Peer::Xarray, Family::Hdf5),
];

pub(super) fn all(scale: &Scale) -> Vec<Workload> {
    let mut all = whole_reads();
    all.extend(boxes(scale));
    all.extend(writes(scale));
    all.extend(many(scale));
    all
}

fn whole_reads() -> Vec<Workload> {
    let ahead = |factor| Bar::ahead(H5PY, factor);
    let forms = [
        (
            "H1",
            "deflate 4 + shuffle",
            Layout::Deflate,
            Limit::DecodeDeflate,
            5.0,
        ),
        (
            "H2",
            "zstd 3 + shuffle",
            Layout::ShuffledZstd,
            Limit::DecodeShuffledZstd,
            2.0,
        ),
        ("H2", "unfiltered", Layout::Unfiltered, Limit::Pread, 1.5),
        ("H2", "contiguous", Layout::Contiguous, Limit::Pread, 1.5),
    ];
    let mut all = Vec::new();
    for (group, form, layout, limit, factor) in forms {
        for given in [true, false] {
            let mut bars = vec![ahead(factor)];
            if layout == Layout::Deflate {
                bars.push(ahead(2.5).by_cpu());
            }
            if layout == Layout::Unfiltered && given {
                bars.push(Bar::limit(Limit::Pread, 1.3));
            }
            let row = Row::new(format!("HDF5 read whole, {form}"), &bars);
            let mut workload = Workload::read(group, row, layout, limit, given).by(&READERS);
            if layout == Layout::Contiguous {
                // Files of ours are always cut.
                workload
                    .peers
                    .retain(|(peer, _)| *peer != Peer::HyperslabOwn);
            }
            if given {
                workload.peers.retain(|(peer, _)| *peer != Peer::Xarray);
            }
            all.push(workload);
        }
    }
    all
}

fn boxes(scale: &Scale) -> Vec<Workload> {
    let count = scale.count(100);
    let size = scale.hdf5_box;
    let starts = Positions::new(3).boxes(count, size, scale.shape);
    let row =
        |form: &str, bars: &[Bar]| Row::new(format!("HDF5 {count} random boxes, {form}"), bars);
    let deflate = row("deflate 4 + shuffle", &[Bar::ahead(H5PY, 5.0)]);
    let unfiltered = vec![
        row("unfiltered, first pass", &[Bar::ahead(H5PY, 1.4)]),
        row("unfiltered, again", &[Bar::ahead(H5PY, 4.0)]),
    ];
    vec![
        Workload::slabs("H3", vec![deflate], Layout::Deflate, size, &starts).by(&READERS),
        Workload::slabs("H3", unfiltered, Layout::Unfiltered, size, &starts).by(&READERS),
    ]
}

fn writes(scale: &Scale) -> Vec<Workload> {
    let forms = [
        (
            "deflate 4 + shuffle",
            Layout::Deflate,
            Limit::EncodeDeflate,
            3.0,
        ),
        (
            "zstd 3 + shuffle",
            Layout::ShuffledZstd,
            Limit::EncodeShuffledZstd,
            2.0,
        ),
    ];
    let peers = [
        (Peer::Hyperslab, Family::OwnHdf5),
        (Peer::H5py, Family::Hdf5),
        (Peer::H5pyCache, Family::Hdf5),
    ];
    let write = |(form, layout, limit, factor)| {
        let row = Row::new(
            format!("HDF5 write whole, {form}"),
            &[Bar::ahead(H5PY, factor)],
        );
        Workload::write("H4", row, scale, layout, limit).by(&peers)
    };
    forms.into_iter().map(write).collect()
}

fn many(scale: &Scale) -> Vec<Workload> {
    let peers = [
        (Peer::Hyperslab, Family::OwnHdf5),
        (Peer::H5py, Family::Hdf5),
        (Peer::Deker, Family::Deker),
    ];
    let count = scale.many;
    let created = Row::new(
        format!("{count} small HDF5 files, create"),
        &[Bar::ahead(H5PY, 4.0)],
    );
    let opened = Row::new(
        format!("{count} small HDF5 files, open and read each"),
        &[Bar::ahead(H5PY, 7.0)],
    );
    vec![
        Workload::many("H5", created, scale, Layout::Files, false).by(&peers),
        Workload::many("H5", opened, scale, Layout::Files, true).by(&peers),
    ]
}
