//! `--vary`: the same workloads with other types, chunks and slabs, so that nothing is tuned to one shape.

use std::collections::BTreeMap;

use super::options::Options;
use super::report::Report;
use super::rounds;
use super::scale::Scale;
use crate::Outcome;

/// What a variation is called, and its scale.
fn variations(scale: &Scale) -> Vec<(&'static str, Scale)> {
    let with = |change: &dyn Fn(&mut Scale)| {
        let mut other = scale.clone();
        change(&mut other);
        other
    };
    let [steps, height, width] = scale.chunks;
    let [hdf5_steps, hdf5_height, hdf5_width] = scale.hdf5_chunks;
    let [deep, high, wide] = scale.slab;
    vec![
        ("as it is", scale.clone()),
        ("float64", scale.typed("float64")),
        ("int16", scale.typed("int16")),
        (
            "chunks / 4",
            with(&|scale| {
                scale.chunks = [steps, height / 2, width / 2];
                scale.inner = scale.inner.map(|length| (length / 2).max(4));
                scale.hdf5_chunks = [hdf5_steps, hdf5_height / 2, hdf5_width / 2];
            }),
        ),
        (
            "chunks x 4",
            with(&|scale| {
                scale.chunks = [steps * 2, height * 2, width];
                scale.inner = [scale.inner[0] * 2, scale.inner[1] * 2, scale.inner[2]];
                scale.hdf5_chunks = [hdf5_steps * 2, hdf5_height * 2, hdf5_width];
            }),
        ),
        (
            "slabs / 4",
            with(&|scale| scale.slab = [deep, high / 2, wide / 2]),
        ),
        (
            "slabs x 4",
            with(&|scale| scale.slab = [deep * 2, high * 2, wide]),
        ),
    ]
}

/// How far ahead we are of the fastest peer, row by row, over all variations.
pub(super) fn run(options: &Options) -> Outcome {
    let mut spread: BTreeMap<(usize, usize), Spread> = BTreeMap::new();
    let mut outcome = Ok(());
    for (name, scale) in variations(&Scale::of(options)) {
        println!("  {name}");
        let report = rounds::measure(options, &scale)?;
        for (number, row) in report.rows() {
            let workload = &report.workloads[number];
            let entry = spread.entry((number, row)).or_insert_with(|| Spread {
                title: format!(
                    "{} {}, into {}",
                    workload.group, workload.rows[row].title, workload.into
                ),
                ratios: Vec::new(),
            });
            if let Some(ratio) = ahead(&report, number, row) {
                entry.ratios.push((ratio, name));
            }
        }
        outcome = outcome.and(report.outcome(options.bars));
    }
    println!(
        "\nThe fastest peer's wall time divided by ours, over types, chunks and slabs; above 1 we are ahead.\n"
    );
    println!(
        "{:<78}{:>8}{:>8}{:>8}  worst with",
        "", "min", "median", "max"
    );
    for row in spread.into_values() {
        println!("{}", row.line());
    }
    outcome
}

/// One row over all variations.
struct Spread {
    title: String,
    ratios: Vec<(f64, &'static str)>,
}

impl Spread {
    fn line(mut self) -> String {
        self.ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (Some(least), Some(most)) = (self.ratios.first(), self.ratios.last()) else {
            return format!("{:<78}not measured", self.title);
        };
        let middle = self.ratios[self.ratios.len() / 2].0;
        format!(
            "{:<78}{:>8.2}{middle:>8.2}{:>8.2}  {}",
            self.title, least.0, most.0, least.1
        )
    }
}

fn ahead(report: &Report, number: usize, row: usize) -> Option<f64> {
    let (ours, _) = report.ours(number, row)?;
    let peers = report.workloads[number].peers.iter();
    let others = peers.filter(|(peer, _)| !peer.is_ours());
    let walls = others.filter_map(|(peer, _)| report.cell(number, row, *peer)?.medians());
    Some(walls.map(|(wall, _)| wall).reduce(f64::min)? / ours)
}
