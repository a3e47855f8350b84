//! Builds images: the first one of an array from its cells, the next one from the last one and a change.

mod chunks;

use std::collections::HashMap;
use std::fs::File;

use hyperslab_core::{ArrayBuf, Error, Hyperslab, Result, WriteData};
use hyperslab_engine::{Engine, Outgoing};

pub(crate) use self::chunks::ChunkEncoder;
use self::chunks::Encoded;
use crate::chunk::{ChunkGrid, ChunkPiece};
use crate::file::{
    ArrayFile, ChunkLocation, EncodedChunk, FileContent, ImageWriter, VariableCells,
    VariableStorage,
};
use crate::index;

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
            let encoder = ChunkEncoder::new(variable, grid, codecs);
            let change = ChunkChange {
                last,
                encoder,
                edit,
            };
            change.run(chunks, &mut writer)?;
        }
        _ => {
            let cells = ArrayBuf::filled(variable.fill, &stored.shape)?;
            let whole = Hyperslab::full(&stored.shape);
            let mut cells = last.read_into(engine, &whole, &variable.fill.to_bytes(), cells)?;
            if let Some(edit) = edit {
                let shape = stored.shape.clone();
                // Seen as one chunk, the array is changed like any other.
                let whole = ChunkGrid::new(&shape, &shape);
                for piece in whole.pieces(edit.slab) {
                    let copy = whole.copy_of(&piece, &edit.slab.shape(), variable.dtype.size());
                    copy.write(edit.data, cells.bytes_mut());
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
    let encoder = ChunkEncoder::new(variable, &grid, codecs);
    encoder.put_block(writer, &Hyperslab::full(cells.shape()), cells)
}

/// The chunks of the last image, some of which change.
struct ChunkChange<'a> {
    last: &'a ArrayFile,
    encoder: ChunkEncoder<'a>,
    edit: Option<Edit<'a>>,
}

impl ChunkChange<'_> {
    /// Copies the chunks that stay as they are stored, and encodes those that change.
    fn run(&self, chunks: &[ChunkLocation], writer: &mut ImageWriter<'_>) -> Result<()> {
        let pieces = self.edit.map(|edit| self.encoder.grid.pieces(edit.slab));
        let touched: HashMap<u64, ChunkPiece> = pieces
            .into_iter()
            .flatten()
            .map(|piece| (piece.chunk, piece))
            .collect();
        let present: Vec<(u64, ChunkLocation)> = (0..)
            .zip(chunks.iter().copied())
            .filter(|(number, chunk)| !chunk.is_absent() || touched.contains_key(number))
            .collect();
        let next =
            |(number, location): &(u64, ChunkLocation)| match (touched.get(number), self.edit) {
                (Some(piece), Some(edit)) => self.changed(piece, edit),
                _ => self.kept(*location).map(Some),
            };
        self.encoder
            .put_all(writer, &present, |(number, _)| *number, next)
    }

    fn kept(&self, location: ChunkLocation) -> Result<EncodedChunk> {
        let length = index(location.size);
        let mut stored = Outgoing::new(length);
        self.last.read_raw(location, stored.grow(length))?;
        Ok(EncodedChunk::new(stored, location.mask))
    }

    fn changed(&self, piece: &ChunkPiece, edit: Edit<'_>) -> Result<Encoded> {
        let copy = self.encoder.copy_of(piece, &edit.slab.shape());
        self.encoder.encode(|chunk| {
            if piece.whole || !self.last.chunk_cells(piece.chunk, chunk)? {
                self.encoder.fill(chunk);
            }
            copy.write(edit.data, chunk);
            Ok(())
        })
    }
}
