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
