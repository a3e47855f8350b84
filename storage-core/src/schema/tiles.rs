//! Tiles: the parts of an array that are stored, and written, each by itself.

use super::{Dimension, Schema, SchemaBuilder};
use crate::chunk::ChunkGrid;
use crate::{Error, Result};

/// What a builder was told of tiles.
#[derive(Debug, Clone, Default)]
pub(super) struct Tiling {
    shape: Option<Vec<u64>>,
    counts: Option<Vec<u64>>,
}

impl Schema {
    /// The shape of one tile, if the arrays are tiled: each tile is stored by itself when something is written into it first.
    /// One length for each dimension, from 1 to its size; the last tile along a dimension may be cut off.
    #[must_use]
    pub fn tile_shape(&self) -> Option<&[u64]> {
        self.tile_shape.as_deref()
    }

    /// The grid of the tiles, if the arrays are tiled.
    #[must_use]
    pub fn tile_grid(&self) -> Option<ChunkGrid> {
        let tile_shape = self.tile_shape()?;
        Some(ChunkGrid::new(&self.shape(), tile_shape))
    }

    /// A builder of the same schema, to make one that differs a little.
    #[must_use]
    pub fn to_builder(&self) -> SchemaBuilder {
        SchemaBuilder {
            dtype: self.dtype,
            fill_value: self.fill_value,
            dimensions: self.dimensions.clone(),
            attributes: self.attributes.clone(),
            metadata: self.metadata.clone(),
            tiling: Tiling {
                shape: self.tile_shape.clone(),
                counts: None,
            },
        }
    }
}

impl SchemaBuilder {
    /// Makes the arrays tiled, in tiles of this shape: one length for each dimension, at least 1. It need not divide the size,
    /// and one longer than the dimension is as long as that.
    ///
    /// ```
    /// use hyperslab_core::{DType, Dimension, Schema};
    ///
    /// let schema = Schema::builder(DType::Float32)
    ///     .dimension(Dimension::new("y", 100))
    ///     .dimension(Dimension::new("x", 90))
    ///     .tile_shape([50, 40])
    ///     .build()?;
    /// assert_eq!(schema.tile_grid().map(|grid| grid.chunk_count()), Some(6));
    /// # Ok::<(), hyperslab_core::Error>(())
    /// ```
    #[must_use]
    pub fn tile_shape(mut self, shape: impl Into<Vec<u64>>) -> Self {
        self.tiling.shape = Some(shape.into());
        self
    }

    /// Takes back what was said of tiles.
    #[must_use]
    pub fn without_tiles(mut self) -> Self {
        self.tiling = Tiling::default();
        self
    }

    /// Makes the arrays tiled, in so many equal tiles along each dimension; each number divides the size without a rest.
    ///
    /// ```
    /// use hyperslab_core::{DType, Dimension, Schema};
    ///
    /// let schema = Schema::builder(DType::Float32)
    ///     .dimension(Dimension::new("y", 100))
    ///     .dimension(Dimension::new("x", 90))
    ///     .tile_counts([2, 3])
    ///     .build()?;
    /// assert_eq!(schema.tile_shape(), Some(&[50, 30][..]));
    /// # Ok::<(), hyperslab_core::Error>(())
    /// ```
    #[must_use]
    pub fn tile_counts(mut self, counts: impl Into<Vec<u64>>) -> Self {
        self.tiling.counts = Some(counts.into());
        self
    }
}

impl Tiling {
    /// The shape of a tile of an array of these dimensions.
    ///
    /// # Errors
    /// `InvalidInput` that names the dimension at fault.
    pub(super) fn resolve(self, dimensions: &[Dimension]) -> Result<Option<Vec<u64>>> {
        match (self.shape, self.counts) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(Error::invalid(
                "tile_shape and tile_counts are both given; give one of them",
            )),
            (Some(shape), None) => {
                check("tile_shape", &shape, dimensions)?;
                let lengths = shape.iter().zip(dimensions);
                let within = |(length, known): (&u64, &Dimension)| *length.min(&known.size.max(1));
                Ok(Some(lengths.map(within).collect()))
            }
            (None, Some(counts)) => {
                check("tile_counts", &counts, dimensions)?;
                let pairs = counts.iter().zip(dimensions);
                let lengths = pairs.map(|(&count, dimension)| part(dimension, count));
                lengths.collect::<Result<_>>().map(Some)
            }
        }
    }
}

/// Makes sure that there is one number, at least 1, for each dimension.
fn check(what: &str, numbers: &[u64], dimensions: &[Dimension]) -> Result<()> {
    if dimensions.is_empty() {
        return Err(Error::invalid(format!(
            "{what}: an array without dimensions is one cell, and has no tiles"
        )));
    }
    if numbers.len() != dimensions.len() {
        return Err(Error::invalid(format!(
            "{what}: {} numbers given for {} dimensions; give one for each",
            numbers.len(),
            dimensions.len()
        )));
    }
    match numbers.iter().zip(dimensions).find(|pair| *pair.0 == 0) {
        Some((_, dimension)) => Err(Error::invalid(format!(
            "{what}: 0 along dimension '{}'; give at least 1",
            dimension.name
        ))),
        None => Ok(()),
    }
}

/// The length of one of `count` equal parts of a dimension.
fn part(dimension: &Dimension, count: u64) -> Result<u64> {
    let size = dimension.size;
    if size.is_multiple_of(count) {
        // No tile has no length, also along a dimension that has none.
        return Ok((size / count).max(1));
    }
    Err(Error::invalid(format!(
        "tile_counts: dimension '{}' is not {count} equal parts: {size} % {count} = {}; give a divisor, or a tile_shape",
        dimension.name,
        size % count
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, ErrorKind};

    fn builder(sizes: &[u64]) -> SchemaBuilder {
        let named = sizes.iter().zip(["y", "x", "z"]);
        named.fold(Schema::builder(DType::Int16), |builder, (&size, name)| {
            builder.dimension(Dimension::new(name, size))
        })
    }

    fn refused(builder: SchemaBuilder) -> String {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.to_string()
    }

    #[test]
    fn tiles_are_given_by_their_shape_or_by_their_number() {
        let shape = |builder: SchemaBuilder| builder.build().unwrap().tile_shape.unwrap();
        assert_eq!(shape(builder(&[10, 9]).tile_shape([4, 9])), [4, 9]);
        assert_eq!(shape(builder(&[10, 9]).tile_shape([40, 1])), [10, 1]);
        assert_eq!(shape(builder(&[10, 9]).tile_counts([5, 1])), [2, 9]);
        assert_eq!(shape(builder(&[0, 9]).tile_counts([2, 3])), [1, 3]);
        assert_eq!(shape(builder(&[0]).tile_shape([7])), [1]);
        assert_eq!(builder(&[10]).build().unwrap().tile_shape(), None);
        let tiled = builder(&[10, 9]).tile_shape([4, 9]).build().unwrap();
        assert_eq!(tiled.to_builder().build().unwrap(), tiled);
    }

    #[test]
    fn what_are_no_tiles_is_refused_with_the_dimension() {
        let why = refused(builder(&[10, 9]).tile_counts([5, 4]));
        assert!(why.contains("'x'") && why.contains("9 % 4 = 1"), "{why}");
        let why = refused(builder(&[10, 9]).tile_shape([5, 0]));
        assert!(why.contains("'x'"), "{why}");
        let why = refused(builder(&[10, 9]).tile_counts([0, 1]));
        assert!(why.contains("'y'"), "{why}");
        refused(builder(&[10, 9]).tile_shape([5]));
        refused(builder(&[10]).tile_counts([5, 1]));
        refused(builder(&[10]).tile_counts([5]).tile_shape([2]));
        refused(builder(&[]).tile_shape([]));
    }

    #[test]
    fn only_a_tiled_schema_needs_a_newer_program() {
        let plain = builder(&[10]).build().unwrap();
        let tiled = builder(&[10]).tile_shape([4]).build().unwrap();
        let (old, new) = (plain.to_json(), tiled.to_json());
        assert!(old.contains("\"version\": 1") && !old.contains("tile"));
        assert!(new.contains("\"version\": 2"));
        assert_eq!(Schema::from_json(&old).unwrap(), plain);
        assert_eq!(Schema::from_json(&new).unwrap(), tiled);
        let wrong = new.replace("\"version\": 2", "\"version\": 1");
        let error = Schema::from_json(&wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let later = new.replace("\"version\": 2", "\"version\": 3");
        let error = Schema::from_json(&later).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
