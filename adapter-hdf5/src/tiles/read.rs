//! A hyperslab of an array of tiles.

use std::sync::Arc;

use hyperslab_core::{ArrayBuf, Hyperslab, Result};
use hyperslab_engine::{Destination, Engine, Slot};
use rayon::prelude::*;

use crate::chunk::{ChunkGrid, ChunkPiece};
use crate::file::ArrayFile;
use crate::moves::{Moves, View};

/// The most tiles that are open at once for one read, so that they are of one state before a cell is read. Of more, tiles are
/// opened as they are read.
const OPEN_TILES_MAX: usize = 128;

/// A read that found the tiles changed so often keeps writers waiting.
const ATTEMPTS: usize = 4;

/// Where the tiles of an array are.
pub(crate) trait TileFiles: Sync {
    /// How the array is cut into tiles.
    fn grid(&self) -> &ChunkGrid;

    /// How they are published.
    fn moves(&self) -> &Moves;

    /// The tile of that number, which is looked for as `view` says; `None` when it was never written. Its variable has the shape
    /// of the tile as far as that lies inside the array.
    ///
    /// # Errors
    /// `Corrupt` for a file that is no such tile.
    fn tile(&self, number: u64, view: &View) -> Result<Option<Arc<ArrayFile>>>;

    /// Makes sure that a tile that was not found has not been taken away with the whole array.
    ///
    /// # Errors
    /// `NotFound` when the array was deleted.
    fn ensure(&self) -> Result<()>;
}

/// A tile of which cells are wanted: its slot in the result, and which cells of it.
type Wanted = (Slot, ChunkPiece);

/// Reads cells into `out`, whose shape is that of the hyperslab and whose element type is that of the array. `fill` is the cell
/// that stands for those never written. All tiles are of one state.
///
/// # Errors
/// `Corrupt` when a tile does not decode; those of [`TileFiles`].
pub(crate) fn read_tiles(
    tiles: &impl TileFiles,
    engine: &Engine,
    slab: &Hyperslab,
    fill: &[u8],
    mut out: ArrayBuf,
) -> Result<ArrayBuf> {
    let mut attempt = 0;
    loop {
        // The folder of the record may not be there yet; then no tile is either.
        let _held = if attempt < ATTEMPTS {
            None
        } else {
            tiles.moves().hold().ok()
        };
        let is_settled;
        (out, is_settled) = try_read(tiles, engine, slab, fill, out)?;
        if is_settled {
            return Ok(out);
        }
        attempt += 1;
    }
}

/// One attempt; false when the tiles that were read may be of different states.
fn try_read(
    tiles: &impl TileFiles,
    engine: &Engine,
    slab: &Hyperslab,
    fill: &[u8],
    out: ArrayBuf,
) -> Result<(ArrayBuf, bool)> {
    let view = tiles.moves().look()?;
    let pieces = tiles.grid().pieces(slab);
    let is_current = |count: usize| {
        tiles.ensure()?;
        // One tile is of one state.
        Ok(count < 2 || tiles.moves().is_current(&view)?)
    };
    if pieces.len() <= OPEN_TILES_MAX {
        let open = |piece: &ChunkPiece| tiles.tile(piece.chunk, &view);
        let opened: Vec<_> = each(&pieces, open)?;
        if !is_current(pieces.len())? {
            return Ok((out, false));
        }
        let (destination, slots) = Destination::new(tiles.grid(), slab, out);
        let wanted: Vec<_> = slots.into_iter().zip(pieces).zip(opened).collect();
        let bytes = tile_bytes(slab, fill, &wanted);
        engine.each(wanted, bytes, |(wanted, tile)| {
            put(engine, tile.as_deref(), wanted, fill)
        })?;
        return Ok((Destination::finish(destination)?, true));
    }
    let count = pieces.len();
    let (destination, slots) = Destination::new(tiles.grid(), slab, out);
    let wanted: Vec<Wanted> = slots.into_iter().zip(pieces).collect();
    wanted
        .into_par_iter()
        .with_max_len(1)
        .try_for_each(|wanted| {
            let tile = tiles.tile(wanted.1.chunk, &view)?;
            put(engine, tile.as_deref(), wanted, fill)
        })?;
    Ok((Destination::finish(destination)?, is_current(count)?))
}

/// Bytes of cells of one tile, on average.
fn tile_bytes<T>(slab: &Hyperslab, fill: &[u8], tiles: &[T]) -> usize {
    let bytes = hyperslab_core::box_bytes(&slab.shape(), fill.len());
    usize::try_from(bytes).unwrap_or(usize::MAX) / tiles.len().max(1)
}

/// Opens tiles: many on all threads, few on this one.
fn each<T: Send>(
    pieces: &[ChunkPiece],
    open: impl Fn(&ChunkPiece) -> Result<T> + Sync + Send,
) -> Result<Vec<T>> {
    const PARALLEL_MIN: usize = 16;
    if pieces.len() < PARALLEL_MIN {
        return pieces.iter().map(open).collect();
    }
    pieces.par_iter().map(open).collect()
}

fn put(
    engine: &Engine,
    tile: Option<&ArrayFile>,
    (slot, piece): Wanted,
    fill: &[u8],
) -> Result<()> {
    match tile {
        Some(tile) => tile.read_slot(engine, slot, &piece.in_chunk(), fill),
        None => slot.fill(fill),
    }
}
