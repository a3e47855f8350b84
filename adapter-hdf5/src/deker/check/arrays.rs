//! Faults of single arrays.

use std::time::Duration;

use hyperslab_core::chunk::Windows;
use hyperslab_core::{
    ArrayBuf, ArrayMeta, CheckLevel, Error, ErrorKind, FindingKind, Hyperslab, Result, box_bytes,
};
use rayon::prelude::*;
use uuid::Uuid;

use super::{Array, Checked, Found, Mend};
use crate::deker::attributes;
use crate::deker::empty;
use crate::deker::file::DekerFile;
use crate::deker::fit;
use crate::deker::folders::Kind;
use crate::deker::guard::{Marking, patiently};
use crate::deker::schema::Layout;
use crate::deker::store::{Known, Store};

/// A check waits for a writer of Deker no longer than this.
const PATIENCE_MAX: Duration = Duration::from_secs(2);

/// Cells are looked at so many bytes at a time.
const WINDOW_BYTES: u64 = 16 << 20;

/// Opens all arrays; those that do.
pub(super) fn faults(checked: &mut Checked<'_>) -> Result<Vec<Array>> {
    let (store, known, level) = (checked.store, checked.known, checked.level);
    let ids = store.ids(known)?;
    let look = |id: &Uuid| match known.kind() {
        Kind::Virtual => match store.read_document(known, *id) {
            Ok(meta) => {
                let found = values(&known.layout, &meta);
                (Some((*id, meta)), found)
            }
            Err(error) => (None, unopened(*id, &error).into_iter().collect()),
        },
        Kind::Array => look(store, known, &known.layout, *id, level),
    };
    let looked: Vec<_> = ids.par_iter().map(look).collect();
    let mut arrays = Vec::new();
    for (array, found) in looked {
        arrays.extend(array);
        checked.found.extend(found);
    }
    Ok(arrays)
}

/// Looks at one array file.
pub(super) fn look(
    store: &Store,
    known: &Known,
    layout: &Layout,
    id: Uuid,
    level: CheckLevel,
) -> (Option<Array>, Vec<Found>) {
    let path = known.folders.file(Kind::Array, id);
    let opened = patiently(store.patience.at_most(PATIENCE_MAX), || {
        let opened = store.files.open((&path, id), layout, Marking::Allowed);
        let (reading, file) = opened?;
        let wrong = match level >= CheckLevel::Data {
            true => cells(store, layout, &file),
            false => Ok(None),
        };
        // Cells that were changed meanwhile may look like anything.
        reading.confirm()?;
        Ok((file, wrong))
    });
    let (file, wrong) = match opened {
        Ok((file, wrong)) if file.meta.id == id => (file, wrong),
        Ok((file, _)) => {
            let message = format!(
                "the file says that it is the array {}; restore it from a copy",
                file.meta.id
            );
            return (None, vec![fault(FindingKind::ArrayUnreadable, id, message)]);
        }
        Err(error) => return (None, unopened(id, &error).into_iter().collect()),
    };
    let mut found = values(layout, &file.meta);
    if !file.strangers.is_empty() {
        let message = format!(
            "it has attributes that the schema does not know: {}",
            file.strangers.join(", ")
        );
        found.push(fault(FindingKind::SchemaDisagrees, id, message));
    }
    if file.empty_cells.is_none() {
        let message =
            "it does not say how many cells are empty, without which Deker cannot change it";
        let missing = fault(FindingKind::IndexDisagrees, id, message);
        found.push(missing.mended_by(Mend::rewrite(&file.meta)));
    }
    match wrong {
        Ok(wrong) => found.extend(wrong.map(|message| {
            fault(FindingKind::IndexDisagrees, id, message).mended_by(Mend::rewrite(&file.meta))
        })),
        Err(error) => {
            let kind = match error.kind() {
                ErrorKind::Unsupported => FindingKind::Unverified,
                _ => FindingKind::Corrupt,
            };
            let (level, subject) = (CheckLevel::Data, id.to_string());
            found.push(Found::new(level, kind, subject, error.to_string()));
        }
    }
    (Some((id, file.meta.clone())), found)
}

/// Attributes whose values are not to be had here, or not for Deker.
fn values(layout: &Layout, meta: &ArrayMeta) -> Vec<Found> {
    let misfits = [&meta.key, &meta.custom].map(|values| fit::misfits(layout, values));
    let misfits = misfits.into_iter().flatten().map(|misfit| {
        let message = format!("{misfit}; Deker takes it for another value, or fails: set it anew");
        fault(FindingKind::SchemaDisagrees, meta.id, message)
    });
    let untold = attributes::untold(layout, meta).map(|(_, why)| {
        let message = format!("{why}; it stays as Deker has it, and no store of ours takes it");
        fault(FindingKind::Unverified, meta.id, message)
    });
    misfits.chain(untold).collect()
}

fn fault(kind: FindingKind, id: Uuid, message: impl Into<String>) -> Found {
    Found::new(CheckLevel::Arrays, kind, id.to_string(), message)
}

/// What it means that an array does not open.
fn unopened(id: Uuid, error: &Error) -> Option<Found> {
    let kind = match error.kind() {
        // Deleted since it was listed.
        ErrorKind::NotFound => return None,
        ErrorKind::Locked | ErrorKind::Unsupported => FindingKind::Unverified,
        _ => FindingKind::ArrayUnreadable,
    };
    Some(fault(kind, id, error.to_string()))
}

/// Reads all cells, and says what is wrong with the number of those that are said to be empty.
fn cells(store: &Store, layout: &Layout, file: &DekerFile) -> Result<Option<String>> {
    let schema = &layout.schema;
    let Some(cells) = &file.cells else {
        return Ok(None);
    };
    let (shape, dtype, fill) = (schema.shape(), schema.dtype(), schema.fill_value());
    let chunk_shape = cells.chunk_shape().unwrap_or_else(|| shape.clone());
    let chunk_bytes = box_bytes(&chunk_shape, dtype.size());
    let whole = Hyperslab::full(&shape);
    let budget = WINDOW_BYTES.max(chunk_bytes);
    let windows = Windows::new(&whole, &chunk_shape, dtype.size(), budget);
    let mut count = 0;
    for slab in windows.iter() {
        let out = ArrayBuf::zeroed(dtype, &slab.shape())?;
        let read = cells.read_into(&store.engine, &slab, cells.fill(), out)?;
        count += empty::count(&read, fill);
    }
    let said = file.empty_cells.unwrap_or(0);
    Ok(match u64::try_from(said) {
        Ok(said) if said > count => Some(format!(
            "it says that {said} cells are empty, and {count} are: at its next clear Deker may drop all the others"
        )),
        _ => None,
    })
}
