//! The last run as a page of the documentation.

use super::report::Report;
use super::table::{header, ms, ratios, verdict_line};
use super::units::size;

const INTRODUCTION: &str = "\
# Performance

One run of `cargo xtask bench --peers` on one machine: the same workloads on the same data by hyperslab and by its peers. The
page is made by the command; nobody edits it. To repeat it:

```console
$ cargo xtask bench --peers --markdown docs/performance.md
$ cargo xtask bench --peers --only W2,W3 --size 1024
$ cargo xtask bench --peers --only D1,D2,D3,D4,D5,D6,D7
$ cargo xtask bench --peers --threads 1
$ cargo xtask bench --peers --vary
```

- Each peer is one process with one job at a time. Round by round, workload by workload, all take turns, and the order turns with
  each round. Numbers are medians. Only the work itself is timed: no start of a process, no import, no checksum.
- Every peer's result has the same checksum in every workload, or the run fails.
- *CPU* is that of all threads. *x us* is the time of that peer divided by ours: above 1 it is slower than hyperslab. *x limit* is
  divided by what nobody can beat: a copy, a system call or the codec alone, on as many threads.
- *hyperslab* reads what h5py and zarr-python wrote, in place, where a workload reads, and writes stores of its own. What it
  opens has a cache of 256 MiB of its own, empty at first.
- Nothing is synced by anybody, but that the updates of hyperslab (W5, W9) end with a flush that syncs, and the page cache is warm: what a cold disk does was not measured. *Cold* and *again* say what
  the library has cached: a first pass through a handle just opened, and the same again through the same handle.
- Slabs are read one after the other, as a program does whose next step depends on the last.
- Beside Deker (D1 to D7) *hyperslab* is our own HDF5 layout, and *Deker's storage* a storage of Deker that we open or make in place:
  Deker itself wrote what is read there. Arrays are of 256 MiB unless `--size` says otherwise, nobody encodes cells, and the 64 tiles
  of h5py are 64 files in a loop. D6 has a process of its own for each peer and round: *peak* is by how much its memory grew at most;
  *files* is by how much all files grew.
- Byte objects (O1 to O3) lie in a container, by us and by *disk-objectstore* in the same format; *bare files* have one file for all, or a
  file for each, without index and keys. O2 is on the disk of the repository: we put all together, the package one after the
  other, both until they are safe. In O3 *bare* is SHA-256 alone, on one core.
- Appending (W8) is not there yet.

";

/// The page.
pub(super) fn page(report: &Report) -> String {
    let mut page = INTRODUCTION.to_owned();
    page += "## The run\n\n";
    for line in header(&report.header) {
        page += &format!("- {line}\n");
    }
    page += "\n## Limits\n\n| what | threads | wall ms | CPU ms |\n| --- | --- | --- | --- |\n";
    for (limit, threads, wall, cpu) in report.limits() {
        page += &format!(
            "| {} | {threads} | {} | {} |\n",
            limit.title(),
            ms(wall),
            ms(cpu)
        );
    }
    let mut last = "";
    for (number, row) in report.rows() {
        let group = report.workloads[number].group;
        if group != last {
            page += &format!("\n## {group}\n");
            last = group;
        }
        page += &section(report, number, row);
    }
    page
}

fn section(report: &Report, number: usize, row: usize) -> String {
    let workload = &report.workloads[number];
    let limit = workload.limit.and_then(|limit| report.limit(limit));
    // The column of bytes is there where something is counted in bytes.
    let counted = workload.rows[row].bytes;
    let (column, line) = counted.map_or_else(Default::default, |what| {
        (format!(" {what} |"), " --- |".to_owned())
    });
    let mut text = format!(
        "\n**{}**, into {}\n\n| peer | wall ms | CPU ms | x us | x us, CPU | x limit | x limit, CPU |{column}\n\
         | --- | --- | --- | --- | --- | --- | --- |{line}\n",
        workload.rows[row].title, workload.into
    );
    for (peer, _) in &workload.peers {
        let Some(cell) = report.cell(number, row, *peer) else {
            continue;
        };
        let Some((wall, cpu)) = cell.medians() else {
            text += &format!("| {} | not offered | | | | | |\n", peer.title());
            continue;
        };
        let (us, us_cpu) = ratios((wall, cpu), report.ours(number, row));
        let (most, most_cpu) = ratios((wall, cpu), limit);
        let (title, wall, cpu) = (peer.title(), ms(wall), ms(cpu));
        let bytes = counted.map_or_else(String::new, |_| {
            format!(" {} |", cell.bytes().map_or_else(|| "-".to_owned(), size))
        });
        text += &format!(
            "| {title} | {wall} | {cpu} | {us} | {us_cpu} | {most} | {most_cpu} |{bytes}\n"
        );
    }
    text.push('\n');
    for verdict in report.verdicts(number, row) {
        text += &format!("- {}\n", verdict_line(&verdict));
    }
    text
}
