//! Deflate by libdeflate, in the two wrappings of it.

use std::cell::RefCell;

use hyperslab_core::{Error, Result};
use libdeflater::{CompressionLvl, Compressor, Decompressor};

use crate::Scratch;

thread_local! {
    static DECOMPRESSOR: RefCell<Decompressor> = RefCell::new(Decompressor::new());
    static COMPRESSOR: RefCell<Option<(u32, Compressor)>> = const { RefCell::new(None) };
}

/// Runs `work` with a compressor of that level that the thread keeps.
fn compress(
    level: u32,
    work: impl FnOnce(
        &mut Compressor,
    ) -> (
        Scratch,
        std::result::Result<usize, libdeflater::CompressionError>,
    ),
) -> Result<Scratch> {
    COMPRESSOR.with_borrow_mut(|slot| {
        if slot.as_ref().is_none_or(|(known, _)| *known != level) {
            let level_checked = CompressionLvl::new(i32::try_from(level).unwrap_or(i32::MAX))
                .map_err(|_| Error::invalid(format!("deflate has no level {level}")))?;
            *slot = Some((level, Compressor::new(level_checked)));
        }
        let Some((_, compressor)) = slot else {
            return Err(Error::internal("there is no compressor"));
        };
        let (mut out, length) = work(compressor);
        let length = length.map_err(|error| Error::internal(format!("deflate: {error}")))?;
        out.truncate(length);
        Ok(out)
    })
}

pub(super) fn zlib(bytes: &[u8], level: u32) -> Result<Scratch> {
    compress(level, |compressor| {
        let mut out = Scratch::new(compressor.zlib_compress_bound(bytes.len()));
        let length = compressor.zlib_compress(bytes, &mut out);
        (out, length)
    })
}

pub(super) fn gzip(bytes: &[u8], level: u32) -> Result<Scratch> {
    compress(level, |compressor| {
        let mut out = Scratch::new(compressor.gzip_compress_bound(bytes.len()));
        let length = compressor.gzip_compress(bytes, &mut out);
        (out, length)
    })
}

pub(super) fn unzlib(bytes: &[u8], out: &mut [u8]) -> Option<()> {
    let length = DECOMPRESSOR
        .with_borrow_mut(|decompressor| decompressor.zlib_decompress(bytes, out))
        .ok()?;
    (length == out.len()).then_some(())
}

pub(super) fn ungzip(bytes: &[u8], out: &mut [u8]) -> Option<()> {
    let length = DECOMPRESSOR
        .with_borrow_mut(|decompressor| decompressor.gzip_decompress(bytes, out))
        .ok()?;
    (length == out.len()).then_some(())
}
