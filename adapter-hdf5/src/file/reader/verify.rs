//! Reads files to the last byte, to see whether they are what was written.

use std::fs::File;
use std::os::unix::fs::FileExt;

use hyperslab_core::chunk::Windows;
use hyperslab_core::{ArrayBuf, Error, Hyperslab, Result, Scalar};
use hyperslab_engine::{Engine, Scratch};
use rayon::prelude::*;

use super::{ArrayFile, VariableCells};
use crate::index;

/// How much of a file is read or copied at a time.
const COPY_BYTES: usize = 1 << 20;

/// Bytes that are read through the library at a time, to see whether they can be.
const BATCH_BYTES: u64 = 32 << 20;

impl ArrayFile {
    /// Decodes every chunk, to see whether it can be done.
    pub(crate) fn decode_all(&self, fill: Scalar) -> Result<()> {
        let variable = &self.header.variable;
        // What is kept decoded says nothing of the disk.
        let engine = Engine::new(0);
        match &variable.cells {
            VariableCells::Inline(_) | VariableCells::Elsewhere => Ok(()),
            VariableCells::Chunked {
                grid,
                codecs,
                chunks,
            } => {
                let chunk_bytes = index(grid.chunk_bytes(variable.dtype.size()));
                let present = chunks.par_iter().filter(|chunk| !chunk.is_absent());
                present.try_for_each(|chunk| {
                    self.decode(codecs, *chunk, &mut Scratch::new(chunk_bytes))
                })
            }
            VariableCells::Contiguous { .. } | VariableCells::Library => {
                self.windows().iter().try_for_each(|window| {
                    let out = ArrayBuf::zeroed(variable.dtype, &window.shape())?;
                    self.read_into(&engine, &window, &fill.to_bytes(), out)
                        .map(drop)
                })
            }
        }
    }

    /// Hyperslabs of some rows that cover the variable.
    fn windows(&self) -> Windows {
        let variable = &self.header.variable;
        let (whole, size) = (Hyperslab::full(&variable.shape), variable.dtype.size());
        Windows::new(&whole, &vec![1; variable.shape.len()], size, BATCH_BYTES)
    }

    /// Reads every byte of a stamped file and compares the checksum of the footer.
    pub(crate) fn verify(&self) -> Result<()> {
        let Some(footer) = &self.footer else {
            return Ok(());
        };
        let crc = file_crc(&self.file, footer.length)
            .map_err(|source| Error::io("read", self.path.display(), source))?;
        if crc != footer.crc {
            return Err(self.corrupt("its bytes are not those that were written"));
        }
        footer
            .verify_sums(&self.file)
            .map_err(|error| error.context(self.path.display()))
    }
}

/// The CRC-32C of the first `length` bytes of a file.
fn file_crc(file: &File, length: u64) -> std::io::Result<u32> {
    let mut buffer = vec![0; COPY_BYTES];
    let (mut crc, mut offset) = (0, 0);
    while offset < length {
        let count = buffer
            .len()
            .min(usize::try_from(length - offset).unwrap_or(usize::MAX));
        file.read_exact_at(&mut buffer[..count], offset)?;
        crc = crc32c::crc32c_append(crc, &buffer[..count]);
        offset += count as u64;
    }
    Ok(crc)
}
