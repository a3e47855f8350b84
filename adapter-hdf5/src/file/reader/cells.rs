//! The cells of an open file: where each chunk lies, and into its place.

use std::sync::Arc;

use hyperslab_core::{ArrayBuf, Begun, Error, Hyperslab, Result};
use hyperslab_engine::{ChunkKey, Decoding, Destination, Engine, Slot, quick};

use super::{ArrayFile, VariableCells, foreign};
use crate::chunk::{ChunkGrid, CodecChain};
use crate::file::index::ChunkLocation;
use crate::file::library;
use crate::index;

/// The most chunks of a read that is begun on the thread that asks.
const BEGUN_CHUNKS: u64 = 256;

/// A chunk that is still to be read, and where it lies.
type Rest = (ChunkLocation, Slot);

/// Cells as they are in memory went through nothing.
static RAW: CodecChain = CodecChain::new(Vec::new());

impl ArrayFile {
    /// Reads cells into `out`, whose shape is that of the hyperslab and whose element type is that of the variable. `fill` is the
    /// cell that stands for those never written.
    ///
    /// # Errors
    /// `Corrupt` when a chunk does not decode.
    pub(crate) fn read_into(
        &self,
        engine: &Engine,
        slab: &Hyperslab,
        fill: &[u8],
        out: ArrayBuf,
    ) -> Result<ArrayBuf> {
        if slab.is_empty() {
            return Ok(out);
        }
        let cells = match &self.header.variable.cells {
            VariableCells::Inline(bytes) => self.put_inline(bytes, slab, out)?,
            VariableCells::Library => self.read_by_library(slab, out)?,
            VariableCells::Elsewhere => return Err(self.names_others()),
            VariableCells::Chunked { grid, .. } | VariableCells::Contiguous { parts: grid, .. } => {
                let (destination, slots) = Destination::new(grid, slab, out);
                let fill = self.as_stored(fill);
                engine.each(slots, self.chunk_bytes(), |slot| {
                    match self.put_known(engine, slot, &fill)? {
                        Some(rest) => self.put_stored(engine, rest),
                        None => Ok(()),
                    }
                })?;
                Destination::finish(destination)?
            }
        };
        Ok(self.turned(cells))
    }

    /// Begins the same: what is at hand is put to its place, and what is read soon.
    ///
    /// # Errors
    /// As [`read_into`](Self::read_into).
    pub(crate) fn begin_read(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        slab: &Hyperslab,
        fill: &[u8],
        out: ArrayBuf,
    ) -> Result<Begun<ArrayBuf>> {
        let (file, engine) = (Arc::clone(self), Arc::clone(engine));
        let grid = match &self.header.variable.cells {
            VariableCells::Inline(_) if quick::is_small(out.bytes().len()) => {
                return self.read_into(&engine, slab, fill, out).map(Begun::Done);
            }
            VariableCells::Chunked { grid, .. } | VariableCells::Contiguous { parts: grid, .. }
                if quick::is_small(out.bytes().len()) && grid.touched(slab) <= BEGUN_CHUNKS =>
            {
                grid
            }
            _ => {
                let (slab, fill) = (slab.clone(), fill.to_vec());
                return Ok(Begun::nothing(move || {
                    file.read_into(&engine, &slab, &fill, out)
                }));
            }
        };
        let (destination, slots) = Destination::new(grid, slab, out);
        let fill = self.as_stored(fill);
        let known = |slot| self.put_known(&engine, slot, &fill).transpose();
        let rest: Vec<Rest> = slots.into_iter().filter_map(known).collect::<Result<_>>()?;
        let decoding = self.decoding(ChunkLocation::ABSENT);
        let is_quick = quick::is_quick(decoding, rest.iter().map(|(_, slot)| slot));
        let cost = decoding.cost(rest.iter().map(|(_, slot)| slot));
        let finish = move || {
            engine.each(rest, cost, |rest| file.put_stored(&engine, rest))?;
            Ok(file.turned(Destination::finish(destination)?))
        };
        if is_quick {
            return finish().map(Begun::Done);
        }
        Ok(Begun::nothing(finish))
    }

    /// Reads what a slot of another result wants of this array: the cells of `slab`.
    ///
    /// # Errors
    /// As [`read_into`](Self::read_into).
    pub(crate) fn read_slot(
        &self,
        engine: &Engine,
        slot: Slot,
        slab: &Hyperslab,
        fill: &[u8],
    ) -> Result<()> {
        let variable = &self.header.variable;
        match &variable.cells {
            VariableCells::Chunked { grid, .. } | VariableCells::Contiguous { parts: grid, .. }
                if variable.swapped == 0 =>
            {
                let slots = slot.split(grid, slab)?;
                engine.each(slots, self.chunk_bytes(), |slot| {
                    match self.put_known(engine, slot, fill)? {
                        Some(rest) => self.put_stored(engine, rest),
                        None => Ok(()),
                    }
                })
            }
            VariableCells::Inline(cells) => {
                let whole = ChunkGrid::new(&variable.shape, &variable.shape);
                let mut slots = slot.split(&whole, slab)?.into_iter();
                slots.try_for_each(|slot| slot.put(cells))
            }
            _ => {
                let out = ArrayBuf::zeroed(variable.dtype, &slab.shape())?;
                let cells = self.read_into(engine, slab, fill, out)?;
                let counts = slab.shape();
                let whole = ChunkGrid::new(&counts, &counts);
                let mut slots = slot.split(&whole, &Hyperslab::full(&counts))?.into_iter();
                slots.try_for_each(|slot| slot.put(cells.bytes()))
            }
        }
    }

    /// Puts to its place what needs no reading: fill, and a chunk that is decoded already. Gives back what does.
    fn put_known(&self, engine: &Engine, slot: Slot, fill: &[u8]) -> Result<Option<Rest>> {
        let Some(location) = self.location(slot.chunk()) else {
            slot.fill(fill)?;
            return Ok(None);
        };
        let left = match self.key(&slot) {
            Some(key) => engine.put_cached(&key, slot)?,
            None => Some(slot),
        };
        Ok(left.map(|slot| (location, slot)))
    }

    fn put_stored(&self, engine: &Engine, (location, slot): Rest) -> Result<()> {
        let (key, stored) = (self.key(&slot), self.stored(location));
        engine
            .put(key.as_ref(), self.decoding(location), stored, slot)
            .map_err(|error| self.damaged(location, error))
    }

    fn put_inline(&self, cells: &[u8], slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf> {
        let shape = &self.header.variable.shape;
        let (destination, slots) = Destination::new(&ChunkGrid::new(shape, shape), slab, out);
        slots.into_iter().try_for_each(|slot| slot.put(cells))?;
        Destination::finish(destination)
    }

    fn read_by_library(&self, slab: &Hyperslab, mut out: ArrayBuf) -> Result<ArrayBuf> {
        let (path, name) = (self.path.clone(), self.variable.clone());
        let bytes = library::read_cells(path, name, slab.clone(), self.header.variable.dtype)?;
        if bytes.len() != out.bytes().len() {
            return Err(Error::internal(format!("cells of shape {:?}", out.shape())));
        }
        out.bytes_mut().copy_from_slice(&bytes);
        Ok(out)
    }

    /// Where a chunk, or a part of cells that lie in one piece, is; `None` when it was never written.
    pub(super) fn location(&self, chunk: u64) -> Option<ChunkLocation> {
        let variable = &self.header.variable;
        match &variable.cells {
            VariableCells::Chunked { chunks, .. } => {
                let location = chunks.get(index(chunk)).copied();
                location.filter(|location| !location.is_absent())
            }
            VariableCells::Contiguous { parts, address } => {
                let cell_size = variable.dtype.size() as u64;
                part_location(parts, &variable.shape, cell_size, chunk).map(|part| ChunkLocation {
                    address: address + part.address,
                    ..part
                })
            }
            VariableCells::Inline(_) | VariableCells::Library | VariableCells::Elsewhere => None,
        }
    }

    /// What a chunk is kept under. What others wrote they may change in place, and twice at one moment.
    fn key(&self, slot: &Slot) -> Option<ChunkKey> {
        (self.is_stamped() || self.identity.is_settled()).then(|| ChunkKey {
            object: self.id,
            chunk: slot.chunk(),
        })
    }

    fn decoding(&self, location: ChunkLocation) -> Decoding<'_> {
        Decoding {
            codecs: self.codecs(),
            mask: location.mask,
            // Of cells in one piece the last part is shorter than the others.
            chunk_bytes: match self.header.variable.cells {
                VariableCells::Contiguous { .. } => index(location.size),
                _ => self.chunk_bytes(),
            },
            has_sums: self.has_sums(),
        }
    }

    fn codecs(&self) -> &CodecChain {
        match &self.header.variable.cells {
            VariableCells::Chunked { codecs, .. } => codecs,
            _ => &RAW,
        }
    }

    /// Bytes of the cells of one chunk.
    fn chunk_bytes(&self) -> usize {
        let variable = &self.header.variable;
        match &variable.cells {
            VariableCells::Chunked { grid, .. } | VariableCells::Contiguous { parts: grid, .. } => {
                index(grid.chunk_bytes(variable.dtype.size()))
            }
            VariableCells::Inline(_) | VariableCells::Library | VariableCells::Elsewhere => 0,
        }
    }

    /// A cell as it is before its bytes are turned.
    fn as_stored(&self, cell: &[u8]) -> Vec<u8> {
        let mut cell = cell.to_vec();
        foreign::turn(&mut cell, self.header.variable.swapped as usize);
        cell
    }

    /// Cells with their bytes turned, where they are stored the other way round.
    fn turned(&self, mut cells: ArrayBuf) -> ArrayBuf {
        foreign::turn(cells.bytes_mut(), self.header.variable.swapped as usize);
        cells
    }
}

/// Where a part of cells in one piece lies behind the first of them. Parts are cut along one axis at most, and are of length 1
/// along those before it.
pub(crate) fn part_location(
    parts: &ChunkGrid,
    shape: &[u64],
    cell_size: u64,
    part: u64,
) -> Option<ChunkLocation> {
    let position = parts.position(part);
    let first = position.iter().zip(parts.chunk_shape()).zip(shape);
    let (mut cell, mut count) = (0, 1);
    for ((&position, &length), &size) in first {
        let start = position * length;
        cell = cell * size + start;
        count *= length.min(size.checked_sub(start)?);
    }
    Some(ChunkLocation {
        address: cell * cell_size,
        size: count * cell_size,
        mask: 0,
    })
}
