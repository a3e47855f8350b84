//! Builds images: the first one of an array from its cells, the next one from the last one and a change.

mod chunks;
mod contiguous;

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use hyperslab_core::{ArrayBuf, Error, Hyperslab, Result};
use hyperslab_engine::{Engine, Outgoing, SlabWrite};

pub(crate) use self::chunks::ChunkEncoder;
use self::chunks::Encoded;
use crate::chunk::{ChunkGrid, ChunkPiece};
use crate::file::{
    ArrayFile, ChunkLocation, EncodedChunk, ImageContent, ImageWriter, VariableCells,
    VariableStorage,
};
use crate::index;

/// A part of a write, as a write of an array: the hyperslab of that array, and where its first cell is among those of the write.
#[derive(Debug)]
pub(crate) struct PartWrite<'a> {
    pub(crate) slab: Hyperslab,
    pub(crate) write: &'a SlabWrite,
    /// In bytes.
    pub(crate) offset: usize,
}

impl<'a> PartWrite<'a> {
    /// All of a write.
    fn whole(write: &'a SlabWrite) -> Self {
        Self {
            slab: write.slab.clone(),
            write,
            offset: 0,
        }
    }

    /// Writes what it is into a chunk of the array.
    fn put_piece(&self, grid: &ChunkGrid, piece: &ChunkPiece, chunk: &mut [u8]) {
        let size = self.write.data.dtype().size();
        let mut copy = grid.copy_of(piece, &self.write.shape, size);
        copy.in_slab += self.offset;
        copy.write(&self.write.data, chunk);
    }

    /// Where its cells lie among the bytes of the write, if it has some of its own; the array has this shape.
    pub(crate) fn rows(&self, shape: &[u64]) -> Vec<Range<usize>> {
        let size = self.write.data.dtype().size();
        let whole = ChunkGrid::new(shape, shape);
        let pieces = whole.pieces(&self.slab);
        let rows = pieces.iter().flat_map(|piece| {
            let copy = whole.copy_of(piece, &self.write.shape, size);
            copy.rows_in_slab(size)
        });
        rows.map(|row| row.start + self.offset..row.end + self.offset)
            .collect()
    }

    /// Writes all that it is into the cells of the array, which has this shape.
    pub(crate) fn put(&self, cells: &mut [u8], shape: &[u64]) {
        // Seen as one chunk, the array is changed like any other.
        let whole = ChunkGrid::new(shape, shape);
        for piece in whole.pieces(&self.slab) {
            self.put_piece(&whole, &piece, cells);
        }
    }
}

/// All of some writes.
pub(crate) fn whole(writes: &[Arc<SlabWrite>]) -> Vec<PartWrite<'_>> {
    writes.iter().map(|write| PartWrite::whole(write)).collect()
}

/// Writes an image whose only variable has these cells, or none but fill.
pub(crate) fn write_first(
    content: &dyn ImageContent,
    cells: Option<&ArrayBuf>,
    file: &File,
) -> Result<()> {
    let mut writer = ImageWriter::new(content, Some(file))?;
    if let Some(cells) = cells {
        put_all(&mut writer, content, cells, file)?;
    }
    writer.finish().map(drop)
}

/// Writes the image that follows `last`, after some writes, one after the other. Without a last one all cells were fill.
pub(crate) fn write_next(
    engine: &Engine,
    last: Option<&ArrayFile>,
    content: &dyn ImageContent,
    writes: &[PartWrite<'_>],
    file: &File,
) -> Result<()> {
    let variable = only_variable(content)?;
    let mut writer = ImageWriter::new(content, Some(file))?;
    let stored = last.map(|last| &last.header().variable);
    match (stored.map(|stored| &stored.cells), &variable.storage) {
        (
            Some(VariableCells::Chunked {
                grid,
                codecs,
                chunks,
            }),
            VariableStorage::Chunked {
                chunk_shape,
                codecs: next,
            },
        ) if grid.chunk_shape() == chunk_shape && codecs == next => {
            let encoder = ChunkEncoder::new(variable, grid, codecs);
            let change = ChunkChange {
                last,
                encoder,
                writes,
            };
            change.run(chunks, &mut writer)?;
        }
        (
            None,
            VariableStorage::Chunked {
                chunk_shape,
                codecs,
            },
        ) => {
            let grid = ChunkGrid::new(&content.shape(variable), chunk_shape);
            let encoder = ChunkEncoder::new(variable, &grid, codecs);
            let change = ChunkChange {
                last,
                encoder,
                writes,
            };
            change.run(&[], &mut writer)?;
        }
        (_, VariableStorage::Contiguous) if contiguous::takes(stored) => {
            contiguous::put_changed(&mut writer, last, content, writes, file)?;
        }
        // What changes is around the cells.
        (_, VariableStorage::Tiles(_)) => {}
        _ => {
            let shape = content.shape(variable);
            let mut cells = ArrayBuf::filled(variable.fill, &shape)?;
            if let Some(last) = last {
                let whole = Hyperslab::full(&shape);
                cells = last.read_into(engine, &whole, &variable.fill.to_bytes(), cells)?;
            }
            for write in writes {
                write.put(cells.bytes_mut(), &shape);
            }
            put_all(&mut writer, content, &cells, file)?;
        }
    }
    writer.finish().map(drop)
}

fn only_variable(content: &dyn ImageContent) -> Result<&crate::file::VariableContent> {
    content
        .variables()
        .first()
        .ok_or_else(|| Error::internal("a file without a variable"))
}

/// Adds all cells of the only variable.
fn put_all(
    writer: &mut ImageWriter<'_>,
    content: &dyn ImageContent,
    cells: &ArrayBuf,
    file: &File,
) -> Result<()> {
    let variable = only_variable(content)?;
    let (chunk_shape, codecs) = match &variable.storage {
        VariableStorage::Whole => return writer.put_whole(0, cells.bytes()),
        VariableStorage::Contiguous => return contiguous::put_whole(writer, cells, file),
        VariableStorage::Tiles(_) => {
            return Err(Error::internal("cells given for an array that has none"));
        }
        VariableStorage::Chunked {
            chunk_shape,
            codecs,
        } => (chunk_shape, codecs),
    };
    let grid = ChunkGrid::new(cells.shape(), chunk_shape);
    let encoder = ChunkEncoder::new(variable, &grid, codecs);
    encoder.put_block(writer, &Hyperslab::full(cells.shape()), cells)
}

/// The chunks of the last image, some of which change.
struct ChunkChange<'a> {
    last: Option<&'a ArrayFile>,
    encoder: ChunkEncoder<'a>,
    writes: &'a [PartWrite<'a>],
}

/// What a chunk gets of each write, in their order.
type Pieces<'a> = Vec<(ChunkPiece, &'a PartWrite<'a>)>;

impl<'a> ChunkChange<'a> {
    /// Copies the chunks that stay as they are stored, and encodes those that change.
    fn run(&self, chunks: &[ChunkLocation], writer: &mut ImageWriter<'_>) -> Result<()> {
        let touched = self.touched();
        let stored = (0..).zip(chunks.iter().copied());
        let kept =
            stored.filter(|(number, chunk)| !chunk.is_absent() && !touched.contains_key(number));
        let changed = touched
            .keys()
            .map(|&number| (number, ChunkLocation::ABSENT));
        let mut present: Vec<(u64, ChunkLocation)> = kept.chain(changed).collect();
        present.sort_unstable_by_key(|(number, _)| *number);
        let next = |(number, location): &(u64, ChunkLocation)| match touched.get(number) {
            Some(pieces) => self.changed(*number, pieces),
            None => self.kept(*location).map(Some),
        };
        self.encoder
            .put_all(writer, &present, |(number, _)| *number, next)
    }

    fn touched(&self) -> HashMap<u64, Pieces<'a>> {
        let mut touched: HashMap<u64, Pieces<'a>> = HashMap::new();
        for write in self.writes {
            for piece in self.encoder.grid.pieces(&write.slab) {
                let pieces = touched.entry(piece.chunk).or_default();
                pieces.push((piece, write));
            }
        }
        touched
    }

    fn kept(&self, location: ChunkLocation) -> Result<EncodedChunk> {
        let length = index(location.size);
        let mut stored = Outgoing::new(length);
        let last = self
            .last
            .ok_or_else(|| Error::internal("a chunk of no file"))?;
        last.read_raw(location, stored.grow(length))?;
        let chunk = EncodedChunk::new(stored, location.mask);
        let is_vouched_for = !self.encoder.is_paged()
            || chunk.has_sums(&last.page_sums_of(location)?)
            || last.is_sound(location, chunk.bytes());
        Ok(match is_vouched_for {
            true => chunk,
            false => chunk.not_vouched_for(),
        })
    }

    fn changed(&self, number: u64, pieces: &Pieces<'_>) -> Result<Encoded> {
        let is_whole = pieces.iter().any(|(piece, _)| piece.whole);
        self.encoder.encode(|chunk| {
            let last = self.last.filter(|_| !is_whole);
            let is_stored = match last {
                Some(last) => last.chunk_cells(number, chunk)?,
                None => false,
            };
            if !is_stored {
                self.encoder.fill(chunk);
            }
            for (piece, write) in pieces {
                write.put_piece(self.encoder.grid, piece, chunk);
            }
            Ok(())
        })
    }
}
