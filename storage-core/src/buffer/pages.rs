//! Huge pages for large buffers: fresh memory in pages of 4 KiB costs more than what is written into it.

use std::sync::atomic::{AtomicBool, Ordering};

/// A smaller buffer has too few pages for it to matter.
#[cfg(target_os = "linux")]
const ADVISED_BYTES_MIN: usize = 4 << 20;

static WANTED: AtomicBool = AtomicBool::new(true);

/// Whether large buffers ask the system for huge pages, for all of the process. They do unless told otherwise: a result of
/// 128 MiB then costs a third. Where memory is fragmented, the system may take long to find such pages.
pub fn use_huge_pages(wanted: bool) {
    WANTED.store(wanted, Ordering::Relaxed);
}

/// Asks for huge pages, before the memory is touched. A system that has none is not asked twice to do without.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the system is told what memory is for")]
pub(super) fn advise(buffer: &mut [u8]) {
    use rustix::mm::{Advice, madvise};

    if buffer.len() < ADVISED_BYTES_MIN || !WANTED.load(Ordering::Relaxed) {
        return;
    }
    let page = rustix::param::page_size();
    let skipped = buffer.as_ptr().align_offset(page);
    let Some(whole) = buffer.get_mut(skipped..) else {
        return;
    };
    let length = whole.len() / page * page;
    // SAFETY: these pages are all of them inside of the buffer, and the advice changes nothing that they hold.
    let _ = unsafe { madvise(whole.as_mut_ptr().cast(), length, Advice::LinuxHugepage) };
}

#[cfg(not(target_os = "linux"))]
pub(super) fn advise(_buffer: &mut [u8]) {}
