//! The clocks, the checksum and the memory, the same as those of the workers in Python.

use std::fs;
use std::time::Instant;

use libdeflater::Crc;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// Wall time, and processor time of all threads of this process.
pub(crate) struct Clock {
    cpu: f64,
    wall: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let cpu = cpu_seconds();
        Self {
            cpu,
            wall: Instant::now(),
        }
    }

    /// Both in seconds, as an answer.
    pub(crate) fn stop(&self) -> Value {
        let wall = self.wall.elapsed().as_secs_f64();
        json!({"wall": wall, "cpu": cpu_seconds() - self.cpu})
    }
}

fn cpu_seconds() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// CRC-32 of cells in C order.
pub(crate) fn checksum<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u32 {
    let mut crc = Crc::new();
    parts.into_iter().for_each(|part| crc.update(part));
    crc.sum()
}

/// By how much the memory of this process grows at most, as Linux counts it.
pub(crate) struct Peak {
    before: Option<u64>,
}

impl Peak {
    /// Forgets what the peak was so far.
    pub(crate) fn start() -> Self {
        let forgotten = fs::write("/proc/self/clear_refs", "5").ok();
        Self {
            before: forgotten.and_then(|()| status("VmRSS:")),
        }
    }

    /// Bytes since then, at least a page; nothing where the system does not say.
    pub(crate) fn growth(&self) -> Option<u64> {
        let (before, peak) = self.before.zip(status("VmHWM:"))?;
        Some(peak.saturating_sub(before).max(4096))
    }
}

/// A number of `/proc/self/status`, in bytes.
fn status(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}
