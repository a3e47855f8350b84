//! Cells in one piece: what changes is put to its place, the rest is copied by the system.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use hyperslab_core::{ArrayBuf, Error, Result, fill_cells};
use hyperslab_engine::Scratch;
use rayon::prelude::*;

use super::{PartWrite, only_variable};
use crate::chunk::{ChunkGrid, ChunkPiece, part_shape};
use crate::disk::copy_range;
use crate::file::{
    ArrayFile, ChunkLocation, ImageContent, ImageWriter, StoredVariable, VariableCells,
    part_location,
};
use crate::index;

/// Whether the next image can take its cells from such ones as they lie.
pub(super) fn takes(last: Option<&StoredVariable>) -> bool {
    last.is_none_or(|last| {
        last.swapped == 0 && matches!(last.cells, VariableCells::Contiguous { .. })
    })
}

/// Puts all cells into the image.
pub(super) fn put_whole(writer: &mut ImageWriter<'_>, cells: &ArrayBuf, file: &File) -> Result<()> {
    let bytes = cells.bytes();
    let address = writer.reserve(0, bytes.len() as u64)?;
    put(file, bytes, address)
}

/// The parts of the next image, and what becomes of each.
struct Change<'a> {
    last: Option<&'a ArrayFile>,
    parts: ChunkGrid,
    shape: Vec<u64>,
    fill: Vec<u8>,
    file: &'a File,
    /// The first cell in the file.
    address: u64,
}

/// What a part gets of each write, in their order.
type Pieces<'a> = Vec<(ChunkPiece, &'a PartWrite<'a>)>;

/// Puts the cells of the last image into the next one, after some writes.
pub(super) fn put_changed(
    writer: &mut ImageWriter<'_>,
    last: Option<&ArrayFile>,
    content: &dyn ImageContent,
    writes: &[PartWrite<'_>],
    file: &File,
) -> Result<()> {
    let variable = only_variable(content)?;
    let shape = content.shape(variable);
    let cell_size = variable.dtype.size();
    let bytes = hyperslab_core::box_bytes(&shape, cell_size);
    let change = Change {
        last,
        parts: ChunkGrid::new(&shape, &part_shape(&shape, cell_size as u64)),
        shape,
        fill: variable.fill.to_bytes(),
        file,
        address: writer.reserve(0, bytes)?,
    };
    change.run(writes, bytes)
}

impl Change<'_> {
    fn run(&self, writes: &[PartWrite<'_>], bytes: u64) -> Result<()> {
        let mut touched: HashMap<u64, Pieces<'_>> = HashMap::new();
        for write in writes {
            for piece in self.parts.pieces(&write.slab) {
                touched.entry(piece.chunk).or_default().push((piece, write));
            }
        }
        let is_new = |pieces: &Pieces<'_>| pieces.iter().any(|(piece, _)| piece.whole);
        let mut kept = 0;
        for part in 0..self.parts.chunk_count() {
            let location = self.location(part)?;
            if touched.get(&part).is_some_and(is_new) {
                self.keep(kept, location.address)?;
                kept = location.address + location.size;
            }
        }
        self.keep(kept, bytes)?;
        let touched: Vec<(u64, Pieces<'_>)> = touched.into_iter().collect();
        (touched.par_iter()).try_for_each(|(part, pieces)| self.change(*part, pieces))
    }

    /// Where a part lies behind the first cell.
    fn location(&self, part: u64) -> Result<ChunkLocation> {
        part_location(&self.parts, &self.shape, self.fill.len() as u64, part)
            .ok_or_else(|| Error::internal(format!("there is no part {part}")))
    }

    /// Copies bytes of the last image.
    fn keep(&self, from: u64, to: u64) -> Result<()> {
        if from == to {
            return Ok(());
        }
        match self.last {
            Some(last) => {
                let (source, address) = last.contiguous()?;
                copy_range(
                    (source, address + from),
                    (self.file, self.address + from),
                    to - from,
                )
                .map_err(|source| Error::io("copy", last.path().display(), source))
            }
            None => self.put_fill(from, to),
        }
    }

    fn put_fill(&self, from: u64, to: u64) -> Result<()> {
        const BLOCK_CELLS: usize = 1 << 16;
        let mut block = vec![0; self.fill.len() * BLOCK_CELLS];
        fill_cells(&mut block, &self.fill);
        let mut at = from;
        while at < to {
            let length = index(to - at).min(block.len());
            put(self.file, &block[..length], self.address + at)?;
            at += length as u64;
        }
        Ok(())
    }

    /// Puts the changed cells of a part where those of the last image lie already, unless all of it is new.
    fn change(&self, part: u64, pieces: &Pieces<'_>) -> Result<()> {
        let location = self.location(part)?;
        let mut cells = Scratch::new(index(location.size));
        let at = self.address + location.address;
        if !pieces.iter().any(|(piece, _)| piece.whole) {
            self.file
                .read_exact_at(&mut cells, at)
                .map_err(|source| Error::io("read", "a temporary file", source))?;
        }
        for (piece, write) in pieces {
            write.put_piece(&self.parts, piece, &mut cells);
        }
        put(self.file, &cells, at)
    }
}

fn put(file: &File, bytes: &[u8], at: u64) -> Result<()> {
    file.write_all_at(bytes, at)
        .map_err(|source| Error::io("write", "a temporary file", source))
}
