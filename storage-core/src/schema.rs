//! The schema of a collection: what every one of its arrays looks like.

mod attributes;
mod dimension;
mod fit;
mod json;
mod tiles;

use std::collections::HashSet;

pub use dimension::Dimension;
pub use json::{Metadata, SCHEMA_VERSION};
use tiles::Tiling;

use crate::name::{check_identifier, check_named};
use crate::{
    AttributeSchema, AttributeType, Attributes, Coordinates, DType, Error, Result, Role, Scalar,
    TimeStart,
};

/// The most dimensions an array may have, the limit of HDF5.
pub const DIMENSION_COUNT_MAX: usize = 32;

/// Element type, fill value, dimensions in order and attributes of the arrays of a collection. Immutable and valid: a
/// [`Schema`] is made by [`SchemaBuilder`] or from JSON, and both check everything.
///
/// ```
/// use hyperslab_core::{AttributeSchema, AttributeType, DType, Dimension, Schema};
///
/// let schema = Schema::builder(DType::Float32)
///     .dimension(Dimension::scale("lat", 90, -89.0, 2.0, "degrees_north"))
///     .dimension(Dimension::scale("lon", 180, 21.0, 2.0, "degrees_east"))
///     .attribute(AttributeSchema::key("dt", AttributeType::DateTime))
///     .build()?;
/// assert_eq!(schema.shape(), [90, 180]);
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    dtype: DType,
    fill_value: Option<Scalar>,
    dimensions: Vec<Dimension>,
    attributes: Vec<AttributeSchema>,
    metadata: Metadata,
    tile_shape: Option<Vec<u64>>,
}

impl Schema {
    /// Starts a schema for cells of `dtype`.
    #[must_use]
    pub fn builder(dtype: DType) -> SchemaBuilder {
        SchemaBuilder {
            dtype,
            fill_value: None,
            dimensions: Vec::new(),
            attributes: Vec::new(),
            metadata: Metadata::new(),
            tiling: Tiling::default(),
        }
    }

    /// The element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// What a cell reads as before it is written.
    #[must_use]
    pub fn fill_value(&self) -> Scalar {
        self.fill_value
            .unwrap_or_else(|| Scalar::default_fill(self.dtype))
    }

    /// The fill value that was chosen, if one was. Only a chosen one is declared to other programs for integers, because
    /// many of them turn integers with a declared fill value into floats.
    #[must_use]
    pub fn declared_fill_value(&self) -> Option<Scalar> {
        self.fill_value
    }

    /// The dimensions, slowest first.
    #[must_use]
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// The attributes, in the order given.
    #[must_use]
    pub fn attributes(&self) -> &[AttributeSchema] {
        &self.attributes
    }

    /// Facts about the collection as a whole, for people: title, source, institution.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The key attributes, in order.
    pub fn key_attributes(&self) -> impl Iterator<Item = &AttributeSchema> + Clone {
        self.attributes
            .iter()
            .filter(|attribute| attribute.role == Role::Key)
    }

    /// The custom attributes, in order.
    pub fn custom_attributes(&self) -> impl Iterator<Item = &AttributeSchema> {
        self.attributes
            .iter()
            .filter(|attribute| attribute.role == Role::Custom)
    }

    /// The attribute of that name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&AttributeSchema> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }

    /// Refuses names that our own formats and the command line cannot carry.
    ///
    /// # Errors
    /// `InvalidInput` that names the rule broken.
    pub fn check_names(&self) -> Result<()> {
        for dimension in &self.dimensions {
            check_identifier("dimension", &dimension.name)?;
        }
        for attribute in &self.attributes {
            check_attribute_name("attribute", &attribute.name)?;
            check_no_dimension(attribute, &self.dimensions)?;
        }
        Ok(())
    }

    /// The size of each dimension.
    #[must_use]
    pub fn shape(&self) -> Vec<u64> {
        self.dimensions
            .iter()
            .map(|dimension| dimension.size)
            .collect()
    }

    /// The bytes that the cells of one array take in memory; the greatest number there is when it is more.
    #[must_use]
    pub fn array_bytes(&self) -> u64 {
        self.shape()
            .into_iter()
            .fold(self.dtype.size() as u64, u64::saturating_mul)
    }

    /// The position of the dimension of that name.
    ///
    /// # Errors
    /// `InvalidInput` that lists the dimensions there are.
    pub fn axis(&self, name: &str) -> Result<usize> {
        self.dimensions
            .iter()
            .position(|dimension| dimension.name == name)
            .ok_or_else(|| {
                let known: Vec<_> = self
                    .dimensions
                    .iter()
                    .map(|known| known.name.as_str())
                    .collect();
                Error::invalid(format!(
                    "there is no dimension '{name}'; there are: {}",
                    known.join(", ")
                ))
            })
    }

    /// The coordinates of one axis for an array with these attributes: `$attribute` starts are replaced by the value.
    ///
    /// # Errors
    /// `InvalidInput` when the attribute that starts a time scale is not set, or the scale leaves the range of times.
    pub fn coordinates(
        &self,
        axis: usize,
        attributes: &[&Attributes],
    ) -> Result<Option<Coordinates>> {
        let dimension = self
            .dimensions
            .get(axis)
            .ok_or_else(|| Error::invalid(format!("there is no axis {axis}")))?;
        let Some(Coordinates::TimeScale {
            start: TimeStart::Attribute(name),
            step,
        }) = &dimension.coordinates
        else {
            return Ok(dimension.coordinates.clone());
        };
        let value = attributes
            .iter()
            .find_map(|attributes| attributes.get(name));
        let Some(crate::AttributeValue::DateTime(start)) = value else {
            return Err(Error::invalid(format!(
                "dimension '{}' starts at attribute '{name}', which this array does not have; set it first",
                dimension.name
            )));
        };
        let fixed = Coordinates::TimeScale {
            start: TimeStart::Fixed(*start),
            step: *step,
        };
        fixed
            .check(dimension.size)
            .map_err(|error| error.context(format!("dimension '{}'", dimension.name)))?;
        Ok(Some(fixed))
    }
}

/// Builds a [`Schema`].
#[derive(Debug, Clone)]
pub struct SchemaBuilder {
    dtype: DType,
    fill_value: Option<Scalar>,
    dimensions: Vec<Dimension>,
    attributes: Vec<AttributeSchema>,
    metadata: Metadata,
    tiling: Tiling,
}

impl SchemaBuilder {
    /// Sets the fill value; without one it is [`Scalar::default_fill`].
    #[must_use]
    pub fn fill_value(mut self, fill_value: impl Into<Scalar>) -> Self {
        self.fill_value = Some(fill_value.into());
        self
    }

    /// Adds a dimension, the first one slowest.
    #[must_use]
    pub fn dimension(mut self, dimension: Dimension) -> Self {
        self.dimensions.push(dimension);
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, attribute: AttributeSchema) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// Sets the facts about the collection as a whole.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Checks everything and makes the schema.
    ///
    /// # Errors
    /// `InvalidInput` that names the field at fault.
    pub fn build(self) -> Result<Schema> {
        let schema = self.build_as_found()?;
        schema.check_names()?;
        Ok(schema)
    }

    /// The same for what another program has named: any name will do that is not empty. An adapter of our own formats refuses
    /// those that it cannot carry.
    ///
    /// # Errors
    /// As [`build`](Self::build), but for names.
    pub fn build_as_found(self) -> Result<Schema> {
        if let Some(fill_value) = self.fill_value
            && fill_value.dtype() != self.dtype
        {
            return Err(Error::invalid(format!(
                "fill_value is {}, the schema is {}; give a value of that type",
                fill_value.dtype(),
                self.dtype
            )));
        }
        check_dimensions(&self.dimensions, &self.attributes)?;
        check_attributes(&self.attributes)?;
        json::check_metadata(&self.metadata, "metadata", &[])?;
        if let Some((name, _)) = self
            .metadata
            .iter()
            .find(|(name, _)| self.attributes.iter().any(|known| known.name == **name))
        {
            return Err(Error::invalid(format!(
                "metadata '{name}' has the name of an attribute"
            )));
        }
        let tile_shape = self.tiling.resolve(&self.dimensions)?;
        Ok(Schema {
            dtype: self.dtype,
            fill_value: self.fill_value,
            dimensions: self.dimensions,
            attributes: self.attributes,
            metadata: self.metadata,
            tile_shape,
        })
    }
}

fn check_dimensions(dimensions: &[Dimension], attributes: &[AttributeSchema]) -> Result<()> {
    if dimensions.len() > DIMENSION_COUNT_MAX {
        return Err(Error::invalid(format!(
            "dimensions: at most {DIMENSION_COUNT_MAX} are possible, {} given",
            dimensions.len()
        )));
    }
    let mut seen = HashSet::new();
    for dimension in dimensions {
        if !seen.insert(&dimension.name) {
            return Err(Error::invalid(format!(
                "dimension '{}' is given twice",
                dimension.name
            )));
        }
        dimension.check()?;
        if let Some(Coordinates::TimeScale {
            start: TimeStart::Attribute(name),
            ..
        }) = &dimension.coordinates
        {
            let attribute = attributes.iter().find(|attribute| attribute.name == *name);
            if attribute.is_none_or(|attribute| attribute.kind != AttributeType::DateTime) {
                return Err(Error::invalid(format!(
                    "dimension '{}' starts at '${name}', but there is no datetime attribute '{name}'; add it to attributes",
                    dimension.name
                )));
            }
        }
    }
    Ok(())
}

/// Names that netCDF and HDF5 give a meaning of their own; an attribute of such a name would change what other tools
/// read.
const RESERVED: [&str; 17] = [
    "CLASS",
    "DIMENSION_LABELS",
    "DIMENSION_LIST",
    "NAME",
    "REFERENCE_LIST",
    "_FillValue",
    "_NCProperties",
    "_Netcdf4Coordinates",
    "_Netcdf4Dimid",
    "_Unsigned",
    "add_offset",
    "calendar",
    "coordinates",
    "dtype",
    "id",
    "missing_value",
    "scale_factor",
];

pub(crate) fn check_attribute_name(what: &str, name: &str) -> Result<()> {
    check_identifier(what, name)?;
    if RESERVED.contains(&name) {
        return Err(Error::invalid(format!(
            "{what} name '{name}' is reserved; choose another"
        )));
    }
    Ok(())
}

/// On the command line nobody could tell which of the two a name means.
fn check_no_dimension(attribute: &AttributeSchema, dimensions: &[Dimension]) -> Result<()> {
    let is_dimension = dimensions.iter().any(|known| known.name == attribute.name);
    if attribute.role == Role::Key && is_dimension {
        return Err(Error::invalid(format!(
            "key attribute '{}' has the name of a dimension; rename one of them",
            attribute.name
        )));
    }
    Ok(())
}

fn check_attributes(attributes: &[AttributeSchema]) -> Result<()> {
    let mut seen = HashSet::new();
    for attribute in attributes {
        check_named("attribute", &attribute.name)?;
        if !seen.insert(&attribute.name) {
            return Err(Error::invalid(format!(
                "attribute '{}' is given twice",
                attribute.name
            )));
        }
        if matches!(&attribute.kind, AttributeType::Tuple(parts) if parts.is_empty()) {
            return Err(Error::invalid(format!(
                "attribute '{}': a tuple needs a part",
                attribute.name
            )));
        }
    }
    Ok(())
}
