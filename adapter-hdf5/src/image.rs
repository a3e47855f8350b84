//! Builds images: the first one of an array from its cells, the next one from the last one and a change.

use std::collections::HashMap;
use std::fs::File;

use hyperslab_core::{ArrayBuf, DType, Error, Hyperslab, Result, Scalar, WriteData};
use hyperslab_engine::{Engine, Scratch};
use rayon::prelude::*;

use crate::chunk::{ChunkGrid, ChunkPiece, CodecChain, CopyAxis, copy_cells};
use crate::file::{
    ArrayFile, ChunkLocation, EncodedChunk, FileContent, ImageWriter, VariableCells,
    VariableStorage,
};
use crate::index;

/// Bytes of chunks that are encoded while those before them are written.
const BATCH_BYTES: u64 = 8 << 20;

/// Of larger chunks one is encoded at a time.
const PARALLEL_CHUNK_BYTES_MAX: u64 = 64 << 20;

/// A chunk as it is stored; `None` when all its cells are fill.
type Encoded = Option<EncodedChunk>;

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
    let by_bytes = usize::try_from(BATCH_BYTES / chunk_bytes.max(1)).unwrap_or(usize::MAX);
    if chunk_bytes > PARALLEL_CHUNK_BYTES_MAX {
        return 1;
    }
    by_bytes.max(rayon::current_num_threads())
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
            if is_fill(cells.bytes(), variable.fill) {
                return Ok(None);
            }
            let encoded = codecs.encode_slice(cells.bytes())?;
            return Ok(Some(EncodedChunk::new(encoded, 0)));
        }
        let copy = grid.copy_of(piece, cells.shape(), cell_size);
        let counts = copy.axes.iter().map(|axis| axis.count);
        let mut chunk = Scratch::new(index(grid.chunk_bytes(cell_size)));
        if counts.product::<usize>() * cell_size < chunk.len() {
            fill(&mut chunk, variable.fill);
        }
        copy_cells(
            &copy.reversed(),
            cell_size,
            (cells.bytes(), copy.in_slab),
            (&mut chunk, copy.in_chunk),
        );
        encode(codecs, chunk, variable.fill)
    };
    let pieces = grid.pieces(&Hyperslab::full(cells.shape()));
    let batch = batch_length(grid.chunk_bytes(cell_size));
    put_batches(writer, &pieces, batch, |piece| piece.chunk, encode)
}

/// Encodes chunks on all threads, batch by batch, and adds each batch in order while the next one is encoded.
fn put_batches<T: Sync>(
    writer: &mut ImageWriter<'_>,
    items: &[T],
    batch: usize,
    number: impl Fn(&T) -> u64 + Sync,
    encode: impl Fn(&T) -> Result<Encoded> + Sync,
) -> Result<()> {
    let encode_all = |batch: &[T]| -> Result<Vec<(u64, EncodedChunk)>> {
        let encode = |item: &T| Ok(encode(item)?.map(|encoded| (number(item), encoded)));
        match batch {
            [only] => encode(only).map(|encoded| encoded.into_iter().collect()),
            _ => (batch.par_iter().with_max_len(1))
                .filter_map(|item| encode(item).transpose())
                .collect(),
        }
    };
    let mut write_all = |ready: Vec<(u64, EncodedChunk)>| {
        let mut ready = ready.into_iter();
        ready.try_for_each(|(number, encoded)| writer.put_chunk(0, number, encoded))
    };
    let mut ready = Vec::new();
    for batch in items.chunks(batch) {
        if ready.is_empty() {
            ready = encode_all(batch)?;
            continue;
        }
        let last = std::mem::take(&mut ready);
        let (written, encoded) = rayon::join(|| write_all(last), || encode_all(batch));
        written?;
        ready = encoded?;
    }
    write_all(ready)
}

fn fill(chunk: &mut [u8], value: Scalar) {
    let cell = value.to_bytes();
    chunk
        .chunks_exact_mut(cell.len())
        .for_each(|place| place.copy_from_slice(&cell));
}

/// Whether each cell is the fill value: the first is, and each other one is as the one before it.
fn is_fill(chunk: &[u8], value: Scalar) -> bool {
    let cell = value.to_bytes();
    let shifted = chunk.get(cell.len()..).unwrap_or_default();
    chunk.starts_with(&cell) && chunk.get(..shifted.len()) == Some(shifted)
}

fn encode(codecs: &CodecChain, chunk: Scratch, fill: Scalar) -> Result<Encoded> {
    if is_fill(&chunk, fill) {
        return Ok(None);
    }
    let encoded = codecs.encode_scratch(chunk)?;
    Ok(Some(EncodedChunk::new(encoded, 0)))
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
        put_batches(
            writer,
            &present,
            batch,
            |(number, _)| *number,
            |(number, location)| match (touched.get(number), self.edit) {
                (Some(piece), Some(edit)) => self.changed(piece, edit),
                _ => Ok(Some(EncodedChunk::new(
                    self.last.read_raw(*location)?,
                    location.mask,
                ))),
            },
        )
    }

    fn changed(&self, piece: &ChunkPiece, edit: Edit<'_>) -> Result<Encoded> {
        let old = if piece.whole {
            None
        } else {
            self.last.chunk_cells(piece.chunk)?
        };
        let mut chunk = match old {
            Some(cells) => cells,
            None => {
                let mut chunk = Scratch::new(index(self.grid.chunk_bytes(self.dtype.size())));
                fill(&mut chunk, self.fill);
                chunk
            }
        };
        apply(self.grid, piece, edit, self.dtype, &mut chunk);
        encode(self.codecs, chunk, self.fill)
    }
}
