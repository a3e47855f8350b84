//! Buffers of bytes on their way to a medium, used again by whoever encodes next.
//!
//! One thread encodes and another writes, so these go back to a pool of the process and not of a thread.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// The pool keeps no more bytes than this.
const POOL_BYTES_MAX: usize = 32 << 20;

/// The pool keeps no more buffers than this.
const POOL_COUNT_MAX: usize = 64;

static POOL: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Bytes that are put together and then written.
#[derive(Debug)]
pub struct Outgoing {
    /// All of it was written to once, so that using it again costs nothing.
    buffer: Vec<u8>,
    length: usize,
}

impl Outgoing {
    /// An empty buffer, with room for so many bytes.
    #[must_use]
    pub fn new(room: usize) -> Self {
        let buffer = Self::kept(room).unwrap_or_else(|| Vec::with_capacity(room));
        Self { buffer, length: 0 }
    }

    /// A buffer that has the room. If there is none, one that is too small makes room for those to come.
    fn kept(room: usize) -> Option<Vec<u8>> {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |buffer: &Vec<u8>| buffer.capacity() >= room;
        // The last that came back is the most likely to be in the cache of the processor.
        if let Some(at) = pool.iter().rposition(fits) {
            return Some(pool.swap_remove(at));
        }
        pool.pop();
        None
    }

    /// So many bytes more, whose content is left over from an earlier use.
    pub fn grow(&mut self, count: usize) -> &mut [u8] {
        let start = self.length;
        self.length += count;
        if self.buffer.len() < self.length {
            self.buffer.resize(self.length, 0);
        }
        &mut self.buffer[start..self.length]
    }

    /// Puts bytes at the end.
    pub fn extend(&mut self, bytes: &[u8]) {
        if self.length == self.buffer.len() {
            self.buffer.extend_from_slice(bytes);
            self.length += bytes.len();
        } else {
            self.grow(bytes.len()).copy_from_slice(bytes);
        }
    }

    /// Takes bytes away from the end until there are so many.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }
}

impl Deref for Outgoing {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl DerefMut for Outgoing {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.length]
    }
}

impl AsRef<[u8]> for Outgoing {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = pool.iter().map(Vec::capacity).sum();
        if pool.len() < POOL_COUNT_MAX && kept + buffer.capacity() <= POOL_BYTES_MAX {
            pool.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_comes_again_is_empty() {
        for round in 0..3_u8 {
            let mut out = Outgoing::new(4);
            assert!(out.is_empty());
            out.extend(&[round; 3]);
            out.grow(5).fill(round + 1);
            out.extend(&[9]);
            assert_eq!(out[..3], [round; 3]);
            assert_eq!(out[3..8], [round + 1; 5]);
            out.truncate(2);
            out.extend(&[7, 8]);
            assert_eq!(*out, [round, round, 7, 8]);
        }
    }

    #[test]
    fn small_buffers_make_room_for_large_ones() {
        let small: Vec<Outgoing> = (0..2 * POOL_COUNT_MAX).map(|_| Outgoing::new(64)).collect();
        drop(small);
        for _ in 0..2 {
            drop(Outgoing::new(1 << 20));
        }
        let pool = POOL.lock().unwrap();
        assert!(pool.iter().any(|buffer| buffer.capacity() >= 1 << 20));
    }
}
