//! What a run ran on.

use std::fs;

use serde_json::{Value, json};

use crate::shell::{command, output};

/// The machine, the system and what we are.
pub(super) fn facts() -> Value {
    json!({
        "date": said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        "commit": commit(),
        "rust": said("rustc", &["--version"]),
        "processor": processor(),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_gib": memory_gib(),
        "kernel": read("/proc/sys/kernel/osrelease"),
        "huge_pages": read("/sys/kernel/mm/transparent_hugepage/enabled"),
    })
}

/// How many programs wanted a processor in the last minute.
pub(super) fn load() -> f64 {
    let text = read("/proc/loadavg");
    let first = text.split(' ').next().and_then(|load| load.parse().ok());
    first.unwrap_or(0.0)
}

/// Ticks of the system's clock for processor time in a second, as Linux has them everywhere.
const TICKS: f64 = 100.0;

/// Seconds that all processors together were busy, or taken away by the host, since the machine was started.
pub(super) fn busy_seconds() -> f64 {
    let text = read("/proc/stat");
    let line = text.lines().next().unwrap_or_default();
    // User, nice, system, then idle and waiting, which do not count, then interrupts and what the host took.
    let fields = line.split_whitespace().skip(1).take(8).enumerate();
    let busy = fields.filter(|(number, _)| ![3, 4].contains(number));
    busy.filter_map(|(_, ticks)| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS
}

/// Seconds that all threads of a process took so far.
pub(super) fn process_seconds(id: u32) -> f64 {
    let text = read(&format!("/proc/{id}/stat"));
    // The name is in parentheses and may have spaces; user and system time are the 12th and 13th field behind it.
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS
}

fn commit() -> String {
    let commit = said("git", &["rev-parse", "--short", "HEAD"]);
    let changed = said("git", &["status", "--porcelain", "--untracked-files=no"]);
    let mark = if changed.is_empty() {
        ""
    } else {
        " with changes"
    };
    format!("{commit}{mark}")
}

fn processor() -> String {
    let text = read("/proc/cpuinfo");
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split(": ").nth(1));
    name.unwrap_or("unknown").to_owned()
}

fn memory_gib() -> u64 {
    let text = read("/proc/meminfo");
    let total = text
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok());
    total.unwrap_or(0).div_ceil(1 << 20)
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| "unknown".into(), |text| text.trim().to_owned())
}

fn said(program: &str, arguments: &[&str]) -> String {
    let text = output(command(program).args(arguments)).unwrap_or_default();
    text.trim().to_owned()
}
