//! Making the next state of an object.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use hyperslab_core::chunk::{CopyAxis, PieceCopy, copy_cells};
use hyperslab_core::{ArrayBuf, Error, Result, Scalar, WriteData, fill_cells};
use hyperslab_engine::{Outgoing, Scratch};

use super::{NewObject, ObjectCodec, ObjectEdit, OldObject, SharedCells, whole_index, within};
use crate::chunks::Part;

/// What one chunk gets of a write.
struct ChunkEdit<'a> {
    edit: &'a ObjectEdit,
    part: &'a Part,
    copy: PieceCopy,
    /// Whether it gets every cell, those outside of the array included.
    covers: bool,
}

impl ObjectCodec {
    /// The object after an edit.
    ///
    /// # Errors
    /// `Corrupt` when the old object has to be kept in part and does not decode.
    pub(crate) fn apply(&self, edit: &ObjectEdit, old: OldObject) -> Result<NewObject> {
        let was_there = old.is_there();
        let made = if self.layout.is_sharded() {
            self.shard_after(edit, old)?
        } else {
            match edit.part.parts.first() {
                Some(part) => self.single_chunk_after(edit, part, old)?,
                None => NewObject::Nothing,
            }
        };
        match made {
            // A medium may not be able to delete under a condition, so what was there is written over.
            NewObject::Nothing if was_there => self.all_fill().map(NewObject::Bytes),
            made => Ok(made),
        }
    }

    fn single_chunk_after(
        &self,
        edit: &ObjectEdit,
        part: &Part,
        old: OldObject,
    ) -> Result<NewObject> {
        let chunk = self.chunk_edit(edit, part);
        if let Some(range) = self.run_of(&chunk)
            && self.codecs.native().is_some_and(|chain| chain.is_raw())
        {
            let cells = edit.write.bytes().get(range.clone());
            if cells.is_some_and(|cells| is_all(cells, self.fill)) {
                return Ok(NewObject::Nothing);
            }
            let all = Bytes::from_owner(SharedCells(Arc::clone(&edit.write)));
            return Ok(NewObject::Bytes(all.slice(range)));
        }
        let mut out = match old {
            OldObject::Buffer(buffer) if !part.piece.whole && self.codecs.has_only_checksums() => {
                return self.patched(&chunk, buffer);
            }
            _ => Outgoing::new(self.codecs.room()),
        };
        let old = match &old {
            OldObject::Bytes(bytes) => Some(&bytes[..]),
            OldObject::Buffer(buffer) => Some(&buffer[..]),
            _ => None,
        };
        if self.put_chunk(&chunk, old, &mut out)? {
            return Ok(NewObject::Bytes(Bytes::from_owner(out)));
        }
        Ok(NewObject::Nothing)
    }

    /// Puts new cells over those of a stored chunk that are as they are in memory.
    fn patched(&self, chunk: &ChunkEdit<'_>, mut stored: Outgoing) -> Result<NewObject> {
        let length = self.codecs.checked(&stored)?.len();
        stored.truncate(length);
        self.put_cells(chunk, &mut stored);
        if is_all(&stored, self.fill) {
            return Ok(NewObject::Nothing);
        }
        self.codecs.put_checksums(&mut stored, 0);
        Ok(NewObject::Bytes(Bytes::from_owner(stored)))
    }

    pub(super) fn put_part(
        &self,
        edit: &ObjectEdit,
        part: &Part,
        old: Option<&[u8]>,
        out: &mut Outgoing,
    ) -> Result<bool> {
        self.put_chunk(&self.chunk_edit(edit, part), old, out)
    }

    /// Puts a chunk after an edit at the end of `out`; false, and nothing, when all its cells are fill.
    fn put_chunk(
        &self,
        chunk: &ChunkEdit<'_>,
        old: Option<&[u8]>,
        out: &mut Outgoing,
    ) -> Result<bool> {
        if let Some(range) = self.run_of(chunk) {
            let cells = chunk.edit.write.bytes().get(range).unwrap_or_default();
            let is_stored = !is_all(cells, self.fill);
            if is_stored {
                self.codecs.encode_onto(cells, out)?;
            }
            return Ok(is_stored);
        }
        if self.codecs.has_only_checksums() {
            let start = out.len();
            let cells = out.grow(self.codecs.byte_count());
            self.fill_in(chunk, old, cells)?;
            if is_all(cells, self.fill) {
                out.truncate(start);
                return Ok(false);
            }
            self.codecs.put_checksums(out, start);
            return Ok(true);
        }
        let mut cells = Scratch::new(self.codecs.byte_count());
        self.fill_in(chunk, old, &mut cells)?;
        if is_all(&cells, self.fill) {
            return Ok(false);
        }
        self.codecs.encode_onto(&cells, out)?;
        Ok(true)
    }

    fn chunk_edit<'a>(&self, edit: &'a ObjectEdit, part: &'a Part) -> ChunkEdit<'a> {
        let size = self.fill.dtype().size();
        let grid = self.layout.chunks();
        let copy = grid.copy_of(&part.piece, &edit.write.shape, size);
        let count: usize = copy.axes.iter().map(|axis| axis.count).product();
        ChunkEdit {
            covers: count.checked_mul(size) == Some(self.codecs.byte_count()),
            edit,
            part,
            copy,
        }
    }

    /// Where the cells of a chunk lie in the buffer of the write, if they are all of the chunk and lie there as in it.
    fn run_of(&self, chunk: &ChunkEdit<'_>) -> Option<Range<usize>> {
        if !chunk.covers || matches!(chunk.edit.write.data, WriteData::Scalar(_)) {
            return None;
        }
        let mut run = self.fill.dtype().size();
        for axis in chunk.copy.axes.iter().rev() {
            if axis.count > 1 && (axis.from != run || axis.to != run) {
                return None;
            }
            run *= axis.count;
        }
        let start = chunk.copy.in_slab;
        Some(start..start + run)
    }

    /// All cells of a chunk after an edit.
    fn fill_in(&self, chunk: &ChunkEdit<'_>, old: Option<&[u8]>, cells: &mut [u8]) -> Result<()> {
        if !chunk.covers {
            match old {
                Some(stored) if !chunk.part.piece.whole => {
                    self.codecs.decode_into(stored, cells)?;
                }
                _ => fill_cells(cells, &self.fill.to_bytes()),
            }
        }
        self.put_cells(chunk, cells);
        Ok(())
    }

    /// Puts the new cells of a chunk to their places in it.
    fn put_cells(&self, chunk: &ChunkEdit<'_>, cells: &mut [u8]) {
        let (size, copy) = (self.fill.dtype().size(), &chunk.copy);
        match &chunk.edit.write.data {
            WriteData::Cells(new) => copy_cells(
                &copy.reversed(),
                size,
                (new.bytes(), copy.in_slab),
                (cells, copy.in_chunk),
            ),
            WriteData::Scalar(value) if chunk.covers => fill_cells(cells, &value.to_bytes()),
            WriteData::Scalar(value) => {
                // One cell, read again and again.
                let axes = copy.reversed().into_iter();
                let axes: Vec<CopyAxis> = axes.map(|axis| CopyAxis { from: 0, ..axis }).collect();
                copy_cells(&axes, size, (&value.to_bytes(), 0), (cells, copy.in_chunk));
            }
        }
    }

    /// The cells of an object that lie inside the array, decoded: those of an edit of all of it.
    ///
    /// # Errors
    /// `Corrupt` when it does not decode.
    pub(crate) fn decode_object(&self, edit: &ObjectEdit, stored: &[u8]) -> Result<ArrayBuf> {
        let slab = self.inside(&edit.write.slab, edit.object())?.0;
        let mut cells = ArrayBuf::filled(self.fill, &slab.shape())?;
        let objects = self.layout.objects_of(&slab);
        let parts = objects.iter().flat_map(|object| &object.parts);
        let index = match self.layout.is_sharded() {
            true => Some(whole_index(stored, self.layout.chunks_per_object())?),
            false => None,
        };
        let mut decoded = Scratch::new(self.codecs.byte_count());
        for part in parts {
            let chunk = match &index {
                None => Some(stored),
                Some(index) => match index.get(part.number) {
                    Some(Some(range)) => within(stored, range),
                    _ => None,
                },
            };
            let Some(chunk) = chunk else { continue };
            self.codecs.decode_into(chunk, &mut decoded)?;
            let size = self.fill.dtype().size();
            let copy = self
                .layout
                .chunks()
                .copy_of(&part.piece, &slab.shape(), size);
            let target = (cells.bytes_mut(), copy.in_slab);
            copy_cells(&copy.axes, size, (&decoded, copy.in_chunk), target);
        }
        if objects.len() == 1 {
            return Ok(cells);
        }
        Err(Error::internal("cells of several objects in one"))
    }
}

/// Whether all cells are one value: the first is, and each is as the one before.
fn is_all(cells: &[u8], value: Scalar) -> bool {
    let value = value.to_bytes();
    let size = value.len();
    match (cells.get(..size), cells.get(size..)) {
        (Some(first), Some(rest)) => first == &value[..] && rest == &cells[..rest.len()],
        _ => true,
    }
}
