//! Faults of tiles.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use hyperslab_core::{ArrayMeta, Attributes, CheckLevel, FindingKind, Result};
use rayon::prelude::*;
use uuid::Uuid;

use super::arrays::look;
use super::links::{Wanted, compare};
use super::{Array, Checked, Found, Mend};
use crate::deker::folders::{Kind, spell_position};
use crate::deker::store::tiles::{array_of, grid_of, number_of, position_of, tile_meta, tiles_of};
use crate::deker::store::{Known, walk};

/// Opens all tiles, and compares them with the arrays there are.
pub(super) fn faults(checked: &mut Checked<'_>, arrays: &[Array]) -> Result<()> {
    let (store, known, level) = (checked.store, checked.known, checked.level);
    let layout = tiles_of(known)?;
    let ids = files(checked)?;
    let looked: Vec<_> = ids
        .par_iter()
        .map(|&id| look(store, known, layout, id, level))
        .collect();
    let documents: HashSet<Uuid> = store.ids(known)?.into_iter().collect();
    let counts = grid_of(known)?.counts().to_vec();
    let mut places: HashMap<String, Uuid> = HashMap::new();
    let (mut wanted, mut deleted) = (Vec::new(), BTreeSet::new());
    let mut mistimed = BTreeMap::new();
    let by_id: HashMap<Uuid, &ArrayMeta> = arrays.iter().map(|(id, meta)| (*id, meta)).collect();
    for (tile, found) in looked {
        checked.found.extend(found);
        let Some((id, meta)) = tile else { continue };
        let array = array_of(&meta).filter(|array| !documents.contains(array));
        if let Some(array) = array.filter(|array| store.is_deleted(*array)) {
            deleted.insert(array);
            continue;
        }
        match place(&meta, &documents, &counts) {
            Ok(parts) => {
                if let Some(other) = places.insert(parts.join("/"), id) {
                    let message = format!(
                        "the tiles {id} and {other} are both at {} of array {}; which of them is read is chance",
                        parts[1], parts[0]
                    );
                    let (level, kind) = (CheckLevel::Arrays, FindingKind::Corrupt);
                    checked
                        .found
                        .push(Found::new(level, kind, id.to_string(), message));
                }
                if level >= CheckLevel::Data
                    && let Some(wrong) = times(known, &by_id, &meta)?
                {
                    let tiles: &mut Vec<Mistimed> = mistimed.entry(wrong.array).or_default();
                    tiles.push(wrong);
                }
                wanted.push(Wanted { id, parts });
            }
            Err(message) => checked.found.push(fault(id, message)),
        }
    }
    checked
        .found
        .extend(deleted.into_iter().map(deletion_fault));
    let faults = mistimed.iter();
    let faults = faults.filter_map(|(array, tiles)| mistimed_fault(*array, tiles));
    checked.found.extend(faults);
    if level >= CheckLevel::Layout {
        compare(checked, Kind::Array, &wanted)?;
    }
    Ok(())
}

/// An array of which only tiles are left.
fn deletion_fault(array: Uuid) -> Found {
    let (level, kind) = (CheckLevel::Arrays, FindingKind::Leftover);
    let message =
        "the deletion of this array was interrupted, and left tiles; a repair removes them";
    let found = Found::new(level, kind, array.to_string(), message);
    found.mended_by(Mend::Delete(array))
}

/// A tile that does not say the time at which it starts.
struct Mistimed {
    array: Uuid,
    tile: Uuid,
    /// What it says, and what is right.
    says: Attributes,
    right: Attributes,
}

/// What is wrong with the times at which a tile says that it starts.
fn times(
    known: &Known,
    arrays: &HashMap<Uuid, &ArrayMeta>,
    tile: &ArrayMeta,
) -> Result<Option<Mistimed>> {
    let array = array_of(tile).and_then(|id| arrays.get(&id).copied());
    let Some(array) = array.filter(|_| !tile.custom.is_empty()) else {
        return Ok(None);
    };
    let right = tile_meta(known, array, (tile.id, number_of(known, tile)?))?;
    // A start for which there is no room, or beyond which there is no time, says nothing of the tile.
    let mut names = tile.custom.iter().map(|(name, _)| name);
    let is_known = names.all(|name| right.custom.get(name).is_some());
    Ok((is_known && right.custom != tile.custom).then(|| Mistimed {
        array: array.id,
        tile: tile.id,
        says: tile.custom.clone(),
        right: right.custom,
    }))
}

/// One fault for all such tiles of an array: Deker makes every tile but the first so.
fn mistimed_fault(array: Uuid, tiles: &[Mistimed]) -> Option<Found> {
    let Mistimed {
        tile, says, right, ..
    } = tiles.first()?;
    let count = match tiles.len() {
        1 => "1 tile".to_owned(),
        count => format!("{count} tiles"),
    };
    let message = format!(
        "{count} with a wrong start: {tile} says {says}, and it is {right}; Deker writes it so, and reads it only where tiles are \
         looked at by themselves"
    );
    let (level, kind) = (CheckLevel::Data, FindingKind::SchemaDisagrees);
    let found = Found::new(level, kind, array.to_string(), message);
    let files = tiles.iter().map(|wrong| wrong.tile).collect();
    Some(found.mended_by(Mend::Rewrite { files, array }))
}

fn fault(id: Uuid, message: String) -> Found {
    let (level, kind) = (CheckLevel::Arrays, FindingKind::Stray);
    Found::new(level, kind, id.to_string(), message)
}

/// The ids of all tiles.
fn files(checked: &Checked<'_>) -> Result<Vec<Uuid>> {
    let folders = &checked.known.folders;
    let mut ids = Vec::new();
    let mut found = |id: Uuid, _: &[String], path: PathBuf| {
        if folders.file(Kind::Array, id) == path {
            ids.push(id);
        }
    };
    walk(
        Kind::Array,
        &folders.data(Kind::Array),
        &mut Vec::new(),
        &mut found,
    )?;
    Ok(ids)
}

/// The folders that lead to a tile, or why nothing does.
fn place(
    meta: &ArrayMeta,
    arrays: &HashSet<Uuid>,
    counts: &[u64],
) -> std::result::Result<Vec<String>, String> {
    let Some(array) = array_of(meta) else {
        return Err("the tile does not say to which array it belongs".to_owned());
    };
    if !arrays.contains(&array) {
        return Err(format!("it is a tile of array {array}, which is not there"));
    }
    let position = position_of(meta);
    let fits = |position: &Vec<u64>| {
        position.len() == counts.len() && position.iter().zip(counts).all(|(at, count)| at < count)
    };
    match position.filter(fits) {
        Some(position) => Ok(vec![array.to_string(), spell_position(&position)]),
        None => Err(format!(
            "it is a tile of array {array}, and lies outside of its {counts:?} tiles"
        )),
    }
}
