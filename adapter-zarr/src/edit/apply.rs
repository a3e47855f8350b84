//! Making the next state of an object.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use hyperslab_core::chunk::{PieceCopy, copy_cells};
use hyperslab_core::{ArrayBuf, Hyperslab, Result, WriteData, are_all, fill_cells};
use hyperslab_engine::codec::Encode;
use hyperslab_engine::{Outgoing, Scratch};

use super::{
    ChunkEdit, NewObject, ObjectCodec, ObjectEdit, OldObject, SharedCells, SlabWrite, whole_index,
    within,
};

/// Cells of a write on their way into a chunk.
struct Move<'a> {
    write: &'a Arc<SlabWrite>,
    copy: PieceCopy,
}

/// What is to be done for a chunk.
struct ChunkPlan<'a> {
    moves: Vec<Move<'a>>,
    /// Whether the first move gives it every cell, those outside of the array included.
    is_covered: bool,
    is_whole: bool,
}

impl ChunkPlan<'_> {
    /// Puts the new cells of a chunk to their places in it.
    fn put_cells(&self, cells: &mut [u8]) {
        for Move { write, copy } in &self.moves {
            copy.write(&write.data, cells);
        }
    }
}

impl ObjectCodec {
    /// Whether all cells are fill.
    fn is_fill(&self, cells: &[u8]) -> bool {
        are_all(cells, &self.fill.to_bytes())
    }

    /// The object after an edit.
    ///
    /// # Errors
    /// `Corrupt` when the old object has to be kept in part and does not decode.
    pub(crate) fn apply(&self, edit: &ObjectEdit, old: OldObject) -> Result<NewObject> {
        let was_there = old.is_there();
        let made = if self.layout.is_sharded() {
            self.shard_after(edit, old)?
        } else {
            match edit.chunks.first() {
                Some(chunk) => self.single_chunk_after(chunk, old)?,
                None => NewObject::Nothing,
            }
        };
        match made {
            // A medium may not be able to delete under a condition, so what was there is written over.
            NewObject::Nothing if was_there => self.all_fill().map(NewObject::Bytes),
            made => Ok(made),
        }
    }

    fn single_chunk_after(&self, chunk: &ChunkEdit, old: OldObject) -> Result<NewObject> {
        let plan = self.plan(chunk);
        if let Some((write, range)) = self.run_of(&plan)
            && self.codecs.stores_cells()
        {
            let cells = write.bytes().get(range.clone());
            if cells.is_some_and(|cells| self.is_fill(cells)) {
                return Ok(NewObject::Nothing);
            }
            let all = Bytes::from_owner(SharedCells(Arc::clone(write)));
            return Ok(NewObject::Bytes(all.slice(range)));
        }
        let old = match old {
            OldObject::Buffer(buffer) if !plan.is_whole && self.codecs.has_only_checksums() => {
                return self.patched(&plan, buffer);
            }
            old => old,
        };
        let mut out = Outgoing::new(self.codecs.room());
        if self.put_planned(&plan, old.bytes(), &mut out)? {
            return Ok(NewObject::Bytes(Bytes::from_owner(out)));
        }
        Ok(NewObject::Nothing)
    }

    /// Puts new cells over those of a stored chunk that are as they are in memory.
    fn patched(&self, plan: &ChunkPlan<'_>, mut stored: Outgoing) -> Result<NewObject> {
        let length = self.codecs.checked(&stored)?.len();
        stored.truncate(length);
        plan.put_cells(&mut stored);
        if self.is_fill(&stored) {
            return Ok(NewObject::Nothing);
        }
        self.codecs.put_checksums(&mut stored, 0);
        Ok(NewObject::Bytes(Bytes::from_owner(stored)))
    }

    /// Puts a chunk after an edit at the end of `out`; false, and nothing, when all its cells are fill.
    pub(super) fn put_chunk(
        &self,
        chunk: &ChunkEdit,
        old: Option<&[u8]>,
        out: &mut Outgoing,
    ) -> Result<bool> {
        self.put_planned(&self.plan(chunk), old, out)
    }

    fn put_planned(
        &self,
        plan: &ChunkPlan<'_>,
        old: Option<&[u8]>,
        out: &mut Outgoing,
    ) -> Result<bool> {
        let fill = self.fill.to_bytes();
        if let Some((write, range)) = self.run_of(plan) {
            let cells = write.bytes().get(range).unwrap_or_default();
            return self.codecs.encode_unless(cells, &fill, out);
        }
        let length = self.codecs.byte_count();
        let make = |cells: &mut [u8]| self.fill_in(plan, old, cells);
        self.codecs.encode_made(length, &fill, out, make)
    }

    fn plan<'a>(&self, chunk: &'a ChunkEdit) -> ChunkPlan<'a> {
        let (grid, size) = (self.layout.chunks(), self.fill.dtype().size());
        let moves = chunk.pieces.iter().map(|(piece, write)| Move {
            write,
            copy: grid.copy_of(piece, &write.shape, size),
        });
        let moves: Vec<Move<'a>> = moves.collect();
        let is_covered = (moves.first())
            .is_some_and(|first| first.copy.byte_count(size) == self.codecs.byte_count());
        ChunkPlan {
            moves,
            is_covered,
            is_whole: chunk.is_whole,
        }
    }

    /// Where the cells of a chunk lie in the buffer of a write, if they are all of the chunk and lie there as in it.
    fn run_of<'a>(&self, plan: &ChunkPlan<'a>) -> Option<(&'a Arc<SlabWrite>, Range<usize>)> {
        let [Move { write, copy }] = plan.moves.as_slice() else {
            return None;
        };
        if !plan.is_covered || matches!(write.data, WriteData::Scalar(_)) {
            return None;
        }
        let run = copy.run_in_slab(self.fill.dtype().size())?;
        Some((*write, run))
    }

    /// All cells of a chunk after an edit.
    fn fill_in(&self, plan: &ChunkPlan<'_>, old: Option<&[u8]>, cells: &mut [u8]) -> Result<()> {
        if !plan.is_covered {
            match old {
                Some(stored) if !plan.is_whole => self.codecs.decode_into(stored, cells)?,
                _ => fill_cells(cells, &self.fill.to_bytes()),
            }
        }
        plan.put_cells(cells);
        Ok(())
    }

    /// The cells of an object inside the array, decoded.
    ///
    /// # Errors
    /// `Corrupt` when it does not decode.
    pub(crate) fn decode_object(&self, slab: &Hyperslab, stored: &[u8]) -> Result<ArrayBuf> {
        let mut cells = ArrayBuf::filled(self.fill, &slab.shape())?;
        let index = match self.layout.is_sharded() {
            true => Some(whole_index(stored, self.layout.chunks_per_object())?),
            false => None,
        };
        let mut decoded = Scratch::new(self.codecs.byte_count());
        let objects = self.layout.objects_of(slab);
        for part in objects.iter().flat_map(|object| &object.parts) {
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
            let copy = (self.layout.chunks()).copy_of(&part.piece, &slab.shape(), size);
            let target = (cells.bytes_mut(), copy.in_slab);
            copy_cells(&copy.axes, size, (&decoded, copy.in_chunk), target);
        }
        Ok(cells)
    }
}
