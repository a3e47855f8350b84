//! How far a copy has come.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hyperslab_core::{Collection, box_bytes};

use super::{CopyPhase, CopyProgress};

/// Counts what is done, and tells of it.
pub(super) struct Steps<'a> {
    verifying: AtomicBool,
    arrays: AtomicU64,
    bytes: AtomicU64,
    array_count: u64,
    byte_count: u64,
    progress: &'a (dyn Fn(CopyProgress) + Send + Sync),
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        from: &Collection,
        array_count: usize,
        progress: &'a (dyn Fn(CopyProgress) + Send + Sync),
    ) -> Self {
        let schema = from.schema();
        let size = box_bytes(&schema.shape(), schema.dtype().size());
        let steps = Self {
            verifying: false.into(),
            arrays: 0.into(),
            bytes: 0.into(),
            array_count: array_count as u64,
            byte_count: size.saturating_mul(array_count as u64),
            progress,
        };
        steps.tell();
        steps
    }

    pub(super) fn begin(&self, phase: CopyPhase) {
        let verifying = phase == CopyPhase::Verifying;
        self.verifying.store(verifying, Ordering::Relaxed);
        self.arrays.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        self.tell();
    }

    pub(super) fn array(&self) {
        self.arrays.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    pub(super) fn bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
        self.tell();
    }

    fn tell(&self) {
        let phase = if self.verifying.load(Ordering::Relaxed) {
            CopyPhase::Verifying
        } else {
            CopyPhase::Copying
        };
        (self.progress)(CopyProgress {
            phase,
            arrays: self.arrays.load(Ordering::Relaxed),
            array_count: self.array_count,
            bytes: self.bytes.load(Ordering::Relaxed),
            byte_count: self.byte_count,
        });
    }
}
