//! The clocks and the checksum, the same as those of the workers in Python.

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
