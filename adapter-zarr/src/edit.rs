//! What a write does to one object: new cells over the old ones.

mod apply;
mod shard_edit;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use hyperslab_core::copy::gather;
use hyperslab_core::{ArrayBuf, AxisSlab, Error, Hyperslab, Result, Scalar, WriteData};
use hyperslab_engine::Outgoing;

use crate::chunks::{ChunkLayout, ObjectPart};
use crate::codec::Codecs;
use crate::shard::{self, ShardIndex};

/// How the objects of an array are made and read.
#[derive(Debug, Clone)]
pub(crate) struct ObjectCodec {
    pub(crate) layout: ChunkLayout,
    pub(crate) codecs: Codecs,
    pub(crate) fill: Scalar,
}

/// A write: the cells of a hyperslab, kept once for all objects that get some of them.
#[derive(Debug)]
pub(crate) struct SlabWrite {
    pub(crate) slab: Hyperslab,
    pub(crate) shape: Vec<u64>,
    pub(crate) data: WriteData,
}

/// What a write does to one object.
#[derive(Debug, Clone)]
pub(crate) struct ObjectEdit {
    /// The cells of the write that lie in this object.
    pub(crate) part: ObjectPart,
    pub(crate) write: Arc<SlabWrite>,
    /// Whether the write has so few objects that several threads should encode the chunks of each.
    shared_out: bool,
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
    /// A shard: its index, and the stored bytes of the chunks that an edit touches, in the order of its parts.
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

impl SlabWrite {
    pub(crate) fn new(slab: &Hyperslab, data: WriteData) -> Arc<Self> {
        Arc::new(Self {
            slab: slab.clone(),
            shape: slab.shape(),
            data,
        })
    }

    /// The cells in C order; none for a write of one value.
    fn bytes(&self) -> &[u8] {
        match &self.data {
            WriteData::Cells(cells) => cells.bytes(),
            WriteData::Scalar(_) => &[],
        }
    }
}

/// A part of the cells of a write as bytes that can be put.
struct SharedCells(Arc<SlabWrite>);

impl AsRef<[u8]> for SharedCells {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl ObjectEdit {
    /// The number of the object.
    pub(crate) fn object(&self) -> u64 {
        self.part.object
    }

    /// Whether nothing of the old object stays.
    pub(crate) fn is_whole(&self) -> bool {
        self.part.whole
    }
}

impl OldObject {
    fn is_there(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl ObjectCodec {
    /// The edits that a write comes to, one for each object it touches.
    pub(crate) fn edits(&self, write: &Arc<SlabWrite>) -> Vec<Arc<ObjectEdit>> {
        let objects = self.layout.objects_of(&write.slab);
        let shared_out = objects.len() < rayon::current_num_threads();
        let edit = |part| {
            Arc::new(ObjectEdit {
                part,
                write: Arc::clone(write),
                shared_out,
            })
        };
        objects.into_iter().map(edit).collect()
    }

    /// The edit of one object by cells of its own.
    pub(crate) fn edit_of(&self, cells: CellEdit) -> Result<Arc<ObjectEdit>> {
        let mut edits = self.edits(&SlabWrite::new(&cells.slab, cells.cells));
        match edits.pop() {
            Some(edit) if edits.is_empty() => Ok(edit),
            _ => Err(Error::internal("an edit of cells of another object")),
        }
    }

    /// The cells of an edit by themselves, dense and in C order.
    pub(crate) fn cells_of(&self, edit: &ObjectEdit) -> Result<CellEdit> {
        let (slab, place) = self.inside(&edit.write.slab, edit.object())?;
        let cells = match &edit.write.data {
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
