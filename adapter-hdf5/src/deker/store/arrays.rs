//! Arrays as they come, change and go.

use std::path::Path;
use std::sync::Arc;

use hyperslab_core::{
    ArrayBuf, ArrayMeta, CollectionMeta, Durability, Error, ErrorKind, Hyperslab, Result,
    WriteData, WriteOptions,
};
use hyperslab_engine::SlabWrite;
use uuid::Uuid;

use super::names::{in_folders, linked, make_link, prune, remove_dangling, walk};
use super::{Known, Store};
use crate::deker::content::Content;
use crate::deker::file::DekerFile;
use crate::deker::folders::{Kind, key_parts, new_key_parts};
use crate::deker::guard::{self, Marking, Patience, Reading, patiently};
use crate::deker::schema::Layout;
use crate::deker::{attributes, fit};
use crate::disk::{self, TempFile};
use crate::image;

impl Store {
    /// Opens the file of an array. What is read of it is to be confirmed by the first of the two.
    ///
    /// # Errors
    /// `NotFound`; `Locked` when Deker writes all the time; `Corrupt`, `Unsupported`.
    pub(in crate::deker) fn open_file(
        &self,
        known: &Known,
        layout: &Layout,
        id: Uuid,
    ) -> Result<(Reading, Arc<DekerFile>)> {
        let path = known.folders.file(Kind::Array, id);
        let open = || self.files.open((&path, id), layout, Marking::Allowed);
        let opened = patiently(self.patience, open)?;
        if opened.1.meta.id == id {
            return Ok(opened);
        }
        Err(Error::corrupt(format!(
            "{} holds the array {}; run `check`",
            path.display(),
            opened.1.meta.id
        )))
    }

    /// The same without a pause, a mark or the library; `None` when that does not do.
    pub(in crate::deker) fn open_file_at_once(
        &self,
        known: &Known,
        id: Uuid,
    ) -> Option<(Reading, Arc<DekerFile>)> {
        if known.kind() != Kind::Array {
            return None;
        }
        let path = known.folders.file(Kind::Array, id);
        let opened = self.files.open_at_once((&path, id), &known.layout)?;
        (opened.1.meta.id == id).then_some(opened)
    }

    /// What an array says of itself.
    ///
    /// # Errors
    /// As [`open_file`](Self::open_file).
    pub(in crate::deker) fn read_meta(&self, known: &Known, id: Uuid) -> Result<ArrayMeta> {
        match known.kind() {
            Kind::Array => {
                let (_, file) = self.open_file(known, &known.layout, id)?;
                Ok(file.meta.clone())
            }
            Kind::Virtual => self.read_document(known, id),
        }
    }

    /// Refuses an array that Deker could not hold.
    pub(in crate::deker) fn check_new(
        &self,
        collection: &CollectionMeta,
        array: &ArrayMeta,
    ) -> Result<()> {
        let known = self.open(collection)?;
        new_key_parts(&known.layout, &array.key)?;
        fit::check(&known.layout, &array.custom)?;
        attributes::encode(&known.layout, array).map(drop)
    }

    /// Creates an array. The caller holds the lock of its key.
    pub(in crate::deker) fn create_array(
        &self,
        collection: &CollectionMeta,
        array: &ArrayMeta,
        data: Option<&ArrayBuf>,
        durability: Durability,
    ) -> Result<()> {
        let known = self.open(collection)?;
        if let Some(data) = data {
            known.layout.schema.check_new(data)?;
        }
        let (kind, folders) = (known.kind(), &known.folders);
        let parts = new_key_parts(&known.layout, &array.key)?;
        let exists = || {
            Error::already_exists(format!(
                "array {} exists already in collection '{}'",
                crate::store::describe(&array.key, array.id),
                collection.name
            ))
        };
        let links = folders.link_folder(kind, &parts);
        let is_keyed = !array.key.is_empty();
        let target = folders.file(kind, array.id);
        if target.exists() || is_keyed && linked(folders, kind, &links)?.is_some() {
            return Err(exists());
        }
        let staged = match kind {
            Kind::Array => {
                let writes = data.map(whole).into_iter().collect::<Vec<_>>();
                self.stage_array(&known.layout, None, array, &writes, &target, durability)?
            }
            Kind::Virtual => self.stage_document(&known, array, &target, durability)?,
        };
        if is_keyed {
            remove_dangling(folders, kind, &links)?;
        }
        let link = folders.link(kind, &parts, array.id);
        make_link(folders, (&link, &target), durability)?;
        if let (Kind::Virtual, Some(data)) = (kind, data) {
            self.create_tiles(&known, array, data, durability)?;
        }
        let mut staged = Some(staged);
        let leaf = target.parent().unwrap_or(folders.root()).to_owned();
        in_folders(folders, &leaf, durability, || match staged.take() {
            Some(file) => match file.try_publish_new(&target) {
                Ok(()) => Ok(()),
                Err((file, error)) => {
                    staged = Some(file);
                    Err(error)
                }
            },
            None => Ok(()),
        })?;
        disk::sync_folder(&leaf, durability)
    }

    /// Writes the next file of an array beside the last one, which is `None` when there is none.
    pub(in crate::deker) fn stage_array(
        &self,
        layout: &Layout,
        last: Option<&DekerFile>,
        array: &ArrayMeta,
        writes: &[Arc<SlabWrite>],
        target: &Path,
        durability: Durability,
    ) -> Result<TempFile> {
        let temporary = TempFile::create(&self.make_temporaries()?)?;
        let content = Content {
            layout,
            last,
            array,
            writes: &image::whole(writes),
        };
        content
            .write(&self.engine, temporary.file())
            .map_err(|error| error.context(target.display()))?;
        temporary.sync(target, durability)?;
        Ok(temporary)
    }

    pub(in crate::deker) fn make_temporaries(&self) -> Result<std::path::PathBuf> {
        let folder = self.temporaries();
        std::fs::create_dir_all(&folder)
            .map_err(|source| Error::io("create", folder.display(), source))?;
        Ok(folder)
    }

    /// Puts the next file of an array in place of the last one. The caller holds the array's lock.
    pub(in crate::deker) fn update_array(
        &self,
        collection: &CollectionMeta,
        id: Uuid,
        writes: &[Arc<SlabWrite>],
        change: impl FnOnce(&mut ArrayMeta) -> Result<()>,
        options: &WriteOptions,
    ) -> Result<ArrayMeta> {
        let known = self.open(collection)?;
        let path = known.folders.file(Kind::Array, id);
        let writing = patiently(Patience::of(options), || guard::write(&path))?;
        // Nobody changes the file now, so its mark need not stay.
        let (_, last) = self.open_file(&known, &known.layout, id)?;
        let mut meta = last.meta.clone();
        change(&mut meta)?;
        let durability = options.durability;
        let staged =
            self.stage_array(&known.layout, Some(&last), &meta, writes, &path, durability)?;
        // Deker deletes without a lock; what it has deleted must not come back.
        std::fs::metadata(&path).map_err(|source| Error::io("replace", path.display(), source))?;
        staged.replace(&path)?;
        drop(writing);
        disk::sync_parent(&path, durability)?;
        Ok(meta)
    }

    /// Writes an array or a tile anew as it is, with what it says of itself put right. The caller holds its lock.
    pub(in crate::deker) fn rewrite(
        &self,
        collection: &str,
        id: Uuid,
        options: &WriteOptions,
    ) -> Result<()> {
        let known = self.look(collection)?;
        let layout = known.tiles.as_ref().unwrap_or(&known.layout);
        let path = known.folders.file(Kind::Array, id);
        let writing = patiently(Patience::of(options), || guard::write(&path))?;
        let (_, last) = self.open_file(&known, layout, id)?;
        let durability = options.durability;
        let meta = match &known.tiles {
            Some(_) => self.tile_as_it_is(&known, &last.meta)?,
            None => last.meta.clone(),
        };
        let staged = self.stage_array(layout, Some(&last), &meta, &[], &path, durability)?;
        staged.replace(&path)?;
        drop(writing);
        disk::sync_parent(&path, durability)
    }

    /// Removes an array, which may not say what its key is. The caller holds its lock.
    pub(in crate::deker) fn delete_array(
        &self,
        collection: &CollectionMeta,
        (id, array): (Uuid, Option<&ArrayMeta>),
        options: &WriteOptions,
    ) -> Result<()> {
        let known = self.open(collection)?;
        let (kind, folders) = (known.kind(), &known.folders);
        let path = folders.file(kind, id);
        let writing = patiently(Patience::of(options), || {
            let mut shared = vec![guard::write(&path)?];
            if kind == Kind::Virtual {
                shared.extend(self.share_tiles(&known, id)?);
            }
            Ok(shared)
        })?;
        if kind == Kind::Virtual {
            self.note_deletion(id, options.durability)?;
        }
        std::fs::remove_file(&path)
            .map_err(|source| Error::io("delete", path.display(), source))?;
        disk::sync_parent(&path, options.durability)?;
        drop(writing);
        if kind == Kind::Virtual {
            self.delete_tiles(&known, id)?;
        }
        prune(&path, &folders.data(kind))?;
        let top = folders.links(kind);
        match array.and_then(|array| key_parts(&known.layout, &array.key)) {
            Some(parts) if folders.link(kind, &parts, id).is_symlink() => {
                prune(&folders.link(kind, &parts, id), &top)
            }
            // A tuple may be spelled in another way.
            _ => {
                let mut links = Vec::new();
                let mut found = |found, _: &[String], link| links.push((found, link));
                walk(kind, &top, &mut Vec::new(), &mut found)?;
                let mut links = links.iter().filter(|(found, _)| *found == id);
                links.try_for_each(|(_, link)| prune(link, &top))
            }
        }
    }

    /// Reads cells of an array into `out`, all of one state. Blocks.
    pub(in crate::deker) fn read_array(
        &self,
        known: &Known,
        id: Uuid,
        slab: &Hyperslab,
        out: ArrayBuf,
    ) -> Result<ArrayBuf> {
        let (dtype, shape) = (out.dtype(), out.shape().to_vec());
        let mut buffer = Some(out);
        patiently(self.patience, || {
            let (reading, file) = self.open_file(known, &known.layout, id)?;
            let out = match buffer.take() {
                Some(out) => out,
                None => ArrayBuf::zeroed(dtype, &shape)?,
            };
            let out = match &file.cells {
                Some(cells) => cells.read_into(&self.engine, slab, cells.fill(), out)?,
                None => known.layout.filled(out),
            };
            reading.confirm().map(|()| out)
        })
    }
}

/// A write of all cells.
fn whole(cells: &ArrayBuf) -> Arc<SlabWrite> {
    SlabWrite::new(
        &Hyperslab::full(cells.shape()),
        WriteData::Cells(cells.clone()),
    )
}

/// Whether what was looked for is not there.
pub(super) fn is_absent(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound
}
