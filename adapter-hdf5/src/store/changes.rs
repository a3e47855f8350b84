//! Arrays as they come, change and go.

use hyperslab_core::{
    ArrayBuf, ArrayMeta, CollectionMeta, Durability, Error, ErrorKind, Result, stem,
};
use hyperslab_engine::SlabWrite;
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

use super::tiles::NewTiles;
use super::{Folders, Store, describe};
use crate::cache::FileIdentity;
use crate::cf;
use crate::chunk::is_written;
use crate::disk::{self, Fence, TempFile};
use crate::file::{ArrayFile, FileContent, VariableCells, VariableStorage};
use crate::ids::{Fact, IdIndex};
use crate::image;

/// An array that is built, and has no name yet.
struct NewArray<'a> {
    array: &'a ArrayMeta,
    stem: String,
    file: TempFile,
    tiles: NewTiles,
}

impl Store {
    pub(crate) fn create_array(
        &self,
        collection: &CollectionMeta,
        array: &ArrayMeta,
        data: Option<ArrayBuf>,
        durability: Durability,
    ) -> Result<()> {
        let schema = &collection.schema;
        let opened = self.open(collection)?;
        let folders = &opened.folders;
        if let Some(data) = &data {
            schema.check_new(data)?;
        }
        let stem = stem(&array.key, array.id);
        let target = folders.array(&stem);
        if target.exists() {
            return Err(exists(collection, array));
        }
        let storage = opened.storage(collection, &stem, array.id);
        let content = cf::content(collection, array, &opened.variable, storage)?;
        let (data, tiles) = match storage_is_tiled(&content) {
            true => (
                None,
                self.create_tiles(collection, &opened, array, data, durability)?,
            ),
            false => (data, NewTiles::default()),
        };
        let temporary = TempFile::create(&folders.temporaries())?;
        image::write_first(&content, data.as_ref(), temporary.file())
            .map_err(|error| error.context(target.display()))?;
        temporary.sync(&target, durability)?;
        let new = NewArray {
            array,
            stem,
            file: temporary,
            tiles,
        };
        self.publish_array(collection, folders, new, durability)
    }

    /// Gives the files of an array their names, if it is new.
    fn publish_array(
        &self,
        collection: &CollectionMeta,
        folders: &Folders,
        mut new: NewArray<'_>,
        durability: Durability,
    ) -> Result<()> {
        let (array, target) = (new.array, folders.array(&new.stem));
        // Of creators of one array with tiles, one puts them into its folder, and removes what a killed one has left there.
        let fence = match new.tiles.is_none() {
            true => Fence::shared,
            false => Fence::exclusive,
        };
        let _fence = self.fenced(collection, fence)?;
        if !new.tiles.is_none() && target.exists() {
            return Err(exists(collection, array));
        }
        let publish = || {
            (new.tiles.place(durability))
                .and_then(|()| new.file.publish_new(&target))
                .map(|()| new.tiles.keep())
                .map_err(|error| match error.kind() {
                    ErrorKind::AlreadyExists => exists(collection, array),
                    ErrorKind::NotFound => self.missing(&collection.name),
                    _ => error,
                })
        };
        if array.key.is_empty() {
            publish()?;
            return disk::sync_folder(&folders.arrays(), durability);
        }
        let mut shard = IdIndex::hold(&folders.ids(), array.id)?;
        if let Some(other) = shard.find(&self.ids, array.id)?
            && folders.array(&other).exists()
        {
            return Err(exists(collection, array));
        }
        publish()?;
        // The file is the truth: a line that a crash of the machine takes is found missing, and added again. A name
        // that it takes while the line stays would be an array that was lost.
        disk::sync_folder(&folders.arrays(), durability)?;
        let stem = &new.stem;
        let added = shard.add(Fact::Published, array.id, stem, Durability::Relaxed);
        added.map_err(|error| {
            Error::unavailable(format!(
                "array {stem} was created but not entered in the index ({error}); run `check` with repair"
            ))
            .with_source(error)
        })
    }

    /// Builds the next image of an array and puts it in place of the last one. The caller holds the array's lock.
    pub(crate) fn update_array(
        &self,
        collection: &CollectionMeta,
        array: (&str, Uuid),
        writes: &[Arc<SlabWrite>],
        change: impl FnOnce(&mut ArrayMeta) -> Result<()>,
        durability: Durability,
    ) -> Result<ArrayMeta> {
        let opened = self.open(collection)?;
        let (last, mut meta) = self.load_array(collection, &opened, array)?;
        change(&mut meta)?;
        let schema = &collection.schema;
        let kept = kept_storage(&last).filter(|_| opened.grid.is_none());
        let storage = kept.unwrap_or_else(|| opened.storage(collection, array.0, array.1));
        let mut content = cf::content(collection, &meta, &opened.variable, storage)?;
        cf::keep_foreign(schema, last.header(), &mut content);
        let target = opened.folders.array(array.0);
        let temporary = TempFile::create(&opened.folders.temporaries())?;
        image::write_next(
            &self.engine,
            Some(&last),
            &content,
            &image::whole(writes),
            temporary.file(),
        )
        .map_err(|error| error.context(target.display()))?;
        temporary.sync(&target, durability)?;
        self.replace_array(collection, &last, temporary, &target, durability)?;
        Ok(meta)
    }

    /// Puts the next image in place of the last one, unless that was taken away with the whole collection.
    fn replace_array(
        &self,
        collection: &CollectionMeta,
        last: &ArrayFile,
        next: TempFile,
        target: &Path,
        durability: Durability,
    ) -> Result<()> {
        let fence = self.fenced(collection, Fence::shared)?;
        let current = std::fs::metadata(target)
            .map_err(|source| Error::io("replace", target.display(), source))?;
        if FileIdentity::of(&current) != last.identity() {
            return Err(Error::conflict(format!(
                "{} was changed by another program meanwhile; try again",
                target.display()
            )));
        }
        next.replace(target)?;
        drop(fence);
        disk::sync_parent(target, durability)
    }

    /// Removes an array. The caller holds its lock.
    pub(crate) fn delete_array(
        &self,
        collection: &CollectionMeta,
        (stem, id): (&str, Uuid),
        durability: Durability,
    ) -> Result<()> {
        let opened = self.open(collection)?;
        let (_, meta) = self.load(collection, &opened, stem)?;
        if meta.id != id {
            return Err(Error::not_found(format!(
                "array {stem} of collection '{}' was deleted already",
                collection.name
            )));
        }
        let path = opened.folders.array(stem);
        let _fence = self.fenced(collection, Fence::shared)?;
        if !meta.key.is_empty() {
            let mut shard = IdIndex::hold(&opened.folders.ids(), meta.id)?;
            shard.add(Fact::Removed, meta.id, stem, durability)?;
        }
        std::fs::remove_file(&path)
            .map_err(|source| Error::io("delete", path.display(), source))?;
        disk::sync_folder(&opened.folders.arrays(), durability)?;
        self.discard_tiles(&opened, stem, id);
        Ok(())
    }
}

fn exists(collection: &CollectionMeta, array: &ArrayMeta) -> Error {
    Error::already_exists(format!(
        "array {} exists already in collection '{}'",
        describe(&array.key, array.id),
        collection.name
    ))
}

fn storage_is_tiled(content: &FileContent) -> bool {
    let mut variables = content.variables.iter();
    variables.any(|variable| matches!(variable.storage, VariableStorage::Tiles(_)))
}

/// What is stored stays as it is stored, unless another program left its chunks without a checksum: copied as they are, damage
/// in them would be vouched for by the next footer.
pub(crate) fn kept_storage(last: &ArrayFile) -> Option<VariableStorage> {
    match &last.header().variable.cells {
        VariableCells::Chunked { grid, codecs, .. }
            if codecs.is_vouched_for() && is_written(codecs) =>
        {
            Some(VariableStorage::Chunked {
                chunk_shape: grid.chunk_shape().to_vec(),
                codecs: codecs.clone(),
            })
        }
        _ => None,
    }
}
