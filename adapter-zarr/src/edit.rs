//! What a write does to one object: new cells over the old ones.

mod apply;
mod shard_edit;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use hyperslab_core::chunk::ChunkPiece;
use hyperslab_core::copy::gather;
use hyperslab_core::{ArrayBuf, AxisSlab, Error, Hyperslab, Result, Scalar, WriteData};
use hyperslab_engine::{Outgoing, SlabWrite};

use crate::chunks::{ChunkLayout, ObjectPart, Part};
use crate::codec::Codecs;
use crate::shard::{self, ShardIndex};

/// How the objects of an array are made and read.
#[derive(Debug, Clone)]
pub(crate) struct ObjectCodec {
    pub(crate) layout: ChunkLayout,
    pub(crate) codecs: Codecs,
    pub(crate) fill: Scalar,
}

/// What writes do to one object, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct ObjectEdit {
    /// The number of the object.
    pub(crate) object: u64,
    /// The chunks that get cells, by their number in the object.
    pub(crate) chunks: Vec<ChunkEdit>,
    /// Whether nothing of the old object stays.
    pub(crate) is_whole: bool,
    /// The writes that have cells in this object, in their order.
    pub(crate) writes: Vec<Arc<SlabWrite>>,
    /// Whether there are so few objects that several threads should encode the chunks of each.
    shared_out: bool,
}

/// What one chunk gets.
#[derive(Debug, Clone)]
pub(crate) struct ChunkEdit {
    /// The number of the chunk in its object.
    pub(crate) number: usize,
    /// Whether nothing of the old chunk stays.
    pub(crate) is_whole: bool,
    /// What it gets of each write, in their order.
    pieces: Vec<(ChunkPiece, Arc<SlabWrite>)>,
}

/// The cells that one object gets, by themselves.
#[derive(Debug, Clone)]
pub(crate) struct CellEdit {
    /// The cells of the array that change, all of them in one object.
    pub(crate) slab: Hyperslab,
    pub(crate) cells: WriteData,
}

/// An object as it was before an edit.
#[derive(Debug)]
pub(crate) enum OldObject {
    Absent,
    /// There is one, of which nothing stays.
    Replaced,
    /// All its bytes.
    Bytes(Bytes),
    /// All its bytes, in a buffer that can become the next ones.
    Buffer(Outgoing),
    /// A shard: its index, and the stored bytes of the chunks that an edit touches, in the order of its chunks.
    Shard {
        index: Arc<ShardIndex>,
        touched: Vec<Option<Bytes>>,
    },
}

/// A part of the next state of an object.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    New(Bytes),
    /// These bytes of the state before.
    Old(Range<u64>),
}

/// The next state of an object.
#[derive(Debug, Clone)]
pub(crate) enum NewObject {
    /// It is not stored: all of it is fill and it was not there before.
    Nothing,
    Bytes(Bytes),
    Pieces(Vec<Piece>),
}

/// A part of the cells of a write as bytes that can be put.
struct SharedCells(Arc<SlabWrite>);

impl AsRef<[u8]> for SharedCells {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl ObjectEdit {
    /// Adds what a later write does.
    fn add(&mut self, part: ObjectPart, write: &Arc<SlabWrite>) {
        if part.whole {
            // Nothing of what came before is seen again.
            self.chunks.clear();
            self.writes.clear();
            self.is_whole = true;
        }
        self.writes.push(Arc::clone(write));
        for Part { number, piece } in part.parts {
            let at = self.chunks.partition_point(|chunk| chunk.number < number);
            if self
                .chunks
                .get(at)
                .is_none_or(|chunk| chunk.number != number)
            {
                let chunk = ChunkEdit {
                    number,
                    is_whole: false,
                    pieces: Vec::new(),
                };
                self.chunks.insert(at, chunk);
            }
            let Some(chunk) = self.chunks.get_mut(at) else {
                continue;
            };
            if piece.whole {
                chunk.pieces.clear();
                chunk.is_whole = true;
            }
            chunk.pieces.push((piece, Arc::clone(write)));
        }
    }
}

impl OldObject {
    fn is_there(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// All its bytes, where they are known.
    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Buffer(buffer) => Some(buffer),
            _ => None,
        }
    }
}

impl ObjectCodec {
    /// The edits that writes, one after the other, come to: one for each object they touch.
    pub(crate) fn edits(&self, writes: &[Arc<SlabWrite>]) -> Vec<Arc<ObjectEdit>> {
        let mut edits: BTreeMap<u64, ObjectEdit> = BTreeMap::new();
        for write in writes {
            for part in self.layout.objects_of(&write.slab) {
                let edit = edits.entry(part.object).or_insert_with(|| ObjectEdit {
                    object: part.object,
                    chunks: Vec::new(),
                    is_whole: false,
                    writes: Vec::new(),
                    shared_out: false,
                });
                edit.add(part, write);
            }
        }
        let shared_out = edits.len() < rayon::current_num_threads();
        let edit = |edit| Arc::new(ObjectEdit { shared_out, ..edit });
        edits.into_values().map(edit).collect()
    }

    /// The cells of an edit by themselves, of each write dense and in C order.
    pub(crate) fn cells_of(&self, edit: &ObjectEdit) -> Result<Vec<CellEdit>> {
        let writes = edit.writes.iter();
        writes
            .map(|write| self.cells_in(write, edit.object))
            .collect()
    }

    fn cells_in(&self, write: &SlabWrite, object: u64) -> Result<CellEdit> {
        let (slab, place) = self.inside(&write.slab, object)?;
        let cells = match &write.data {
            WriteData::Scalar(value) => WriteData::Scalar(*value),
            WriteData::Cells(cells) => {
                let mut own = ArrayBuf::zeroed(cells.dtype(), &slab.shape())?;
                let size = cells.dtype().size();
                gather(cells.bytes(), cells.shape(), size, &place, own.bytes_mut())?;
                WriteData::Cells(own)
            }
        };
        Ok(CellEdit { slab, cells })
    }

    /// The edit of one object by cells of its own.
    pub(crate) fn edit_of(&self, cells: Vec<CellEdit>) -> Result<Arc<ObjectEdit>> {
        let writes = cells.into_iter();
        let writes: Vec<_> = writes
            .map(|cells| SlabWrite::new(&cells.slab, cells.cells))
            .collect();
        let mut edits = self.edits(&writes);
        match edits.pop() {
            Some(edit) if edits.is_empty() => Ok(edit),
            _ => Err(Error::internal("an edit of cells of another object")),
        }
    }

    /// What of a hyperslab lies in an object, and where that is in the hyperslab's own buffer.
    pub(crate) fn inside(&self, slab: &Hyperslab, object: u64) -> Result<(Hyperslab, Hyperslab)> {
        let grid = self.layout.objects();
        let (mut inner, mut place) = (Vec::new(), Vec::new());
        let axes = slab.axes().iter().zip(grid.position(object));
        for ((axis, along), length) in axes.zip(grid.chunk_shape()) {
            let (low, high) = (along * length, (along + 1) * length);
            let before = |bound: u64| {
                let steps = bound
                    .saturating_sub(axis.start)
                    .div_ceil(axis.stride.max(1));
                steps.min(axis.count)
            };
            let (first, end) = (before(low), before(high));
            inner.push(AxisSlab {
                start: axis.start + first * axis.stride,
                count: end - first,
                stride: axis.stride,
            });
            place.push(AxisSlab {
                start: first,
                count: end - first,
                stride: 1,
            });
        }
        Ok((
            Hyperslab::new(inner, self.layout.shape())?,
            Hyperslab::new(place, &slab.shape())?,
        ))
    }

    /// Whether the cells of a hyperslab lie in one chunk, so that there is nothing to do beside each other.
    pub(crate) fn is_small(&self, slab: &Hyperslab) -> bool {
        let axes = slab.axes().iter().zip(self.layout.chunks().chunk_shape());
        axes.into_iter().all(|(axis, &length)| {
            let last = axis.last().unwrap_or(axis.start);
            axis.start / length.max(1) == last / length.max(1)
        })
    }

    /// Bytes of the cells of one object, saturating.
    pub(crate) fn object_bytes(&self) -> usize {
        let chunks = self.layout.chunks_per_object();
        self.codecs.byte_count().saturating_mul(chunks)
    }

    /// Decodes all of an object.
    ///
    /// # Errors
    /// `Corrupt` that says which chunk of a shard is at fault.
    pub(crate) fn verify(&self, bytes: &Bytes) -> Result<()> {
        if !self.layout.is_sharded() {
            return self.codecs.decode(bytes).map(drop);
        }
        let index = whole_index(bytes, self.layout.chunks_per_object())?;
        for (number, range) in index.into_iter().enumerate() {
            let Some(range) = range else { continue };
            let chunk = within(bytes, &range);
            let chunk = chunk.ok_or_else(|| Error::corrupt("a chunk lies outside of its shard"))?;
            let decoded = self.codecs.decode(chunk);
            decoded.map_err(|error| error.context(format!("chunk {number} of the shard")))?;
        }
        Ok(())
    }

    /// An object whose cells are all fill.
    pub(crate) fn all_fill(&self) -> Result<Bytes> {
        if self.layout.is_sharded() {
            return Ok(shard::build(&vec![None; self.layout.chunks_per_object()]).into());
        }
        let mut cells = vec![0; self.codecs.byte_count()];
        hyperslab_core::fill_cells(&mut cells, &self.fill.to_bytes());
        Ok(self.codecs.encode(&cells)?.into())
    }
}

/// The bytes of a shard in a range, if they are there.
fn within<'a>(bytes: &'a [u8], range: &Range<u64>) -> Option<&'a [u8]> {
    let start = usize::try_from(range.start).ok()?;
    bytes.get(start..usize::try_from(range.end).ok()?)
}

/// The index of a shard that is in memory.
pub(crate) fn whole_index(bytes: &[u8], chunk_count: usize) -> Result<shard::ShardIndex> {
    let length = usize::try_from(shard::index_length(chunk_count)).unwrap_or(usize::MAX);
    let start = bytes.len().checked_sub(length);
    let end = start.and_then(|start| bytes.get(start..));
    let end = end.ok_or_else(|| Error::corrupt("a shard is shorter than its index"))?;
    shard::parse_index(end, chunk_count, bytes.len() as u64)
}
