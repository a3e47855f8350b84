//! Buffers that each thread uses again, because fresh memory costs more than the work that is done in it.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// How many buffers a thread keeps.
const BUFFER_COUNT_MAX: usize = 4;

/// A larger buffer is given back to the system.
const BUFFER_BYTES_MAX: usize = 8 << 20;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of some length whose content is left over from its last use.
#[derive(Debug)]
pub struct Scratch(Vec<u8>);

impl Scratch {
    /// A buffer of `length` bytes.
    #[must_use]
    pub fn new(length: usize) -> Self {
        let mut buffer = POOL.with_borrow_mut(Vec::pop).unwrap_or_default();
        buffer.resize(length, 0);
        Self(buffer)
    }

    /// A buffer that takes about as much memory as it is long, for what is kept.
    pub(crate) fn fitting(length: usize) -> Self {
        let fits = |buffer: &Vec<u8>| {
            let capacity = buffer.capacity();
            capacity >= length && capacity - length <= length / 8
        };
        let found = POOL.with_borrow_mut(|pool| {
            let at = pool.iter().position(fits)?;
            Some(pool.swap_remove(at))
        });
        let Some(mut buffer) = found else {
            return Self(vec![0; length]);
        };
        buffer.resize(length, 0);
        Self(buffer)
    }
}

impl Deref for Scratch {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        // A thread that is ending has no pool any more.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < BUFFER_COUNT_MAX && buffer.capacity() <= BUFFER_BYTES_MAX {
                pool.push(buffer);
            }
        });
    }
}
