//! O1 to O3: byte objects, by us in a container of AiiDA, by AiiDA's own disk-objectstore, and by files alone.

use serde_json::json;

use super::{Row, Workload};
use crate::bench::bars::{Against, Bar};
use crate::bench::peers::{Family, Peer};
use crate::bench::scale::Scale;
use crate::shell::target;

const OBJECTSTORE: Against = Against::These(&[Peer::Objectstore]);
const FILES: Against = Against::These(&[Peer::Files]);

const ALL: [(Peer, Family); 3] = [
    (Peer::Hyperslab, Family::Objects),
    (Peer::Objectstore, Family::Objects),
    (Peer::Files, Family::Objects),
];

pub(super) fn all(scale: &Scale) -> Vec<Workload> {
    vec![small(scale), safe(scale), large(scale)]
}

fn ahead(title: String, factor: f64) -> Row {
    Row::new(title, &[Bar::ahead(OBJECTSTORE, factor)])
}

fn small(scale: &Scale) -> Workload {
    let (count, absent) = (scale.count(10_000), scale.count(1000));
    let of = format!("{count} objects of 1 KiB");
    let rows = vec![
        ahead(format!("{of}, straight into packs"), 5.0),
        ahead(format!("{of}, list"), 3.0),
        ahead(format!("{of}, read each"), 20.0),
        ahead(format!("{absent} keys that are not there"), 200.0),
        ahead(format!("{of}, put each"), 1.0),
        ahead(format!("{of}, pack what is loose"), 4.0),
    ];
    let request = json!({"op": "objects", "count": count, "size": 1024, "absent": absent});
    let mut workload = Workload::new("O1", rows, request, false).by(&ALL);
    workload.into = "new files, and fresh memory";
    workload
}

/// On a disk, where syncing takes its time.
fn safe(scale: &Scale) -> Workload {
    let count = scale.count(10_000);
    let row = ahead(format!("{count} objects of 1 KiB, safe on a disk"), 50.0);
    let disk = target().join("bench-disk").display().to_string();
    let request = json!({"op": "objects-safe", "count": count, "size": 1024, "disk": disk});
    Workload::new("O2", vec![row], request, false).by(&ALL)
}

/// Files alone are hashed only, on one core.
fn large(scale: &Scale) -> Workload {
    let size = scale.large_bytes();
    let mib = size >> 20;
    let rows = vec![
        Row::new(
            format!("one object of {mib} MiB, put"),
            &[Bar::ahead(FILES, 0.9)],
        ),
        Row::new(
            format!("two objects of {mib} MiB, put at once"),
            &[Bar::ahead(FILES, 1.0)],
        ),
    ];
    let request = json!({"op": "objects-large", "count": 3, "size": size});
    Workload::new("O3", rows, request, false).by(&ALL)
}
