//! The tiles of an array: each an array file of its own, made when something is first written into it.

mod meta;
mod read;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyperslab_core::{
    ArrayBuf, ArrayMeta, CollectionMeta, Durability, Error, ErrorKind, Hyperslab, Result,
    WriteData, WriteOptions,
};
use hyperslab_engine::SlabWrite;
use rayon::prelude::*;
use uuid::Uuid;

pub(in crate::deker) use self::meta::{
    array_of, grid_of, number_of, position_of, tile_meta, tiles_of,
};
use super::arrays::is_absent;
use super::names::{in_folders, make_link, prune, prune_folders, walk};
use super::{Known, MACHINERY, Store, names_in};
use crate::chunk::ChunkGrid;
use crate::deker::content::Content;
use crate::deker::folders::{Kind, id_of};
use crate::deker::guard::{self, Patience, Writing, patiently};
use crate::disk::{self, TempFile};
use crate::image::PartWrite;
use crate::moves::{Moves, Staged};
use crate::tiles::split;

/// The folder of what is known of changes of several tiles.
const MOVES: &str = "moves";

/// The name of the note that an array is about to go, in the folder of its moves.
const DELETED: &str = "deleted";

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
        patiently(Patience::of(options), || moves.settle())?;
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
            let writes = parts.get(&target.number).map(|part| part.parts(&grid));
            let writes = writes.unwrap_or_default();
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
                let staged =
                    self.stage_tile(known, meta, &target, &part.parts(&grid), durability)?;
                let Some(file) = staged else { return Ok(()) };
                self.make_names(known, &target, durability)?;
                file.publish_new(&target.path)?;
                disk::sync_parent(&target.path, durability)
            })
    }

    /// Keeps writers of Deker away from all tiles of an array. The caller holds the lock of the array.
    ///
    /// # Errors
    /// `Locked` when one is at a tile for longer than the options say.
    pub(in crate::deker) fn keep_tiles(
        &self,
        known: &Known,
        array: Uuid,
        options: &WriteOptions,
    ) -> Result<Vec<Writing>> {
        let moves = self.moves(array);
        patiently(Patience::of(options), || {
            moves.settle()?;
            self.share_tiles(known, array)
        })
    }

    /// Says in all tiles where their times start, after the start of their array has changed. A tile that cannot be read, or that
    /// Deker has made since the others were kept, stays as it is. The caller holds the lock of the array.
    pub(in crate::deker) fn restart_tiles(
        &self,
        collection: &CollectionMeta,
        array: Uuid,
        options: &WriteOptions,
    ) -> Result<()> {
        use ErrorKind::{Corrupt, Locked, NotFound};
        let known = self.open(collection)?;
        for (tile, _) in self.linked_tiles(&known, array)? {
            match self.rewrite(&collection.name, tile, options) {
                Err(error) if matches!(error.kind(), Corrupt | Locked | NotFound) => {}
                done => done?,
            }
        }
        Ok(())
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
        let array = array_of(tile).ok_or_else(|| Error::corrupt("a tile of no array"))?;
        let array = self.read_document(known, array)?;
        tile_meta(known, &array, (tile.id, number_of(known, tile)?))
    }

    /// Says that an array of tiles is about to go, so that its tiles are known to be nobody's when this process is killed.
    pub(super) fn note_deletion(&self, array: Uuid, durability: Durability) -> Result<()> {
        self.make_moves_folder(array)?;
        let note = self.moves_folder(array).join(DELETED);
        std::fs::write(&note, "").map_err(|source| Error::io("write", note.display(), source))?;
        disk::sync_parent(&note, durability)
    }

    /// Whether an array was about to go.
    pub(in crate::deker) fn is_deleted(&self, array: Uuid) -> bool {
        self.moves_folder(array).join(DELETED).exists()
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
        writes: &[PartWrite<'_>],
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
        let record = self.moves_folder(array).join("moves.json");
        Moves::new(&self.root, record)
            .beside_others(|path| guard::write(path).map(|writing| Box::new(writing) as Box<_>))
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
