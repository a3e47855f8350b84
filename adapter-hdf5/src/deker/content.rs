//! The file of an array: how its cells are stored, and what Deker is told of them.

use std::fs::File;

use hyperslab_core::{ArrayBuf, ArrayMeta, Hyperslab, Result, Scalar, box_bytes};
use hyperslab_engine::Engine;

use super::file::{DekerFile, NAMES};
use super::schema::Layout;
use super::{attributes, empty};
use crate::chunk::is_written;
use crate::file::{ArrayFile, BareContent, VariableCells, VariableContent, VariableStorage};
use crate::image::{self, PartWrite};

/// Deker sets aside so many bytes more than its text has.
const TEXT_SLACK: usize = 33;

/// The cells of an array of so many bytes are looked at to be counted.
const COUNTED_BYTES_MAX: u64 = 1 << 20;

/// A new array of more bytes takes room only for what is written.
const SPARSE_BYTES_MIN: u64 = 1 << 20;

/// The next file of an array.
pub(super) struct Content<'a> {
    pub(super) layout: &'a Layout,
    /// The file before it.
    pub(super) last: Option<&'a DekerFile>,
    pub(super) array: &'a ArrayMeta,
    /// What changes, one after the other.
    pub(super) writes: &'a [PartWrite<'a>],
}

impl Content<'_> {
    /// Writes it into an empty file.
    ///
    /// # Errors
    /// `InvalidInput` for an attribute that Deker cannot hold; `Corrupt` when cells that stay are damaged.
    pub(super) fn write(&self, engine: &Engine, file: &File) -> Result<()> {
        let text = attributes::encode(self.layout, self.array)?;
        let has_cells = self.has_cells();
        let empty_cells = if has_cells {
            self.count(engine)?
        } else {
            self.cell_count()
        };
        let content = BareContent {
            text: (NAMES.text, text.len() + TEXT_SLACK, text),
            number: (NAMES.number, i64::try_from(empty_cells).unwrap_or(i64::MAX)),
            shape: self.layout.schema.shape(),
            variable: has_cells.then(|| self.variable()),
        };
        if has_cells {
            image::write_next(engine, self.cells(), &content, self.writes, file)
        } else {
            image::write_first(&content, None, file)
        }
    }

    fn cells(&self) -> Option<&ArrayFile> {
        self.last.and_then(|last| last.cells.as_deref())
    }

    fn fill(&self) -> Scalar {
        self.layout.schema.fill_value()
    }

    fn cell_count(&self) -> u64 {
        self.layout.schema.shape().iter().product()
    }

    fn byte_count(&self) -> u64 {
        box_bytes(
            &self.layout.schema.shape(),
            self.layout.schema.dtype().size(),
        )
    }

    fn is_whole(&self, write: &PartWrite<'_>) -> bool {
        write.slab.cell_count() == self.cell_count()
    }

    /// Whether there are cells to be stored: some that are no fill were there and stay, or are written.
    pub(super) fn has_cells(&self) -> bool {
        let (fill, shape) = (self.fill(), self.layout.schema.shape());
        let last_whole = self.writes.iter().rposition(|write| self.is_whole(write));
        let (had_cells, later) = match last_whole {
            Some(place) => (false, &self.writes[place..]),
            None => (self.cells().is_some(), self.writes),
        };
        had_cells
            || !later
                .iter()
                .all(|write| empty::is_fill(write, &shape, fill))
    }

    /// How many cells will hold the fill value; of many cells not all are counted. Deker takes the number for the truth and
    /// drops all cells when it reaches theirs, so it must never be too high, whatever it was before.
    fn count(&self, engine: &Engine) -> Result<u64> {
        let (fill, shape) = (self.fill(), self.layout.schema.shape());
        if let [only] = self.writes
            && (self.is_whole(only) || self.cells().is_none())
        {
            let others = self.cell_count() - only.slab.cell_count();
            return Ok(others + empty::count_in(only, &shape, fill));
        }
        if self.byte_count() > COUNTED_BYTES_MAX {
            let last = self.writes.last();
            return Ok(last.map_or(0, |write| empty::count_in(write, &shape, fill)));
        }
        let mut cells = ArrayBuf::filled(fill, &shape)?;
        if let Some(last) = self.cells() {
            cells = last.read_into(engine, &Hyperslab::full(&shape), last.fill(), cells)?;
        }
        for write in self.writes {
            write.put(cells.bytes_mut(), &shape);
        }
        Ok(empty::count(&cells, fill))
    }

    fn variable(&self) -> VariableContent {
        VariableContent {
            name: NAMES.variable.to_owned(),
            dtype: self.layout.schema.dtype(),
            axes: Vec::new(),
            fill: self.fill(),
            declares_fill: false,
            attributes: Vec::new(),
            storage: self.storage(),
        }
    }

    /// Cells stay as they are stored, where they can be written so. New ones are stored as the collection says, when all of
    /// them are written; else in chunks, of which those that are not written take no room.
    fn storage(&self) -> VariableStorage {
        let (schema, storage) = (&self.layout.schema, &self.layout.storage);
        let (shape, dtype) = (schema.shape(), schema.dtype());
        let is_whole = self.writes.iter().any(|write| self.is_whole(write));
        match self.cells().map(|cells| &cells.header().variable.cells) {
            Some(VariableCells::Chunked { grid, codecs, .. })
                if is_written(codecs) && !is_whole =>
            {
                VariableStorage::Chunked {
                    chunk_shape: grid.chunk_shape().to_vec(),
                    codecs: codecs.clone(),
                }
            }
            None if !is_whole && self.byte_count() >= SPARSE_BYTES_MIN => {
                storage.in_chunks(&shape, dtype)
            }
            _ => storage.of_whole(&shape, dtype),
        }
    }
}
