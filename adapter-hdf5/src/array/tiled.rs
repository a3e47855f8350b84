//! An open array of tiles.

use std::collections::BTreeSet;
use std::sync::Arc;

use hyperslab_core::{
    ArrayBuf, Begun, Hyperslab, LockGuard, LockKey, LockManager, LockMode, LockRequest, ReadPlan,
    Result, WriteOptions,
};
use hyperslab_engine::{SlabWrite, quick};

use super::Place;
use crate::chunk::ChunkGrid;
use crate::file::ArrayFile;
use crate::moves::{Moves, View};
use crate::store::tiles::{TILES, Tiles, tile_name};
use crate::tiles::{TileFiles, read_tiles};

/// Tiles that are so many apart share a lock, so that an array of many tiles has few lock files.
const LOCKS_PER_ARRAY: u64 = 64;

/// The most tiles of a read that is begun on the thread that asks.
const BEGUN_TILES: u64 = 4;

/// The tiles of an array, as a reader sees them.
struct PlaceTiles<'a> {
    place: &'a Place,
    tiles: &'a Tiles,
}

impl TileFiles for PlaceTiles<'_> {
    fn grid(&self) -> &ChunkGrid {
        &self.tiles.grid
    }

    fn moves(&self) -> &Moves {
        &self.tiles.moves
    }

    fn tile(&self, number: u64, view: &View) -> Result<Option<Arc<ArrayFile>>> {
        let Place {
            store, collection, ..
        } = self.place;
        self.tiles.open(store, collection, number, view)
    }

    fn ensure(&self) -> Result<()> {
        self.place.current().map(drop)
    }
}

impl Place {
    /// Begins to read cells of an array of tiles: at once, if there are few of both.
    pub(super) fn begin_read_tiles(
        self: &Arc<Self>,
        tiles: &Arc<Tiles>,
        slab: &Hyperslab,
        out: ArrayBuf,
    ) -> Result<Begun<ArrayBuf>> {
        let schema = &self.collection.schema;
        schema.check_read(slab, &out)?;
        let is_small =
            quick::is_small(out.bytes().len()) && tiles.grid.touched(slab) <= BEGUN_TILES;
        let (place, tiles, slab) = (Arc::clone(self), Arc::clone(tiles), slab.clone());
        let read = move || {
            let fill = place.collection.schema.fill_value().to_bytes();
            let files = PlaceTiles {
                place: &place,
                tiles: &tiles,
            };
            let out = read_tiles(&files, &place.store.engine, &slab, &fill, out)?;
            let checked = place.collection.schema.check_stored(&out);
            checked.map_err(|error| error.context(format!("array {}", place.stem)))?;
            Ok(out)
        };
        if is_small {
            return read().map(Begun::Done);
        }
        Ok(Begun::nothing(read))
    }

    /// Takes the locks of the tiles that writes touch, and shares that of the array, which keeps it from being deleted.
    pub(super) async fn lock_tiles(
        &self,
        tiles: &Tiles,
        writes: &[Arc<SlabWrite>],
        options: &WriteOptions,
    ) -> Result<[LockGuard; 2]> {
        let collection = &self.collection.name;
        let locks = &self.store.locks;
        let array = LockKey::array(collection, &self.stem);
        let array = locks.acquire(LockRequest::shared(array, options.lock_timeout));
        let array = array.await?;
        let pieces = writes
            .iter()
            .flat_map(|write| tiles.grid.pieces(&write.slab));
        let numbers: BTreeSet<u64> = pieces.map(|piece| piece.chunk % LOCKS_PER_ARRAY).collect();
        let key = |number| LockKey::array(collection, format!("{}#{number}", self.stem));
        let request = LockRequest {
            keys: numbers.into_iter().map(key).collect(),
            mode: LockMode::Exclusive,
            timeout: options.lock_timeout,
        };
        Ok([locks.acquire(request).await?, array])
    }

    /// What reading this hyperslab will touch.
    pub(super) fn plan_tiles(&self, tiles: &Tiles, slab: &Hyperslab) -> Result<ReadPlan> {
        self.load()?;
        let view = tiles.moves.look()?;
        let schema = &self.collection.schema;
        let opened = self.store.open(&self.collection)?;
        let mut plan = opened
            .plan
            .empty_plan(tiles.grid.chunk_shape(), schema.dtype());
        for piece in tiles.grid.pieces(slab) {
            let tile = tiles.open(&self.store, &self.collection, piece.chunk, &view)?;
            let Some(tile) = tile else {
                let chunks = ChunkGrid::new(&tiles.grid.shape_of(piece.chunk), &plan.chunk_shape);
                plan.absent_chunk_count += chunks.pieces(&piece.in_chunk()).len() as u64;
                continue;
            };
            let folder = tiles.folder.file_name().unwrap_or_default().display();
            let name = tile_name(&tiles.grid, piece.chunk);
            let name = format!("{}/{TILES}/{folder}/{name}", self.collection.name);
            tile.add_to_plan(&mut plan, &name, &piece.in_chunk());
        }
        Ok(plan)
    }
}
