//! What a tile says of itself: its array, its place, and where its times start.

use hyperslab_core::{
    ArrayMeta, AttributeValue, Attributes, Coordinates, Error, Result, TimeStart, TimeStep,
};
use uuid::Uuid;

use crate::chunk::ChunkGrid;
use crate::deker::schema::{Layout, PARENT, POSITION, VID};
use crate::deker::store::Known;

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

/// The array to which a tile says that it belongs.
pub(in crate::deker) fn array_of(tile: &ArrayMeta) -> Option<Uuid> {
    match tile.key.get(VID) {
        Some(AttributeValue::Text(text)) => Uuid::parse_str(text).ok(),
        _ => None,
    }
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
