//! The tiles of arrays: a folder of files for each array, beside its own file.

mod change;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyperslab_cf::{AttributeContent, NamedAttribute};
use hyperslab_core::{Attributes, CollectionMeta, Error, Result, stem as stem_of};
use uuid::Uuid;

pub(crate) use self::change::NewTiles;
use super::{EXTENSION, Folders, Opened, Store};
use crate::cf;
use crate::chunk::ChunkGrid;
use crate::file::{ArrayFile, PROVENANCE, TilePart, VariableCells, VariableStorage};
use crate::moves::{Moves, View};

/// The folder of all tiles of a collection.
pub(crate) const TILES: &str = "tiles";
/// The record of moves in the folder of the tiles of an array.
pub(crate) const RECORD: &str = "moves.json";

/// What stands before the place of a tile in [`PROVENANCE`].
const PLACE: &str = "version=2,hyperslab_tile=";

/// The most tiles of an array: the file of the array names each of them.
pub(crate) const TILE_COUNT_MAX: u64 = 10_000;

/// The tiles of one array, which need not have any.
#[derive(Debug, Clone)]
pub(crate) struct Tiles {
    pub(crate) folder: PathBuf,
    pub(crate) grid: ChunkGrid,
    pub(crate) moves: Moves,
    id: Uuid,
    variable: String,
}

/// The name of the folder of the tiles of an array. The id is in it, so that an array never has tiles of one that was deleted.
fn folder_name(stem: &str, id: Uuid) -> String {
    if stem == stem_of(&Attributes::new(), id) {
        return stem.to_owned();
    }
    format!("{stem}.{id}")
}

/// The place of a tile: its position along each axis.
fn place_of(grid: &ChunkGrid, number: u64) -> String {
    let position = grid.position(number);
    let position: Vec<String> = position.iter().map(u64::to_string).collect();
    position.join(".")
}

/// The name of the file of a tile, which is its place.
pub(crate) fn tile_name(grid: &ChunkGrid, number: u64) -> String {
    format!("{}{EXTENSION}", place_of(grid, number))
}

/// The number of the tile whose file has that name.
pub(crate) fn tile_number(grid: &ChunkGrid, name: &str) -> Option<u64> {
    let position = name.strip_suffix(EXTENSION)?.split('.');
    let position: Option<Vec<u64>> = position.map(|along| along.parse().ok()).collect();
    let lengths = grid.chunk_shape().iter();
    let offset: Option<Vec<u64>> = (position?.iter().zip(lengths))
        .map(|(along, length)| along.checked_mul(*length))
        .collect();
    let number = grid.chunk_at(&offset?)?;
    (tile_name(grid, number) == name).then_some(number)
}

impl Folders {
    /// The folder of all tiles.
    pub(crate) fn tiles(&self) -> PathBuf {
        self.root().join(TILES)
    }

    /// The folder of the tiles of one array.
    pub(crate) fn tiles_of(&self, stem: &str, id: Uuid) -> PathBuf {
        self.tiles().join(folder_name(stem, id))
    }
}

impl Opened {
    /// The tiles of an array, if arrays of the collection have them.
    pub(crate) fn tiles(&self, stem: &str, id: Uuid) -> Option<Tiles> {
        let grid = self.grid.clone()?;
        Some(Tiles::new(&self.folders, grid, &self.variable, (stem, id)))
    }

    /// How the cells of an array are stored in its own file.
    pub(crate) fn storage(
        &self,
        collection: &CollectionMeta,
        stem: &str,
        id: Uuid,
    ) -> VariableStorage {
        let schema = &collection.schema;
        match &self.grid {
            Some(grid) if grid.chunk_count() > 0 => {
                let folder = folder_name(stem, id);
                let part = |number| TilePart {
                    file: format!("../{TILES}/{folder}/{}", tile_name(grid, number)),
                    variable: self.variable.clone(),
                    start: start_of(grid, number),
                    shape: grid.shape_of(number),
                };
                VariableStorage::Tiles((0..grid.chunk_count()).map(part).collect())
            }
            _ => self.plan.storage(&schema.shape(), schema.dtype()),
        }
    }
}

/// The first cell of a tile.
fn start_of(grid: &ChunkGrid, number: u64) -> Vec<u64> {
    let position = grid.position(number);
    let lengths = position.iter().zip(grid.chunk_shape());
    lengths.map(|(along, length)| along * length).collect()
}

impl Tiles {
    /// The tiles of an array.
    pub(crate) fn new(
        folders: &Folders,
        grid: ChunkGrid,
        variable: &str,
        (stem, id): (&str, Uuid),
    ) -> Self {
        let folder = folders.tiles_of(stem, id);
        Self {
            moves: Moves::new(&folder, folder.join(RECORD)),
            folder,
            grid,
            id,
            variable: variable.to_owned(),
        }
    }

    /// The file of a tile.
    pub(crate) fn path(&self, number: u64) -> PathBuf {
        self.folder.join(tile_name(&self.grid, number))
    }

    /// Opens a tile; `None` when it was never written.
    ///
    /// # Errors
    /// `Corrupt` for a file that is no tile of this array.
    pub(crate) fn open(
        &self,
        store: &Store,
        collection: &CollectionMeta,
        number: u64,
        view: &View,
    ) -> Result<Option<Arc<ArrayFile>>> {
        let open = |path: &Path| store.cache.open(path, &self.variable);
        let Some(file) = view.open(&self.path(number), open)? else {
            return Ok(None);
        };
        match self.disagreement(collection, number, &file) {
            None => Ok(Some(file)),
            Some(why) => Err(Error::corrupt(format!(
                "{}: {why}; run `check`",
                file.path().display()
            ))),
        }
    }

    /// Why a file is not the tile of that number.
    pub(crate) fn disagreement(
        &self,
        collection: &CollectionMeta,
        number: u64,
        file: &ArrayFile,
    ) -> Option<String> {
        let (schema, header) = (&collection.schema, file.header());
        if header.variable.cells == VariableCells::Elsewhere {
            return Some(file.names_others().to_string());
        }
        let shape = self.grid.shape_of(number);
        if header.variable.shape != shape {
            return Some(format!(
                "its shape is {:?}, and that of the tile {shape:?}",
                header.variable.shape
            ));
        }
        let said = |wanted: &str| {
            let mut attributes = header.attributes.iter();
            let (_, value) = attributes.find(|(name, _)| name == wanted)?;
            value.as_text()
        };
        let id = said("id").and_then(|id| Uuid::parse_str(id).ok());
        if id != Some(self.id) {
            return Some("it is a tile of another array".to_owned());
        }
        // One that another program has made may not say it.
        let place = said(PROVENANCE).and_then(|properties| properties.strip_prefix(PLACE));
        place
            .filter(|place| *place != place_of(&self.grid, number))
            .map(|place| format!("it is the tile at {place}"))
            .or_else(|| cf::part_disagreement(schema, header))
    }

    /// How a tile says its place: where netCDF keeps who made a file, which none of its users sees, so that tiles can be put
    /// together whose attributes are the same.
    pub(super) fn provenance(&self, number: u64) -> NamedAttribute {
        let properties = format!("{PLACE}{}", place_of(&self.grid, number));
        (PROVENANCE.to_owned(), AttributeContent::text(properties))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tile_has_its_name_and_no_other() {
        let grid = ChunkGrid::new(&[25, 9], &[10, 9]);
        assert_eq!(tile_name(&grid, 2), "2.0.nc");
        for number in 0..3 {
            assert_eq!(tile_number(&grid, &tile_name(&grid, number)), Some(number));
        }
        for name in [
            "3.0.nc", "02.0.nc", "2.nc", "2.0.0.nc", "2.0", "a.b.nc", "+2.0.nc", "",
        ] {
            assert_eq!(tile_number(&grid, name), None, "{name}");
        }
    }
}
