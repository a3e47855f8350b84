//! Making the next state of an object.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use hyperslab_core::chunk::{PieceCopy, copy_cells};
use hyperslab_core::{ArrayBuf, Error, Hyperslab, Result, WriteData, are_all, fill_cells};
use hyperslab_engine::codec::Encode;
use hyperslab_engine::{Outgoing, Scratch, SlabWrite};

use super::{
    ChunkEdit, NewObject, ObjectCodec, ObjectEdit, OldObject, SharedCells, whole_index, within,
};
use crate::objects::body::Body;

/// Shorter rows are put together before they are put: the system looks at each by itself.
const ROW_BYTES_MIN: usize = 512;

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

    /// A new object; `None` when all its cells are fill. With `in_rows` cells that are stored as they are stay where they lie.
    ///
    /// # Errors
    /// Those of the codecs.
    pub(crate) fn make(&self, edit: &ObjectEdit, in_rows: bool) -> Result<Option<Body>> {
        if let Some(rows) = self.rows_of(edit).filter(|_| in_rows) {
            let fill = self.fill.to_bytes();
            let is_fill = rows.slices().all(|row| are_all(row, &fill));
            return Ok((!is_fill).then_some(rows));
        }
        match self.apply(edit, OldObject::Absent)? {
            NewObject::Nothing => Ok(None),
            NewObject::Bytes(bytes) => Ok(Some(bytes.into())),
            NewObject::Pieces(_) => Err(Error::internal("a new object of parts of an old one")),
        }
    }

    /// The cells of an object of one chunk where they lie in the buffer of a write, if they are stored as they are and in rows so
    /// long that gathering them would cost more than putting them one by one.
    fn rows_of(&self, edit: &ObjectEdit) -> Option<Body> {
        let [chunk] = edit.chunks.as_slice() else {
            return None;
        };
        if self.layout.is_sharded() || !self.codecs.stores_cells() {
            return None;
        }
        let plan = self.plan(chunk);
        let [Move { write, copy }] = plan.moves.as_slice() else {
            return None;
        };
        if !plan.is_covered || write.scalar().is_some() {
            return None;
        }
        let rows = copy.rows_in_slab(self.fill.dtype().size());
        if rows.first().is_none_or(|row| row.len() < ROW_BYTES_MIN) {
            return None;
        }
        let cells = Bytes::from_owner(SharedCells(Arc::clone(write)));
        Body::of_parts(cells, rows)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes;
    use crate::storage::StoragePlan;
    use hyperslab_core::{DType, Dimension, Schema, StorageOptions};
    use proptest::prelude::*;

    fn codec(shape: [u64; 3], chunks: [u64; 3], codec: &str) -> ObjectCodec {
        let names = ["z", "y", "x"].into_iter().zip(shape);
        let schema = names.fold(Schema::builder(DType::UInt16), |schema, (name, size)| {
            schema.dimension(Dimension::new(name, size))
        });
        let schema = schema.build().unwrap();
        let storage = StorageOptions::from_iter([
            ("chunks".to_owned(), chunks.to_vec().into()),
            ("shards".to_owned(), "none".into()),
            ("codec".to_owned(), codec.into()),
            ("checksum".to_owned(), false.into()),
        ]);
        let plan = StoragePlan::new(&storage, &schema).unwrap();
        nodes::object_codec(&schema, &plan).unwrap()
    }

    proptest! {
        #[test]
        fn objects_made_of_rows_are_those_that_are_put_together(
            counts in (1..4_u64, 1..4_u64, 1..3_u64),
            // Rows of 256 cells are long, and others are not.
            chunk in (1..3_u64, 1..3_u64, prop_oneof![Just(200_u64), Just(256)]),
            rest in (0..2_u64, 0..2_u64, 0..2_u64),
            fill_from in 0..3_u64,
            name in prop_oneof![Just("none"), Just("zstd")],
        ) {
            let chunks = [chunk.0, chunk.1, chunk.2];
            let shape = [
                counts.0 * chunk.0 + rest.0.min(chunk.0 - 1),
                counts.1 * chunk.1 + rest.1.min(chunk.1 - 1),
                counts.2 * chunk.2 + rest.2,
            ];
            let codec = codec(shape, chunks, name);
            let plane = usize::try_from(shape[1] * shape[2]).unwrap();
            // From some plane on all is fill.
            let cell = |index: usize| match index / plane >= usize::try_from(fill_from).unwrap() {
                true => 0,
                false => u16::try_from(index % 60_000).unwrap() | 1,
            };
            let cells: Vec<u16> = (0..plane * usize::try_from(shape[0]).unwrap()).map(cell).collect();
            let cells = WriteData::Cells(ArrayBuf::from_slice(&shape, &cells).unwrap());
            let mut in_rows = 0_u64;
            for edit in codec.edits(&[SlabWrite::new(&Hyperslab::full(&shape), cells)]) {
                let whole = match codec.apply(&edit, OldObject::Absent).unwrap() {
                    NewObject::Nothing => None,
                    NewObject::Bytes(bytes) => Some(bytes),
                    NewObject::Pieces(_) => panic!("there is no old object"),
                };
                in_rows += u64::from(codec.rows_of(&edit).is_some());
                for rows in [true, false] {
                    let made = codec.make(&edit, rows).unwrap();
                    prop_assert_eq!(made.map(Body::into_bytes), whole.clone());
                }
            }
            // The whole chunks, and no other. Short rows may lie one after the other, as one long row.
            let whole = counts.0 * counts.1 * counts.2;
            match (name, chunk.2) {
                ("none", 256) => prop_assert_eq!(in_rows, whole),
                ("none", _) => prop_assert!(in_rows == 0 || in_rows == whole),
                _ => prop_assert_eq!(in_rows, 0),
            }
        }
    }
}
