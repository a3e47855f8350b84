//! The tiles of an array: each an array file of its own, made when something is first written into it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyperslab_core::{
    ArrayBuf, ArrayMeta, AttributeValue, Attributes, CollectionMeta, Coordinates, Durability,
    Error, Hyperslab, ReadPlan, Result, TimeStart, TimeStep, WriteData, WriteOptions,
};
use hyperslab_engine::SlabWrite;
use rayon::prelude::*;
use uuid::Uuid;

use super::arrays::is_absent;
use super::names::{in_folders, make_link, prune, prune_folders, walk};
use super::{Known, MACHINERY, Store, names_in};
use crate::chunk::ChunkGrid;
use crate::deker::content::Content;
use crate::deker::folders::{Kind, id_of};
use crate::deker::guard::{self, Marking, Patience, Reading, Writing, patiently};
use crate::deker::schema::{Layout, PARENT, POSITION, VID};
use crate::disk::TempFile;
use crate::file::ArrayFile;
use crate::moves::{Moves, Staged, View};
use crate::tiles::{TileFiles, read_tiles, split};

/// The folder of what is known of changes of several tiles.
const MOVES: &str = "moves";

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

/// A tile that is to be written.
struct Target {
    number: u64,
    id: Uuid,
    path: PathBuf,
    /// The link to it, if it is new.
    link: Option<PathBuf>,
    /// What keeps writers of Deker away from it, if it is there.
    writing: Option<Writing>,
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

    /// Writes into the tiles of an array. Readers see all of it or nothing. The caller holds the locks of the tiles.
    pub(in crate::deker) fn write_virtual(
        &self,
        collection: &CollectionMeta,
        array: Uuid,
        writes: &[Arc<SlabWrite>],
        options: &WriteOptions,
    ) -> Result<()> {
        let known = self.open(collection)?;
        let meta = self.read_document(&known, array)?;
        let moves = self.moves(array);
        self.make_moves_folder(array)?;
        moves.settle()?;
        let grid = grid_of(&known)?;
        let parts = split(&grid, writes);
        let numbers: Vec<u64> = parts.keys().copied().collect();
        let mut targets = patiently(Patience::of(options), || {
            numbers
                .iter()
                .map(|&number| self.target(&known, (array, number), &grid))
                .collect::<Result<Vec<_>>>()
        })?;
        let stage = |target: &Target| {
            let writes = parts
                .get(&target.number)
                .map_or(Ok(Vec::new()), |part| part.writes())?;
            self.stage_tile(&known, &meta, target, &writes, options.durability)
        };
        let staged: Vec<Option<TempFile>> = targets
            .par_iter()
            .with_max_len(1)
            .map(stage)
            .collect::<Result<_>>()?;
        let mut files = Vec::new();
        let mut made = Vec::new();
        for (target, file) in targets.iter().zip(staged) {
            let Some(file) = file else { continue };
            let target_path = target.path.clone();
            self.make_names(&known, target, options.durability)?;
            made.extend(target.link.clone());
            files.push(Staged {
                file,
                target: target_path,
            });
        }
        let document = known.folders.file(Kind::Virtual, array);
        let ensure = || {
            std::fs::metadata(&document)
                .map(drop)
                .map_err(|source| Error::io("write", document.display(), source))
        };
        let published = moves.publish(files, options.durability, ensure);
        if published.is_err() {
            // Links to files that did not come.
            let links = known.folders.links(Kind::Array);
            made.iter()
                .filter(|link| std::fs::metadata(link).is_err())
                .for_each(|link| {
                    let _ = prune(link, &links);
                });
        }
        targets
            .iter_mut()
            .for_each(|target| drop(target.writing.take()));
        published
    }

    /// What reading a hyperslab will touch of the tiles.
    pub(super) fn plan_virtual(
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

    /// Makes all tiles of a new array, which nobody sees yet.
    pub(in crate::deker) fn create_tiles(
        &self,
        known: &Known,
        meta: &ArrayMeta,
        data: &ArrayBuf,
        durability: Durability,
    ) -> Result<()> {
        let grid = grid_of(known)?;
        let whole = Hyperslab::full(data.shape());
        let writes = [SlabWrite::new(&whole, WriteData::Cells(data.clone()))];
        let parts: Vec<_> = split(&grid, &writes).into_iter().collect();
        parts
            .par_iter()
            .with_max_len(1)
            .try_for_each(|(number, part)| {
                let target = self.target(known, (meta.id, *number), &grid)?;
                let staged = self.stage_tile(known, meta, &target, &part.writes()?, durability)?;
                let Some(file) = staged else { return Ok(()) };
                self.make_names(known, &target, durability)?;
                file.publish_new(&target.path)?;
                crate::disk::sync_parent(&target.path, durability)
            })
    }

    /// The tiles of an array that have links, and the links.
    fn linked_tiles(&self, known: &Known, array: Uuid) -> Result<Vec<(Uuid, PathBuf)>> {
        let links = known.folders.link_folder(Kind::Array, &[array.to_string()]);
        let mut tiles = Vec::new();
        let mut found = |id, _: &[String], link: PathBuf| tiles.push((id, link));
        walk(Kind::Array, &links, &mut Vec::new(), &mut found)?;
        Ok(tiles)
    }

    /// Shares all tiles of an array, so that no writer of Deker is at one.
    pub(super) fn share_tiles(&self, known: &Known, array: Uuid) -> Result<Vec<Writing>> {
        let mut shared = Vec::new();
        for (id, _) in self.linked_tiles(known, array)? {
            match guard::write(&known.folders.file(Kind::Array, id)) {
                Err(error) if is_absent(&error) => {}
                writing => shared.push(writing?),
            }
        }
        Ok(shared)
    }

    /// What a tile should say of itself.
    pub(super) fn tile_as_it_is(&self, known: &Known, tile: &ArrayMeta) -> Result<ArrayMeta> {
        let array = match tile.key.get(VID) {
            Some(AttributeValue::Text(text)) => Uuid::parse_str(text).ok(),
            _ => None,
        };
        let array = array.ok_or_else(|| Error::corrupt("a tile of no array"))?;
        let array = self.read_document(known, array)?;
        tile_meta(known, &array, (tile.id, number_of(known, tile)?))
    }

    /// Removes all tiles of an array that is gone.
    pub(in crate::deker) fn delete_tiles(&self, known: &Known, array: Uuid) -> Result<()> {
        let folders = &known.folders;
        let (data, top) = (folders.data(Kind::Array), folders.links(Kind::Array));
        let tiles = self.linked_tiles(known, array)?;
        tiles.par_iter().try_for_each(|(id, link)| {
            prune(&folders.file(Kind::Array, *id), &data)?;
            prune(link, &top)
        })?;
        // Folders that never had a link.
        let links = folders.link_folder(Kind::Array, &[array.to_string()]);
        prune_folders(&links.join("-"), &top);
        let _ = std::fs::remove_dir_all(self.moves_folder(array));
        Ok(())
    }

    /// Where a tile is, or will be.
    fn target(
        &self,
        known: &Known,
        (array, number): (Uuid, u64),
        grid: &ChunkGrid,
    ) -> Result<Target> {
        let folders = &known.folders;
        let folder = folders.tile_folder(array, &grid.position(number));
        let ids = ids_in(&folder)?;
        for &id in &ids {
            let path = folders.file(Kind::Array, id);
            match guard::write(&path) {
                Ok(writing) => {
                    return Ok(Target {
                        number,
                        id,
                        path,
                        link: None,
                        writing: Some(writing),
                    });
                }
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        // A link without a file is what somebody who was killed has left.
        let id = ids.first().copied().unwrap_or_else(Uuid::new_v4);
        let link = folder.join(format!("{id}{}", Kind::Array.extension()));
        Ok(Target {
            number,
            id,
            path: folders.file(Kind::Array, id),
            link: Some(link),
            writing: None,
        })
    }

    /// Writes the next file of a tile; `None` for a new one that would hold nothing but fill.
    fn stage_tile(
        &self,
        known: &Known,
        array: &ArrayMeta,
        target: &Target,
        writes: &[Arc<SlabWrite>],
        durability: Durability,
    ) -> Result<Option<TempFile>> {
        let layout = tiles_of(known)?;
        // Deker itself gives all tiles but the first of an axis a wrong start.
        let meta = tile_meta(known, array, (target.id, target.number))?;
        let last = match &target.writing {
            Some(_) => Some(self.open_file(known, layout, target.id)?.1),
            None => None,
        };
        let content = Content {
            layout,
            last: last.as_deref(),
            array: &meta,
            writes,
        };
        if last.is_none() && !content.has_cells() {
            return Ok(None);
        }
        let temporary = TempFile::create(&self.make_temporaries()?)?;
        content
            .write(&self.engine, temporary.file())
            .map_err(|error| error.context(target.path.display()))?;
        temporary.sync(&target.path, durability)?;
        Ok(Some(temporary))
    }

    /// Makes the folder of a new tile, and the link to it.
    fn make_names(&self, known: &Known, target: &Target, durability: Durability) -> Result<()> {
        let Some(link) = &target.link else {
            return Ok(());
        };
        make_link(&known.folders, (link, &target.path), durability)?;
        let leaf = target.path.parent().unwrap_or(known.folders.root());
        in_folders(&known.folders, leaf, durability, || Ok(()))
    }

    /// The folder of what is known of changes of several tiles.
    pub(in crate::deker) fn all_moves(&self) -> PathBuf {
        self.root.join(MACHINERY).join(MOVES)
    }

    fn moves_folder(&self, array: Uuid) -> PathBuf {
        self.all_moves().join(array.to_string())
    }

    fn make_moves_folder(&self, array: Uuid) -> Result<()> {
        let folder = self.moves_folder(array);
        std::fs::create_dir_all(&folder)
            .map_err(|source| Error::io("create", folder.display(), source))
    }

    pub(in crate::deker) fn moves(&self, array: Uuid) -> Moves {
        Moves::new(&self.root, self.moves_folder(array).join("moves.json"))
    }
}

/// The ids that the links in a folder name.
fn ids_in(folder: &Path) -> Result<Vec<Uuid>> {
    let names = names_in(folder)?;
    Ok(names
        .iter()
        .filter_map(|name| id_of(Kind::Array, name))
        .collect())
}

/// What the tiles of a collection are.
pub(in crate::deker) fn tiles_of(known: &Known) -> Result<&Layout> {
    let tiles = known.tiles.as_ref();
    tiles.ok_or_else(|| Error::internal("a collection without tiles"))
}

/// How the arrays of a collection are cut into tiles.
pub(in crate::deker) fn grid_of(known: &Known) -> Result<ChunkGrid> {
    let grid = known.layout.schema.tile_grid();
    grid.ok_or_else(|| Error::internal("a collection without tiles"))
}

/// The place that a tile says it has.
pub(in crate::deker) fn position_of(tile: &ArrayMeta) -> Option<Vec<u64>> {
    let number = |item: &AttributeValue| match item {
        AttributeValue::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    };
    match tile.key.get(POSITION)? {
        AttributeValue::List(items) => items.iter().map(number).collect(),
        _ => None,
    }
}

/// The number of the tile at the place that it says it has.
pub(in crate::deker) fn number_of(known: &Known, tile: &ArrayMeta) -> Result<u64> {
    let grid = grid_of(known)?;
    let position = position_of(tile).filter(|position| position.len() == grid.counts().len());
    let first = position.map(|position| -> Vec<u64> {
        let lengths = position.iter().zip(grid.chunk_shape());
        lengths
            .map(|(at, length)| at.saturating_mul(*length))
            .collect()
    });
    let number = first.and_then(|first| grid.chunk_at(&first));
    number.ok_or_else(|| Error::corrupt(format!("tile {} lies outside of its array", tile.id)))
}

/// What a new tile says of itself: its array, its place, and where its times start.
pub(in crate::deker) fn tile_meta(
    known: &Known,
    array: &ArrayMeta,
    (tile, number): (Uuid, u64),
) -> Result<ArrayMeta> {
    let grid = grid_of(known)?;
    let position = grid.position(number);
    let number = |&number: &u64| AttributeValue::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let mut key = Attributes::new();
    key.insert(VID, array.id.to_string());
    key.insert(
        POSITION,
        AttributeValue::List(position.iter().map(number).collect()),
    );
    let mut custom = Attributes::new();
    for (axis, dimension) in known.layout.schema.dimensions().iter().enumerate() {
        let Some(Coordinates::TimeScale {
            start: TimeStart::Attribute(name),
            step,
        }) = &dimension.coordinates
        else {
            continue;
        };
        let start = array.key.get(name).or_else(|| array.custom.get(name));
        if let Some(AttributeValue::DateTime(start)) = start {
            let cells = position.get(axis).unwrap_or(&0) * grid.chunk_shape()[axis];
            let ahead = TimeStep::from_nanoseconds(step.as_nanoseconds() * i128::from(cells))?;
            if let Some(start) = start.checked_add(ahead) {
                custom.insert(format!("{PARENT}{name}"), start);
            }
        }
    }
    Ok(ArrayMeta {
        id: tile,
        key,
        custom,
    })
}
