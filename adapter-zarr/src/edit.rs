//! What a write does to one object: new cells over the old ones.

use bytes::Bytes;
use hyperslab_core::chunk::{CopyAxis, copy_cells};
use hyperslab_core::copy::gather;
use hyperslab_core::{ArrayBuf, AxisSlab, Error, Hyperslab, Result, Scalar, WriteData};

use crate::chunks::{ChunkLayout, Part};
use crate::codec::Codecs;
use crate::shard;

/// How the objects of an array are made and read.
#[derive(Debug, Clone)]
pub(crate) struct ObjectCodec {
    pub(crate) layout: ChunkLayout,
    pub(crate) codecs: Codecs,
    pub(crate) fill: Scalar,
}

/// The cells that one object gets.
#[derive(Debug, Clone)]
pub(crate) struct ObjectEdit {
    pub(crate) object: u64,
    /// The cells of the array that change, all of them in this object.
    pub(crate) slab: Hyperslab,
    pub(crate) cells: WriteData,
    /// Whether nothing of the old object stays.
    pub(crate) whole: bool,
}

impl ObjectCodec {
    /// The edits that a write comes to, one for each object it touches.
    pub(crate) fn edits(&self, slab: &Hyperslab, data: &WriteData) -> Result<Vec<ObjectEdit>> {
        let objects = self.layout.objects_of(slab).into_iter();
        objects
            .map(|part| {
                let (inner, place) = self.inside(slab, part.object)?;
                let cells = match data {
                    WriteData::Scalar(value) => WriteData::Scalar(*value),
                    WriteData::Cells(cells) => {
                        let mut own = ArrayBuf::zeroed(cells.dtype(), &inner.shape())?;
                        let size = cells.dtype().size();
                        gather(cells.bytes(), cells.shape(), size, &place, own.bytes_mut())?;
                        WriteData::Cells(own)
                    }
                };
                Ok(ObjectEdit {
                    object: part.object,
                    slab: inner,
                    cells,
                    whole: part.whole,
                })
            })
            .collect()
    }

    /// An object as it is first made, from the cells of the whole array; `None` when all of it is fill.
    pub(crate) fn first(&self, object: u64, cells: &ArrayBuf) -> Result<Option<Bytes>> {
        let whole = Hyperslab::full(self.layout.shape());
        let (slab, place) = self.inside(&whole, object)?;
        let mut own = ArrayBuf::zeroed(cells.dtype(), &slab.shape())?;
        let size = cells.dtype().size();
        gather(cells.bytes(), cells.shape(), size, &place, own.bytes_mut())?;
        let edit = ObjectEdit {
            object,
            slab,
            cells: WriteData::Cells(own),
            whole: true,
        };
        self.apply(&edit, None)
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

    /// The object after an edit; `None` when it is not stored because all of it is fill and it was not there before.
    ///
    /// # Errors
    /// `Corrupt` when the old object has to be kept in part and does not decode.
    pub(crate) fn apply(&self, edit: &ObjectEdit, old: Option<&Bytes>) -> Result<Option<Bytes>> {
        let mut touched = self.layout.objects_of(&edit.slab);
        let parts = match touched.pop() {
            Some(part) if touched.is_empty() && part.object == edit.object => part.parts,
            _ => return Err(Error::internal("an edit of cells of another object")),
        };
        let made = if self.layout.is_sharded() {
            self.apply_to_shard(edit, &parts, old)?
        } else {
            match parts.first() {
                Some(part) => self.changed_chunk(edit, part, old.map(|bytes| &bytes[..]))?,
                None => None,
            }
        };
        match made {
            Some(bytes) => Ok(Some(bytes.into())),
            None if old.is_none() => Ok(None),
            // A medium may not be able to delete under a condition, so what was there is written over.
            None => self.all_fill().map(Some),
        }
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
            let range = usize::try_from(range.start)
                .ok()
                .zip(usize::try_from(range.end).ok());
            let chunk = range.and_then(|(start, end)| bytes.get(start..end));
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
        Ok(self.codecs.encode(&self.fill_chunk())?.into())
    }

    fn fill_chunk(&self) -> Vec<u8> {
        let cell = self.fill.to_bytes();
        cell.repeat(self.codecs.byte_count() / cell.len().max(1))
    }

    fn apply_to_shard(
        &self,
        edit: &ObjectEdit,
        parts: &[Part],
        old: Option<&Bytes>,
    ) -> Result<Option<Vec<u8>>> {
        let count = self.layout.chunks_per_object();
        let old = old.filter(|_| !edit.whole);
        let index = match old {
            Some(bytes) => whole_index(bytes, count)?,
            None => vec![None; count],
        };
        let stored = |number: usize| {
            let range = index.get(number).and_then(Option::as_ref)?;
            let (start, end) = (
                usize::try_from(range.start).ok()?,
                usize::try_from(range.end).ok()?,
            );
            old?.get(start..end)
        };
        let mut changed: Vec<Option<Option<Vec<u8>>>> = vec![None; count];
        for part in parts {
            if let Some(slot) = changed.get_mut(part.number) {
                *slot = Some(self.changed_chunk(edit, part, stored(part.number))?);
            }
        }
        let chunks: Vec<Option<&[u8]>> = (changed.iter().enumerate())
            .map(|(number, changed)| match changed {
                Some(made) => made.as_deref(),
                None => stored(number),
            })
            .collect();
        if chunks.iter().all(Option::is_none) {
            return Ok(None);
        }
        Ok(Some(shard::build(&chunks)))
    }

    /// A chunk after an edit; `None` when all its cells are fill.
    fn changed_chunk(
        &self,
        edit: &ObjectEdit,
        part: &Part,
        old: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>> {
        let mut cells = match old {
            Some(stored) if !part.piece.whole => self.codecs.decode(stored)?,
            _ => self.fill_chunk(),
        };
        let fill = self.fill.to_bytes();
        let copy = self
            .layout
            .chunks()
            .copy_of(&part.piece, &edit.slab.shape(), fill.len());
        match &edit.cells {
            WriteData::Cells(new) => copy_cells(
                &copy.reversed(),
                fill.len(),
                (new.bytes(), copy.in_slab),
                (&mut cells, copy.in_chunk),
            ),
            WriteData::Scalar(value) => {
                // One cell, read again and again.
                let axes = copy.reversed().into_iter();
                let axes: Vec<CopyAxis> = axes.map(|axis| CopyAxis { from: 0, ..axis }).collect();
                copy_cells(
                    &axes,
                    fill.len(),
                    (&value.to_bytes(), 0),
                    (&mut cells, copy.in_chunk),
                );
            }
        }
        if cells.chunks_exact(fill.len()).all(|cell| cell == fill) {
            return Ok(None);
        }
        self.codecs.encode(&cells).map(Some)
    }
}

/// The index of a shard that is in memory.
pub(crate) fn whole_index(bytes: &[u8], chunk_count: usize) -> Result<shard::ShardIndex> {
    let length = usize::try_from(shard::index_length(chunk_count)).unwrap_or(usize::MAX);
    let start = bytes.len().checked_sub(length);
    let end = start.and_then(|start| bytes.get(start..));
    let end = end.ok_or_else(|| Error::corrupt("a shard is shorter than its index"))?;
    shard::parse_index(end, chunk_count, bytes.len() as u64)
}
