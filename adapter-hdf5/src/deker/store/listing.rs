//! All arrays of a collection, and one by its key or id.

use std::collections::HashMap;
use std::path::PathBuf;

use hyperslab_core::{
    ArrayEntry, ArrayLocator, ArrayMeta, Attributes, CollectionMeta, Error, ErrorKind, Hyperslab,
    ReadPlan, Result, Usage,
};
use rayon::prelude::*;
use uuid::Uuid;

use super::names::{linked, walk};
use super::{Known, Store};
use crate::deker::attributes::is_same_key;
use crate::deker::fit;
use crate::deker::folders::{Kind, is_ambiguous, key_parts, parse_key};

/// The folders that lead to a link.
type Parts = Vec<String>;

impl Store {
    /// All arrays. The key of one is what the folders of its link say, as long as only one key can be meant; else its file is asked.
    pub(in crate::deker) fn list_arrays(
        &self,
        collection: &CollectionMeta,
    ) -> Result<Vec<ArrayEntry>> {
        let known = self.open(collection)?;
        let has_key = known.layout.schema.key_attributes().next().is_some();
        let mut links: HashMap<Uuid, Vec<Parts>> = HashMap::new();
        if has_key {
            links = self.links(&known)?;
        }
        let ids = self.ids(&known)?;
        let entry = |id: &Uuid| {
            let named = match links.get(id).map(Vec::as_slice) {
                _ if !has_key => Some(Attributes::new()),
                Some([only]) => parse_key(&known.layout, only),
                _ => None,
            };
            let key = match named {
                Some(key) => key,
                None => match self.read_meta(&known, *id) {
                    Ok(meta) => meta.key,
                    // Deleted meanwhile.
                    Err(error) if error.kind() == ErrorKind::NotFound => return None,
                    Err(error) => {
                        tracing::warn!(
                            "array {id} of collection '{}' is left out: {error}",
                            collection.name
                        );
                        return None;
                    }
                },
            };
            Some(ArrayEntry { key, id: Some(*id) })
        };
        Ok(ids.par_iter().filter_map(entry).collect())
    }

    /// The ids of all arrays.
    pub(in crate::deker) fn ids(&self, known: &Known) -> Result<Vec<Uuid>> {
        let mut ids = Vec::new();
        let kind = known.kind();
        let mut found = |id: Uuid, _: &[String], path: PathBuf| {
            // One that is anywhere else would be found by nobody.
            if known.folders.file(kind, id) == path {
                ids.push(id);
            }
        };
        walk(kind, &known.folders.data(kind), &mut Vec::new(), &mut found)?;
        Ok(ids)
    }

    fn links(&self, known: &Known) -> Result<HashMap<Uuid, Vec<Parts>>> {
        let mut links: HashMap<Uuid, Vec<Parts>> = HashMap::new();
        let kind = known.kind();
        let mut found = |id, parts: &[String], _| links.entry(id).or_default().push(parts.to_vec());
        walk(
            kind,
            &known.folders.links(kind),
            &mut Vec::new(),
            &mut found,
        )?;
        Ok(links)
    }

    /// Finds an array, and says what it is.
    pub(in crate::deker) fn locate(
        &self,
        collection: &CollectionMeta,
        locator: &ArrayLocator,
    ) -> Result<ArrayMeta> {
        let known = self.open(collection)?;
        match locator {
            ArrayLocator::Id(id) => self
                .read_meta(&known, *id)
                .map_err(|error| self.absent(collection, error, &format!("with id {id}"))),
            ArrayLocator::Key(key) => self.find(collection, &known, key),
        }
    }

    /// The same without a pause, a mark or the library; `None` when that does not do.
    pub(in crate::deker) fn locate_at_once(
        &self,
        collection: &CollectionMeta,
        locator: &ArrayLocator,
    ) -> Option<ArrayMeta> {
        let known = self.open_at_once(collection).ok()?;
        let (id, key) = match locator {
            ArrayLocator::Id(id) => (*id, None),
            ArrayLocator::Key(key) => {
                let parts = key_parts(&known.layout, key).filter(|_| !key.is_empty())?;
                let links = known.folders.link_folder(Kind::Array, &parts);
                let id = linked(&known.folders, Kind::Array, &links).ok()??;
                (id, Some(key))
            }
        };
        let (_, file) = self.open_file_at_once(&known, id)?;
        let is_it = key.is_none_or(|key| is_same_key(&file.meta.key, key));
        is_it.then(|| file.meta.clone())
    }

    fn find(
        &self,
        collection: &CollectionMeta,
        known: &Known,
        key: &Attributes,
    ) -> Result<ArrayMeta> {
        let missing = || {
            Error::not_found(format!(
                "array {key} does not exist in collection '{}'",
                collection.name
            ))
        };
        if key.is_empty() {
            return Err(Error::invalid(format!(
                "the arrays of collection '{}' have no key; name the array by its id",
                collection.name
            )));
        }
        // A float is that of its width, however it was written.
        let key = &fit::all_narrowed(&known.layout, key);
        let kind = known.kind();
        let found = match key_parts(&known.layout, key) {
            Some(parts) => linked(
                &known.folders,
                kind,
                &known.folders.link_folder(kind, &parts),
            )?,
            None => None,
        };
        if let Some(id) = found {
            let meta = self.read_meta(known, id);
            match meta.map_err(|error| self.absent(collection, error, &key.to_string())) {
                Ok(meta) if is_same_key(&meta.key, key) => return Ok(meta),
                Ok(_) if is_ambiguous(key) => {}
                Ok(meta) => {
                    return Err(Error::corrupt(format!(
                        "the link of {key} in collection '{}' leads to the array {}; run `check --level 3`",
                        collection.name, meta.key
                    )));
                }
                Err(error) => return Err(error),
            }
        } else if !is_ambiguous(key) {
            return Err(missing());
        }
        // The folders of this key may be spelled in another way, or be those of several keys.
        let entries = self.list_arrays(collection)?;
        let id = entries
            .into_iter()
            .find(|entry| is_same_key(&entry.key, key));
        let id = id.and_then(|entry| entry.id).ok_or_else(missing)?;
        self.read_meta(known, id)
    }

    fn absent(&self, collection: &CollectionMeta, error: Error, what: &str) -> Error {
        match error.kind() {
            ErrorKind::NotFound => Error::not_found(format!(
                "array {what} does not exist in collection '{}'",
                collection.name
            )),
            _ => error,
        }
    }

    /// What reading a hyperslab will touch.
    pub(in crate::deker) fn plan(
        &self,
        collection: &CollectionMeta,
        id: Uuid,
        slab: &Hyperslab,
    ) -> Result<ReadPlan> {
        let known = self.open(collection)?;
        known.layout.schema.check_slab(slab)?;
        if known.kind() == Kind::Virtual {
            return self.plan_virtual(&known, id, slab);
        }
        let (_reading, file) = self.open_file(&known, &known.layout, id)?;
        let name = format!("{}/{id}{}", collection.name, Kind::Array.extension());
        Ok(match &file.cells {
            Some(cells) => cells.plan(&name, slab),
            None => ReadPlan {
                absent_chunk_count: u64::from(!slab.is_empty()),
                chunk_shape: known.layout.schema.shape(),
                ..ReadPlan::default()
            },
        })
    }

    /// What a collection takes up: its files, and the tiles of its arrays.
    pub(in crate::deker) fn usage(&self, collection: &CollectionMeta) -> Result<Usage> {
        let known = self.open(collection)?;
        let mut usage = Usage::default();
        let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |found| found.len());
        for kind in [Kind::Array, Kind::Virtual] {
            let mut found = |_, _: &[String], path: PathBuf| {
                usage.stored_bytes += size(&path);
                usage.array_count += u64::from(kind == known.kind());
            };
            walk(kind, &known.folders.data(kind), &mut Vec::new(), &mut found)?;
        }
        usage.overhead_bytes = size(&known.folders.document());
        Ok(usage)
    }
}
