//! Zstandard, with the tables that each thread keeps.

use std::cell::RefCell;

use hyperslab_core::{Error, Result};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::compress_bound;

use crate::{Outgoing, Scratch};

/// What a compressor was made for: a level, and whether it adds a checksum.
type Settings = (i32, bool);

thread_local! {
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    static COMPRESSOR: RefCell<Option<(Settings, Compressor<'static>)>> = const { RefCell::new(None) };
}

pub(super) fn compress(bytes: &[u8], level: i32, checksum: bool) -> Result<Scratch> {
    let mut out = Scratch::new(compress_bound(bytes.len()));
    let length = compress_into(bytes, level, checksum, &mut out)?;
    out.truncate(length);
    Ok(out)
}

/// Compresses into the end of a buffer.
pub(super) fn compress_onto(
    bytes: &[u8],
    level: i32,
    checksum: bool,
    out: &mut Outgoing,
) -> Result<()> {
    let start = out.len();
    let room = out.grow(compress_bound(bytes.len()));
    let length = compress_into(bytes, level, checksum, room)?;
    out.truncate(start + length);
    Ok(())
}

fn compress_into(bytes: &[u8], level: i32, checksum: bool, out: &mut [u8]) -> Result<usize> {
    let fail = |error: std::io::Error| Error::internal(format!("zstd: {error}")).with_source(error);
    COMPRESSOR.with_borrow_mut(|slot| {
        let settings = (level, checksum);
        if slot.as_ref().is_none_or(|(known, _)| *known != settings) {
            let mut made = Compressor::new(level).map_err(fail)?;
            made.include_checksum(checksum).map_err(fail)?;
            *slot = Some((settings, made));
        }
        match slot {
            Some((_, compressor)) => compressor.compress_to_buffer(bytes, out).map_err(fail),
            None => Err(Error::internal("there is no compressor")),
        }
    })
}

pub(super) fn decompress(bytes: &[u8], out: &mut [u8]) -> Option<()> {
    DECOMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Decompressor::new().ok();
        }
        let length = slot.as_mut()?.decompress_to_buffer(bytes, out).ok()?;
        (length == out.len()).then_some(())
    })
}
