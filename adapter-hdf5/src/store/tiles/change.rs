//! Tiles as they come and change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyperslab_cf::{ArrayContent, AxisContent, CoordinateCells, CoordinateContent};
use hyperslab_core::{
    ArrayBuf, ArrayMeta, Attributes, CollectionMeta, Durability, Error, ErrorKind, Hyperslab,
    Result, WriteData, are_all, stem as stem_of,
};
use hyperslab_engine::SlabWrite;
use rayon::prelude::*;
use uuid::Uuid;

use super::{Tiles, start_of};
use crate::disk::{self, Fence, TempFile};
use crate::file::{ArrayFile, FileContent};
use crate::moves::{Staged, View};
use crate::store::changes::kept_storage;
use crate::store::{Opened, Store};
use crate::tiles::{TileWrites, split};
use crate::{cf, image, index};

/// A change of the tiles of one array, whose locks the caller holds.
pub(crate) struct TileChange<'a> {
    pub(crate) store: &'a Store,
    pub(crate) collection: &'a CollectionMeta,
    pub(crate) opened: &'a Opened,
    pub(crate) tiles: &'a Tiles,
    pub(crate) meta: &'a ArrayMeta,
    pub(crate) durability: Durability,
}

impl TileChange<'_> {
    /// Builds the next image of each tile that gets something, on all threads. They are safe, and have temporary names in
    /// `folder`.
    fn build(&self, folder: &Path, touched: BTreeMap<u64, TileWrites<'_>>) -> Result<Vec<Staged>> {
        let content = self.content()?;
        let touched: Vec<(u64, TileWrites<'_>)> = touched.into_iter().collect();
        let build = |(number, writes): &(u64, TileWrites<'_>)| {
            let staged = self.build_tile(folder, &content, *number, writes);
            staged.transpose()
        };
        if let [only] = touched.as_slice() {
            return build(only).into_iter().collect();
        }
        let built = touched.par_iter().with_max_len(1).filter_map(build);
        built.collect()
    }

    fn build_tile(
        &self,
        folder: &Path,
        content: &ArrayContent,
        number: u64,
        writes: &TileWrites<'_>,
    ) -> Result<Option<Staged>> {
        let last = self
            .tiles
            .open(self.store, self.collection, number, &View::default())?;
        if last.is_none() && self.is_fill(writes) {
            return Ok(None);
        }
        let content = self.tile_content(content, number, last.as_deref())?;
        let target = self.tiles.path(number);
        let file = TempFile::create(folder)?;
        let parts = writes.parts(&self.tiles.grid);
        let engine = &self.store.engine;
        let written = image::write_next(engine, last.as_deref(), &content, &parts, file.file());
        written.map_err(|error| error.context(target.display()))?;
        file.sync(&target, self.durability)?;
        Ok(Some(Staged { file, target }))
    }

    /// Whether nothing but what is there anyway is written into a tile that was never written.
    fn is_fill(&self, writes: &TileWrites<'_>) -> bool {
        let fill = self.collection.schema.fill_value().to_bytes();
        writes.all(|data| match data {
            WriteData::Scalar(value) => value.to_bytes() == fill,
            WriteData::Cells(_) => false,
        })
    }

    /// What the tiles have in common: the key and the identity. Custom attributes, which change, are those of the array alone.
    fn content(&self) -> Result<ArrayContent> {
        let fixed = ArrayMeta {
            custom: Attributes::new(),
            ..self.meta.clone()
        };
        ArrayContent::new(&self.collection.schema, &fixed)
    }

    fn tile_content(
        &self,
        whole: &ArrayContent,
        number: u64,
        last: Option<&ArrayFile>,
    ) -> Result<FileContent> {
        let schema = &self.collection.schema;
        let grid = &self.tiles.grid;
        let shape = grid.shape_of(number);
        let storage = last
            .and_then(kept_storage)
            .unwrap_or_else(|| self.opened.plan.storage(&shape, schema.dtype()));
        let axes = whole.axes.iter().zip(start_of(grid, number)).zip(&shape);
        let mut attributes = whole.attributes.clone();
        attributes.push(self.tiles.provenance(number));
        let part = ArrayContent {
            attributes,
            axes: axes
                .map(|((axis, start), &length)| axis_part(axis, start, length))
                .collect::<Result<_>>()?,
            variable_attributes: Vec::new(),
        };
        let mut content = cf::file_content(schema, part, &self.opened.variable, storage);
        if let Some(last) = last {
            cf::keep_foreign(schema, last.header(), &mut content);
        }
        Ok(content)
    }

    /// Publishes tiles, of which readers see all or none.
    pub(crate) fn publish(&self, staged: Vec<Staged>) -> Result<()> {
        if staged.is_empty() {
            return Ok(());
        }
        let _fence = self.store.fenced(self.collection, Fence::shared)?;
        let stem = stem_of(&self.meta.key, self.meta.id);
        let ensure = || {
            let array = (stem.as_str(), self.meta.id);
            let loaded = self.store.load_array(self.collection, self.opened, array);
            loaded.map(drop)
        };
        self.tiles.moves.publish(staged, self.durability, ensure)
    }
}

impl Store {
    /// Puts writes into the tiles of an array. The caller holds the locks of the tiles, and shares that of the array.
    pub(crate) fn update_tiles(
        &self,
        collection: &CollectionMeta,
        array: (&str, Uuid),
        writes: &[Arc<SlabWrite>],
        durability: Durability,
    ) -> Result<()> {
        self.change_tiles(collection, array, durability, |tiles| {
            split(&tiles.grid, writes)
        })
    }

    /// Writes tiles anew as they are. The caller holds the lock of the array.
    pub(crate) fn renew_tiles(
        &self,
        collection: &CollectionMeta,
        array: (&str, Uuid),
        numbers: &[u64],
        durability: Durability,
    ) -> Result<()> {
        let touched = |_: &Tiles| {
            numbers
                .iter()
                .map(|&number| (number, TileWrites::NONE))
                .collect()
        };
        self.change_tiles(collection, array, durability, touched)
    }

    fn change_tiles<'a>(
        &self,
        collection: &CollectionMeta,
        (stem, id): (&str, Uuid),
        durability: Durability,
        touched: impl FnOnce(&Tiles) -> BTreeMap<u64, TileWrites<'a>>,
    ) -> Result<()> {
        let opened = self.open(collection)?;
        let (_, meta) = self.load_array(collection, &opened, (stem, id))?;
        let Some(tiles) = opened.tiles(stem, id) else {
            return Err(Error::internal("an array without tiles"));
        };
        make_folder(&tiles.folder, durability)?;
        // What a writer that was killed has decided is the state that this change follows.
        tiles.moves.settle()?;
        let change = TileChange {
            store: self,
            collection,
            opened: &opened,
            tiles: &tiles,
            meta: &meta,
            durability,
        };
        let changed = (change.build(&tiles.folder, touched(&tiles)))
            .and_then(|staged| change.publish(staged));
        if changed.is_err() {
            // Made for nothing, if nothing is in it.
            let _ = std::fs::remove_dir(&tiles.folder);
        }
        changed
    }

    /// Makes the tiles of an array that is about to be created, which nobody knows of yet.
    pub(crate) fn create_tiles(
        &self,
        collection: &CollectionMeta,
        opened: &Opened,
        meta: &ArrayMeta,
        cells: Option<ArrayBuf>,
        durability: Durability,
    ) -> Result<NewTiles> {
        let stem = stem_of(&meta.key, meta.id);
        let Some(tiles) = opened.tiles(&stem, meta.id) else {
            return Ok(NewTiles::default());
        };
        let mut made = NewTiles {
            folder: Some(tiles.folder.clone()),
            hidden: None,
        };
        let fill = collection.schema.fill_value().to_bytes();
        let Some(cells) = cells.filter(|cells| !are_all(cells.bytes(), &fill)) else {
            return Ok(made);
        };
        let folder = opened.folders.temporaries().join(disk::temporary_name());
        std::fs::create_dir_all(&folder)
            .map_err(|source| Error::io("create", folder.display(), source))?;
        made.hidden = Some(folder.clone());
        let change = TileChange {
            store: self,
            collection,
            opened,
            tiles: &tiles,
            meta,
            durability,
        };
        let whole = Hyperslab::full(cells.shape());
        let writes = [SlabWrite::new(&whole, WriteData::Cells(cells))];
        for staged in change.build(&folder, split(&tiles.grid, &writes))? {
            let name = staged.target.file_name().unwrap_or_default();
            staged.file.replace(&folder.join(name))?;
        }
        disk::sync_folder(&folder, durability)?;
        Ok(made)
    }
}

impl Store {
    /// Removes the tiles of an array that is no more.
    pub(crate) fn discard_tiles(&self, opened: &Opened, stem: &str, id: Uuid) {
        let Some(tiles) = opened.tiles(stem, id) else {
            return;
        };
        // Nobody looks for them any more: what is left of them is found by a check.
        let hidden = opened.folders.temporaries().join(disk::temporary_name());
        if std::fs::rename(&tiles.folder, &hidden).is_ok() {
            let _ = std::fs::remove_dir_all(&hidden);
        }
    }
}

/// Makes a folder, and the one that it is in if that is the folder of all tiles; but not that of a collection that was deleted.
fn make_folder(folder: &Path, durability: Durability) -> Result<()> {
    let make = |folder: &Path| match std::fs::create_dir(folder) {
        Ok(()) => disk::sync_parent(folder, durability),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(Error::io("create", folder.display(), source)),
    };
    match make(folder) {
        // A store that was copied without empty folders gets them back.
        Err(error) if error.kind() == ErrorKind::NotFound => match folder.parent() {
            Some(all) => make(all).and_then(|()| make(folder)),
            None => Err(error),
        },
        made => made,
    }
}

/// Tiles that were made for an array that is not there yet. They are removed when it is not made.
#[derive(Debug, Default)]
pub(crate) struct NewTiles {
    /// Where the array will look for them, if it has tiles.
    folder: Option<PathBuf>,
    /// Where they are, if there are any.
    hidden: Option<PathBuf>,
}

impl NewTiles {
    /// Whether the array has no tiles.
    pub(crate) fn is_none(&self) -> bool {
        self.folder.is_none()
    }

    /// Puts the tiles where the array looks for them, instead of those that a killed creator has left. The caller holds the fence
    /// of the collection alone, and there is no such array.
    pub(crate) fn place(&mut self, durability: Durability) -> Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let fail = |source| Error::io("create", folder.display(), source);
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        let Some(hidden) = &mut self.hidden else {
            return Ok(());
        };
        if let Some(all) = folder.parent() {
            make_folder(all, durability)?;
        }
        std::fs::rename(&*hidden, folder).map_err(fail)?;
        hidden.clone_from(folder);
        disk::sync_parent(folder, durability)
    }

    /// They belong to an array now.
    pub(crate) fn keep(&mut self) {
        self.hidden = None;
    }
}

impl Drop for NewTiles {
    fn drop(&mut self) {
        if let Some(hidden) = &self.hidden {
            // What cannot be removed is found by a check.
            let _ = std::fs::remove_dir_all(hidden);
        }
    }
}

/// The part of an axis that belongs to a tile.
fn axis_part(axis: &AxisContent, start: u64, length: u64) -> Result<AxisContent> {
    let coordinate = axis.coordinate.as_ref().map(|coordinate| {
        let first = index(start);
        let range = first..first + index(length);
        let values = match &coordinate.values {
            CoordinateCells::Numbers(cells) => {
                let size = cells.dtype().size();
                let bytes = cells.bytes().get(range.start * size..range.end * size);
                let bytes = bytes.unwrap_or_default();
                let part = ArrayBuf::from_bytes(cells.dtype(), &[length], bytes);
                CoordinateCells::Numbers(part?)
            }
            CoordinateCells::Texts(texts) => {
                CoordinateCells::Texts(texts.get(range).unwrap_or_default().to_vec())
            }
        };
        Ok(CoordinateContent {
            values,
            attributes: coordinate.attributes.clone(),
        })
    });
    Ok(AxisContent {
        name: axis.name.clone(),
        size: length,
        coordinate: coordinate.transpose()?,
    })
}
