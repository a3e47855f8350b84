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
pub struct Scratch {
    /// At least as long as the buffer: cutting it would mean clearing what it is to grow by.
    buffer: Vec<u8>,
    length: usize,
}

impl Scratch {
    /// A buffer of `length` bytes.
    #[must_use]
    pub fn new(length: usize) -> Self {
        let mut buffer = POOL.with_borrow_mut(Vec::pop).unwrap_or_default();
        if buffer.len() < length {
            // What moves on growing is not wanted.
            if buffer.capacity() < length {
                buffer = vec![0; length];
            }
            buffer.resize(length, 0);
        }
        Self { buffer, length }
    }

    /// The same with these bytes in it.
    #[must_use]
    pub fn copied(bytes: &[u8]) -> Self {
        let mut copy = Self::new(bytes.len());
        copy.copy_from_slice(bytes);
        copy
    }

    /// Leaves out what is behind `length`.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Adds bytes at the end.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        self.buffer[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }

    /// How much memory it takes.
    pub(crate) fn capacity(&self) -> usize {
        self.buffer.capacity()
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
        let mut buffer = found.unwrap_or_else(|| vec![0; length]);
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        Self { buffer, length }
    }
}

impl Deref for Scratch {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.length]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        if buffer.capacity() == 0 || buffer.capacity() > BUFFER_BYTES_MAX {
            return;
        }
        // A thread that is ending has no pool any more.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < BUFFER_COUNT_MAX {
                pool.push(buffer);
            }
        });
    }
}
