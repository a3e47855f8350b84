//! Faults of single arrays.

use std::sync::Arc;

use hyperslab_core::{
    ArrayMeta, CheckLevel, CollectionMeta, Error, ErrorKind, FindingKind, Result, WriteOptions,
    stem as stem_of,
};

use super::{CollectionCheck, Fault, tiles};
use crate::adapter::lock_array;
use crate::cf;
use crate::file::ArrayFile;
use crate::store::Store;

/// Everything that is wrong with one array.
pub(super) async fn array_faults(check: &CollectionCheck<'_>, stem: &str) -> Result<Vec<Fault>> {
    let deep = check.request.level >= CheckLevel::Data;
    let name = stem.to_owned();
    let found = check
        .run(move |store, collection| look(store, collection, &name, deep))
        .await;
    match found {
        Ok(None) => tile_faults(check, stem, deep).await,
        Ok(Some(fault)) if fault.kind == FindingKind::Unverified => {
            let repaired = check.request.repair && write_anew(check, stem).await.is_ok();
            let mut faults = tile_faults(check, stem, deep).await?;
            faults.insert(0, fault.repairable(repaired));
            Ok(faults)
        }
        Ok(Some(fault)) => Ok(vec![fault]),
        // Deleted since it was listed.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Ok(vec![Fault::new(
            CheckLevel::Arrays,
            FindingKind::ArrayUnreadable,
            stem,
            error.to_string(),
        )]),
    }
}

fn look(
    store: &Store,
    collection: &CollectionMeta,
    stem: &str,
    deep: bool,
) -> Result<Option<Fault>> {
    let opened = store.open(collection)?;
    let path = opened.folders.array(stem);
    let file = store.cache.open(&path, &opened.variable)?;
    let schema = &collection.schema;
    let disagrees = |why: String| {
        Fault::new(
            CheckLevel::Arrays,
            FindingKind::SchemaDisagrees,
            stem,
            format!("{why}; restore the file from a copy"),
        )
    };
    if let Some(why) = cf::disagreement(schema, file.header()) {
        return Ok(Some(disagrees(why)));
    }
    match cf::array_meta(schema, file.header()) {
        Err(error) => return Ok(Some(disagrees(error.to_string()))),
        Ok(meta) if !is_named(&meta, stem) => {
            return Ok(Some(disagrees(format!(
                "the file holds the array of another key or id: {}",
                crate::store::describe(&meta.key, meta.id)
            ))));
        }
        Ok(_) => {}
    }
    Ok(if deep {
        data_fault(&file, collection, stem)
    } else {
        None
    })
}

fn is_named(meta: &ArrayMeta, stem: &str) -> bool {
    stem_of(&meta.key, meta.id) == stem
}

pub(super) fn data_fault(
    file: &ArrayFile,
    collection: &CollectionMeta,
    stem: &str,
) -> Option<Fault> {
    let corrupt = |error: Error| {
        let kind = match error.kind() {
            ErrorKind::Unsupported => FindingKind::ArrayUnreadable,
            _ => FindingKind::Corrupt,
        };
        Fault::new(CheckLevel::Data, kind, stem, error.to_string())
    };
    if let Err(error) = file
        .verify()
        .and_then(|()| file.decode_all(collection.schema.fill_value()))
    {
        return Some(corrupt(error));
    }
    (!file.is_stamped()).then(|| {
        Fault::new(
            CheckLevel::Data,
            FindingKind::Unverified,
            stem,
            "another program has written this file; every chunk decodes, and a repair writes it anew with these cells and the coordinates of the schema",
        )
    })
}

/// Everything that is wrong with the tiles of an array.
async fn tile_faults(check: &CollectionCheck<'_>, stem: &str, deep: bool) -> Result<Vec<Fault>> {
    let name = stem.to_owned();
    let found = check
        .run(move |store, collection| tiles::tile_faults(store, collection, &name, deep))
        .await;
    let found = match found {
        Ok(found) => found,
        // Deleted since it was looked at.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut faults = found.faults;
    if !found.unverified.is_empty() {
        let count = found.unverified.len();
        let renewed =
            check.request.repair && renew_tiles(check, stem, found.unverified).await.is_ok();
        let fault = Fault::new(
            CheckLevel::Data,
            FindingKind::Unverified,
            stem,
            format!(
                "another program has written {count} of its tiles; every chunk decodes, and a repair writes them anew"
            ),
        );
        faults.push(fault.repairable(renewed));
    }
    Ok(faults)
}

/// Writes the next images of tiles that another program has written.
async fn renew_tiles(check: &CollectionCheck<'_>, stem: &str, numbers: Vec<u64>) -> Result<()> {
    let options = WriteOptions::default();
    // Whoever writes into a tile shares it.
    let guard = lock_array(check.store, &check.collection, stem, &options).await?;
    let stem = stem.to_owned();
    check
        .run(move |store, collection| {
            let opened = store.open(collection)?;
            let (_, meta) = store.load(collection, &opened, &stem)?;
            let array = (stem.as_str(), meta.id);
            let renewed = store.renew_tiles(collection, array, &numbers, options.durability);
            drop(guard);
            renewed
        })
        .await
}

/// Writes the next image of a file that another program has written: cells and attributes as they are, coordinates as the
/// schema says, and a footer.
async fn write_anew(check: &CollectionCheck<'_>, stem: &str) -> Result<()> {
    let options = WriteOptions::default();
    let store = Arc::clone(check.store);
    let guard = lock_array(&store, &check.collection, stem, &options).await?;
    let stem = stem.to_owned();
    check
        .run(move |store, collection| {
            let opened = store.open(collection)?;
            let (_, meta) = store.load(collection, &opened, &stem)?;
            let array = (stem.as_str(), meta.id);
            let written =
                store.update_array(collection, array, &[], |_| Ok(()), options.durability);
            drop(guard);
            written.map(drop)
        })
        .await
}
