//! Tiles as they are read.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyperslab_core::{ArrayBuf, ArrayMeta, CollectionMeta, Error, Hyperslab, ReadPlan, Result};
use uuid::Uuid;

use super::{array_of, grid_of, ids_in, position_of, tiles_of};
use crate::chunk::ChunkGrid;
use crate::deker::folders::Kind;
use crate::deker::guard::{Marking, Reading, patiently};
use crate::deker::schema::Layout;
use crate::deker::store::{Known, Store};
use crate::file::ArrayFile;
use crate::moves::{Moves, View};
use crate::tiles::{TileFiles, read_tiles};

/// So long a reader waits for tiles that are changed again and again before it marks them.
const MARKS_AVOIDED: Duration = Duration::from_secs(30);

/// The tiles of one array, while they are read.
struct Tiles<'a> {
    store: &'a Store,
    known: &'a Known,
    layout: &'a Layout,
    array: Uuid,
    grid: ChunkGrid,
    moves: Moves,
    /// Whether tiles that were changed just now are marked.
    marking: Marking,
    /// The tiles that were opened.
    readings: Mutex<Vec<Reading>>,
}

impl TileFiles for Tiles<'_> {
    fn grid(&self) -> &ChunkGrid {
        &self.grid
    }

    fn moves(&self) -> &Moves {
        &self.moves
    }

    fn tile(&self, number: u64, view: &View) -> Result<Option<Arc<ArrayFile>>> {
        let folder = self
            .known
            .folders
            .tile_folder(self.array, &self.grid.position(number));
        for id in ids_in(&folder)? {
            let target = self.known.folders.file(Kind::Array, id);
            let open = |path: &Path| self.store.files.open((path, id), self.layout, self.marking);
            if let Some((reading, file)) = view.open(&target, open)? {
                let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
                readings.push(reading);
                drop(readings);
                self.check_place(number, id, &file.meta)?;
                return Ok(file.cells.clone());
            }
        }
        Ok(None)
    }

    fn ensure(&self) -> Result<()> {
        let path = self.known.folders.file(Kind::Virtual, self.array);
        std::fs::metadata(&path)
            .map(drop)
            .map_err(|source| Error::io("open", path.display(), source))
    }
}

impl Tiles<'_> {
    /// Makes sure that a file is the tile that its name and the link to it say.
    fn check_place(&self, number: u64, id: Uuid, tile: &ArrayMeta) -> Result<()> {
        let position = self.grid.position(number);
        let is_it = tile.id == id
            && array_of(tile) == Some(self.array)
            && position_of(tile).as_ref() == Some(&position);
        if is_it {
            return Ok(());
        }
        Err(Error::corrupt(format!(
            "{} was found as the tile at {position:?} of array {}, and says that it is another, {}; run `check --level 3`",
            self.known.folders.file(Kind::Array, id).display(),
            self.array,
            tile.key
        )))
    }
}

impl Store {
    /// Reads cells of an array of tiles into a new buffer, all of one state. Blocks.
    pub(in crate::deker) fn read_virtual(
        &self,
        collection: &CollectionMeta,
        array: Uuid,
        slab: &Hyperslab,
        out: ArrayBuf,
    ) -> Result<ArrayBuf> {
        let known = self.open(collection)?;
        let layout = tiles_of(&known)?;
        let fill = layout.schema.fill_value().to_bytes();
        let mut tiles = Tiles {
            store: self,
            known: &known,
            layout,
            array,
            grid: grid_of(&known)?,
            moves: self.moves(array),
            marking: Marking::Avoided,
            readings: Mutex::default(),
        };
        let (dtype, shape) = (out.dtype(), out.shape().to_vec());
        let (mut buffer, begun) = (Some(out), Instant::now());
        patiently(self.patience, || {
            // Marks make writers of several tiles fail; but who always comes too late needs one.
            if begun.elapsed() > MARKS_AVOIDED {
                tiles.marking = Marking::Allowed;
            }
            let out = match buffer.take() {
                Some(out) => out,
                None => ArrayBuf::zeroed(dtype, &shape)?,
            };
            let read = read_tiles(&tiles, &self.engine, slab, &fill, out);
            // Whoever waits holds nothing that others wait for.
            let readings = tiles
                .readings
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner);
            let readings = std::mem::take(readings);
            let read = read?;
            readings.iter().try_for_each(Reading::confirm)?;
            Ok(read)
        })
    }

    /// What reading a hyperslab will touch of the tiles.
    pub(in crate::deker) fn plan_virtual(
        &self,
        known: &Known,
        array: Uuid,
        slab: &Hyperslab,
    ) -> Result<ReadPlan> {
        self.read_document(known, array)?;
        let grid = grid_of(known)?;
        let layout = tiles_of(known)?;
        let mut plan = ReadPlan {
            chunk_shape: grid.chunk_shape().to_vec(),
            ..ReadPlan::default()
        };
        for piece in grid.pieces(slab) {
            let folder = known
                .folders
                .tile_folder(array, &grid.position(piece.chunk));
            let there = |id: &Uuid| known.folders.file(Kind::Array, *id).is_file();
            let Some(id) = ids_in(&folder)?.into_iter().find(there) else {
                plan.absent_chunk_count += 1;
                continue;
            };
            let (_reading, file) = self.open_file(known, layout, id)?;
            let Some(cells) = &file.cells else {
                plan.absent_chunk_count += 1;
                continue;
            };
            let tile = cells.plan(&id.to_string(), &piece.in_chunk());
            plan.objects.extend(tile.objects);
            plan.chunk_count += tile.chunk_count;
            plan.absent_chunk_count += tile.absent_chunk_count;
            plan.chunk_shape = tile.chunk_shape;
            plan.codecs = tile.codecs;
        }
        Ok(plan)
    }
}
