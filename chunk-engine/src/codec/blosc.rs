//! Blosc 1 frames through the C library that also serves the HDF5 filter.
#![expect(unsafe_code, reason = "c-blosc has a C interface only")]

use std::ffi::{CStr, c_int};

use hyperslab_core::{Error, Result};

use crate::Scratch;

/// Bytes a frame may have more than its content.
const OVERHEAD: usize = 16;

/// The compressors of a frame by the number the HDF5 filter gives them.
const COMPRESSORS: [&CStr; 6] = [c"blosclz", c"lz4", c"lz4hc", c"snappy", c"zlib", c"zstd"];

/// Compresses `bytes`: `level` 0 to 9, byte shuffle of cells of `cell_size` bytes, `compressor` as in the filter, blocks of
/// `block_size` bytes or, if that is 0, of what Blosc finds best.
pub(super) fn compress(
    bytes: &[u8],
    level: u32,
    shuffle: u32,
    cell_size: usize,
    compressor: u32,
    block_size: usize,
) -> Result<Scratch> {
    let name = COMPRESSORS
        .get(compressor as usize)
        .ok_or_else(|| Error::unsupported(format!("blosc compressor {compressor} is unknown")))?;
    let mut out = Scratch::new(bytes.len() + OVERHEAD);
    // SAFETY: both pointers are valid for the lengths given, the name ends with NUL, and the call keeps none of them.
    // The `_ctx` form uses no state of the library, so any number of threads may call it.
    let written = unsafe {
        blosc_src::blosc_compress_ctx(
            c_int::try_from(level).unwrap_or(5),
            c_int::try_from(shuffle).unwrap_or(0),
            cell_size,
            bytes.len(),
            bytes.as_ptr().cast(),
            out.as_mut_ptr().cast(),
            out.len(),
            name.as_ptr(),
            block_size,
            1,
        )
    };
    match usize::try_from(written) {
        Ok(length) if length > 0 => {
            out.truncate(length);
            Ok(out)
        }
        _ => Err(Error::internal(format!(
            "blosc could not compress {} bytes (code {written})",
            bytes.len()
        ))),
    }
}

/// Decompresses a frame into `out`, which it must fill.
pub(super) fn decompress(frame: &[u8], out: &mut [u8]) -> Result<()> {
    let damaged = || Error::corrupt("a blosc frame is damaged");
    let mut length = 0;
    // SAFETY: the pointer is valid for the length given; the call reads the header of the frame and checks it.
    let valid = unsafe {
        blosc_src::blosc_cbuffer_validate(frame.as_ptr().cast(), frame.len(), &raw mut length)
    };
    if valid != 0 || length != out.len() {
        return Err(damaged());
    }
    // SAFETY: the frame's own lengths were just found to agree with `frame` and `out`, and the call writes at most
    // `out.len()` bytes.
    let written = unsafe {
        blosc_src::blosc_decompress_ctx(
            frame.as_ptr().cast(),
            out.as_mut_ptr().cast(),
            out.len(),
            1,
        )
    };
    if usize::try_from(written) == Ok(out.len()) {
        Ok(())
    } else {
        Err(damaged())
    }
}
