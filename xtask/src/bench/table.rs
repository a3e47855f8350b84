//! The one table, for a terminal.

use std::fmt::Write;

use super::bars::{Clock, Verdict};
use super::peers::Peer;
use super::report::{Header, Report};
use super::units::size;

/// The whole report as text.
pub(super) fn text(report: &Report) -> String {
    let mut text = String::from("\n");
    for line in header(&report.header) {
        text += &line;
        text.push('\n');
    }
    text += "\nms are medians. \"x us\": that peer's time divided by ours, above 1 is slower than us. \"x limit\": divided by what \
             nobody can beat.\n\n";
    let _ = writeln!(
        text,
        "{:<58}{:>10}{:>10}{:>9}{:>8}{:>10}{:>8}",
        "", "wall ms", "CPU ms", "x us", "CPU", "x limit", "CPU"
    );
    text += "limits\n";
    for (limit, threads, wall, cpu) in report.limits() {
        let name = format!(
            "  {}, {threads} thread{}",
            limit.title(),
            if threads == 1 { "" } else { "s" }
        );
        let _ = writeln!(text, "{name:<58}{:>10}{:>10}", ms(wall), ms(cpu));
    }
    for (number, row) in report.rows() {
        add_row(&mut text, report, number, row);
    }
    text
}

/// What it ran on, line by line.
pub(super) fn header(header: &Header) -> Vec<String> {
    let fact = |name: &str| match &header.facts[name] {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let versions: Vec<String> = header
        .versions
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or_default()))
        .collect();
    let [steps, height, width] = header.scale.shape;
    let threads = header.threads.map_or_else(
        || "as many threads as each takes by default".to_owned(),
        |count| format!("{count} thread(s) where a peer can be told"),
    );
    vec![
        format!(
            "{}, commit {}, {}",
            fact("date"),
            fact("commit"),
            fact("rust")
        ),
        format!(
            "{}, {} cores, {} GiB, Linux {}; huge pages: {}",
            fact("processor"),
            fact("cores"),
            fact("memory_gib"),
            fact("kernel"),
            fact("huge_pages")
        ),
        format!(
            "load {:.2} before, {:.2} after; other programs had {:.2} cores while we measured; {} round(s), {threads}",
            header.load.0, header.load.1, header.others, header.rounds
        ),
        format!(
            "{} ({steps}, {height}, {width}) = {} MiB, beside Deker {} MiB, on {}, page cache warm",
            header.scale.dtype,
            header.scale.bytes() >> 20,
            header.scale.large_bytes() >> 20,
            header.folder
        ),
        versions.join(", "),
    ]
}

fn add_row(text: &mut String, report: &Report, number: usize, row: usize) {
    let workload = &report.workloads[number];
    let limit = workload.limit.and_then(|limit| report.limit(limit));
    let _ = writeln!(
        text,
        "\n{} {}, into {}{}",
        workload.group,
        workload.rows[row].title,
        workload.into,
        workload
            .limit
            .map_or_else(String::new, |limit| format!(" [limit: {}]", limit.title()))
    );
    for (peer, _) in &workload.peers {
        let _ = writeln!(
            text,
            "  {:<56}{}",
            peer.title(),
            numbers(report, number, row, *peer, limit)
        );
    }
    for verdict in report.verdicts(number, row) {
        let _ = writeln!(text, "  {}", verdict_line(&verdict));
    }
}

fn numbers(
    report: &Report,
    number: usize,
    row: usize,
    peer: Peer,
    limit: Option<(f64, f64)>,
) -> String {
    let Some(cell) = report.cell(number, row, peer) else {
        return String::new();
    };
    if let Some(why) = cell.error.as_ref() {
        return format!("FAILED: {why}");
    }
    if let Some(why) = cell.unsupported.as_ref() {
        return format!("not offered: {why}");
    }
    let Some((wall, cpu)) = cell.medians() else {
        return String::new();
    };
    let (us_wall, us_cpu) = ratios((wall, cpu), report.ours(number, row));
    let (limit_wall, limit_cpu) = ratios((wall, cpu), limit);
    let what = report.workloads[number].rows[row].bytes;
    let bytes = what
        .zip(cell.bytes())
        .map_or_else(String::new, |(what, bytes)| {
            format!("  {what} {}", size(bytes))
        });
    format!(
        "{:>10}{:>10}{us_wall:>9}{us_cpu:>8}{limit_wall:>10}{limit_cpu:>8}{bytes}",
        ms(wall),
        ms(cpu)
    )
}

/// Wall and processor time as multiples of another's, as text.
pub(super) fn ratios(of: (f64, f64), to: Option<(f64, f64)>) -> (String, String) {
    match to {
        Some(to) => (ratio(of.0 / to.0), ratio(of.1 / to.1)),
        None => ("-".into(), "-".into()),
    }
}

fn ratio(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// Milliseconds with three digits that count.
pub(super) fn ms(seconds: f64) -> String {
    let ms = seconds * 1e3;
    if ms >= 100.0 {
        format!("{ms:.0}")
    } else if ms >= 10.0 {
        format!("{ms:.1}")
    } else {
        format!("{ms:.2}")
    }
}

/// A bar and what came of it.
pub(super) fn verdict_line(verdict: &Verdict) -> String {
    let reached = verdict.reached.map_or_else(String::new, |(wall, cpu)| {
        let rival = match verdict.rival {
            "" => String::new(),
            rival => format!(" against {rival}"),
        };
        match verdict.clock {
            Clock::Bytes => format!(": reached {}{rival}", ratio(wall)),
            Clock::Either | Clock::Cpu => {
                format!(": reached {} wall, {} CPU{rival}", ratio(wall), ratio(cpu))
            }
        }
    });
    format!("bar {} -> {}{reached}", verdict.bar, verdict.word)
}
