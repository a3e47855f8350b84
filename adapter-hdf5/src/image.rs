//! Builds images: the first one of an array from its cells, the next one from the last one and a change.

use std::collections::HashMap;
use std::fs::File;

use hyperslab_core::{ArrayBuf, DType, Error, Hyperslab, Result, Scalar, WriteData};
use hyperslab_engine::Engine;
use rayon::prelude::*;

use crate::chunk::{ChunkGrid, ChunkPiece, CodecChain, CopyAxis, copy_cells};
use crate::file::{
    ArrayFile, ChunkLocation, FileContent, ImageWriter, VariableCells, VariableStorage,
};

/// Bytes of chunks that are encoded before they are written.
const BATCH_BYTES: u64 = 32 << 20;

/// An encoded chunk and its mask; `None` when all its cells are fill.
type Encoded = Option<(Vec<u8>, u32)>;

/// Cells to write and where they go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edit<'a> {
    /// The cells that change.
    pub(crate) slab: &'a Hyperslab,
    /// What they become.
    pub(crate) data: &'a WriteData,
}

/// Writes an image whose only variable has these cells, or none but fill.
pub(crate) fn write_first(
    content: &FileContent,
    cells: Option<&ArrayBuf>,
    file: &File,
) -> Result<()> {
    let mut writer = ImageWriter::new(content, Some(file))?;
    if let Some(cells) = cells {
        put_all(&mut writer, content, cells)?;
    }
    writer.finish().map(drop)
}

/// Writes the image that follows `last`.
pub(crate) fn write_next(
    engine: &Engine,
    last: &ArrayFile,
    content: &FileContent,
    edit: Option<Edit<'_>>,
    file: &File,
) -> Result<()> {
    let variable = only_variable(content)?;
    let stored = &last.header().variable;
    let mut writer = ImageWriter::new(content, Some(file))?;
    match (&stored.cells, &variable.storage) {
        (
            VariableCells::Chunked {
                grid,
                codecs,
                chunks,
            },
            VariableStorage::Chunked {
                chunk_shape,
                codecs: next,
            },
        ) if grid.chunk_shape() == chunk_shape && codecs == next => {
            let change = ChunkChange {
                last,
                grid,
                codecs,
                edit,
                dtype: variable.dtype,
                fill: variable.fill,
            };
            change.run(chunks, &mut writer)?;
        }
        _ => {
            let cells = ArrayBuf::filled(variable.fill, &stored.shape)?;
            let whole = Hyperslab::full(&stored.shape);
            let mut cells = last.read_into(engine, &whole, variable.fill, cells)?;
            if let Some(edit) = edit {
                let shape = stored.shape.clone();
                // Seen as one chunk, the array is changed like any other.
                let whole = ChunkGrid::new(&shape, &shape);
                for piece in whole.pieces(edit.slab) {
                    apply(&whole, &piece, edit, variable.dtype, cells.bytes_mut());
                }
            }
            put_all(&mut writer, content, &cells)?;
        }
    }
    writer.finish().map(drop)
}

fn only_variable(content: &FileContent) -> Result<&crate::file::VariableContent> {
    content
        .variables
        .first()
        .ok_or_else(|| Error::internal("a file without a variable"))
}

fn batch_length(chunk_bytes: u64) -> usize {
    usize::try_from((BATCH_BYTES / chunk_bytes.max(1)).max(1)).unwrap_or(1)
}

/// Adds all cells of the only variable.
fn put_all(writer: &mut ImageWriter<'_>, content: &FileContent, cells: &ArrayBuf) -> Result<()> {
    let variable = only_variable(content)?;
    let VariableStorage::Chunked {
        chunk_shape,
        codecs,
    } = &variable.storage
    else {
        return writer.put_whole(0, cells.bytes());
    };
    let grid = ChunkGrid::new(cells.shape(), chunk_shape);
    let cell_size = cells.dtype().size();
    let encode = |piece: &ChunkPiece| -> Result<Encoded> {
        if chunk_shape == cells.shape() {
            return encode(codecs, cells.bytes(), variable.fill);
        }
        let mut chunk = filled_chunk(&grid, variable.fill)?;
        let copy = grid.copy_of(piece, cells.shape(), cell_size);
        copy_cells(
            &copy.reversed(),
            cell_size,
            (cells.bytes(), copy.in_slab),
            (&mut chunk, copy.in_chunk),
        );
        encode(codecs, &chunk, variable.fill)
    };
    let pieces = grid.pieces(&Hyperslab::full(cells.shape()));
    for batch in pieces.chunks(batch_length(grid.chunk_bytes(cell_size))) {
        put_batch(writer, batch, |piece| piece.chunk, encode)?;
    }
    Ok(())
}

/// Encodes a batch, in parallel when it has more than one chunk, and adds it in order.
fn put_batch<T: Sync>(
    writer: &mut ImageWriter<'_>,
    batch: &[T],
    number: impl Fn(&T) -> u64,
    encode: impl Fn(&T) -> Result<Encoded> + Sync,
) -> Result<()> {
    let encoded: Vec<Encoded> = match batch {
        [only] => vec![encode(only)?],
        _ => batch.par_iter().map(&encode).collect::<Result<_>>()?,
    };
    for (item, encoded) in batch.iter().zip(encoded) {
        if let Some((bytes, mask)) = encoded {
            writer.put_chunk(0, number(item), &bytes, mask)?;
        }
    }
    Ok(())
}

fn filled_chunk(grid: &ChunkGrid, fill: Scalar) -> Result<Vec<u8>> {
    let chunk = ArrayBuf::filled(fill, grid.chunk_shape())?;
    Ok(chunk.bytes().to_vec())
}

fn encode(codecs: &CodecChain, chunk: &[u8], fill: Scalar) -> Result<Encoded> {
    let cell = fill.to_bytes();
    if chunk.chunks_exact(cell.len()).all(|other| other == cell) {
        return Ok(None);
    }
    Ok(Some((codecs.encode(chunk)?, 0)))
}

/// Writes what an edit and one chunk have in common into the chunk.
fn apply(grid: &ChunkGrid, piece: &ChunkPiece, edit: Edit<'_>, dtype: DType, chunk: &mut [u8]) {
    let cell_size = dtype.size();
    let copy = grid.copy_of(piece, &edit.slab.shape(), cell_size);
    match edit.data {
        WriteData::Cells(cells) => copy_cells(
            &copy.reversed(),
            cell_size,
            (cells.bytes(), copy.in_slab),
            (chunk, copy.in_chunk),
        ),
        WriteData::Scalar(value) => {
            // One cell, read again and again.
            let axes: Vec<CopyAxis> = copy
                .reversed()
                .into_iter()
                .map(|axis| CopyAxis { from: 0, ..axis })
                .collect();
            let cell = value.to_bytes();
            copy_cells(&axes, cell_size, (&cell, 0), (chunk, copy.in_chunk));
        }
    }
}

struct ChunkChange<'a> {
    last: &'a ArrayFile,
    grid: &'a ChunkGrid,
    codecs: &'a CodecChain,
    edit: Option<Edit<'a>>,
    dtype: DType,
    fill: Scalar,
}

impl ChunkChange<'_> {
    /// Copies the chunks that stay as they are stored, and encodes those that change.
    fn run(&self, chunks: &[ChunkLocation], writer: &mut ImageWriter<'_>) -> Result<()> {
        let pieces = self.edit.map(|edit| self.grid.pieces(edit.slab));
        let touched: HashMap<u64, ChunkPiece> = pieces
            .into_iter()
            .flatten()
            .map(|piece| (piece.chunk, piece))
            .collect();
        let present: Vec<(u64, ChunkLocation)> = (0..)
            .zip(chunks.iter().copied())
            .filter(|(number, chunk)| !chunk.is_absent() || touched.contains_key(number))
            .collect();
        let batch = batch_length(self.grid.chunk_bytes(self.dtype.size()));
        for batch in present.chunks(batch) {
            put_batch(
                writer,
                batch,
                |(number, _)| *number,
                |(number, location)| match (touched.get(number), self.edit) {
                    (Some(piece), Some(edit)) => self.changed(piece, edit),
                    _ => Ok(Some((self.last.read_raw(*location)?, location.mask))),
                },
            )?;
        }
        Ok(())
    }

    fn changed(&self, piece: &ChunkPiece, edit: Edit<'_>) -> Result<Encoded> {
        let old = if piece.whole {
            None
        } else {
            self.last.chunk_cells(piece.chunk)?
        };
        let mut chunk = match old {
            Some(cells) => cells,
            None => filled_chunk(self.grid, self.fill)?,
        };
        apply(self.grid, piece, edit, self.dtype, &mut chunk);
        encode(self.codecs, &chunk, self.fill)
    }
}
