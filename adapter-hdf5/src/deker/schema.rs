//! What Deker says of a collection, as a schema, and the other way round.

mod dimension;

use hyperslab_core::{
    ArrayBuf, AttributeSchema, CollectionMeta, Coordinates, DType, Dimension, Error, ErrorKind,
    Result, Role, Scalar, Schema, TimeStart,
};
use num_complex::Complex64;
use serde_json::{Map, Value, json};

use super::storage::{self, Storage};
use super::types::{self, AttributeForm};
use super::{json, text};

/// The newest version of the document that is known, and the one that is written.
const VERSION: (u32, u32) = (0, 2);

/// The attribute of a tile that names its array.
pub(super) const VID: &str = "vid";

/// The attribute of a tile that names its place, as numbers of tiles.
pub(super) const POSITION: &str = "v_position";

/// What stands before the name of an attribute of the array that starts a time scale: with it, it is the start of the tile.
pub(super) const PARENT: &str = "parent.";

/// An attribute of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) role: Role,
    /// Which of several spellings its values have.
    pub(super) form: AttributeForm,
}

/// A collection as its document describes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) schema: Schema,
    pub(super) attributes: Vec<Attribute>,
    pub(super) storage: Storage,
    /// Why the options of the collection cannot be used as they stand, if they cannot.
    pub(super) complaint: Option<String>,
}

impl Layout {
    /// Whether its arrays are made of tiles, each with a file of its own.
    pub(super) fn is_virtual(&self) -> bool {
        self.schema.tile_shape().is_some()
    }

    /// Cells that were never written.
    pub(super) fn filled(&self, mut cells: ArrayBuf) -> ArrayBuf {
        hyperslab_core::fill_cells(cells.bytes_mut(), &self.schema.fill_value().to_bytes());
        cells
    }

    /// What each tile is, as Deker keeps it in a file: its attributes are those of its place.
    ///
    /// # Errors
    /// `Internal` for a collection without tiles.
    pub(super) fn of_tiles(&self) -> Result<Self> {
        let tile_shape = self.schema.tile_shape();
        let tile_shape = tile_shape.ok_or_else(|| Error::internal("a collection without tiles"))?;
        let mut builder = Schema::builder(self.schema.dtype()).fill_value(self.schema.fill_value());
        let attribute = |name: &str, role, form: AttributeForm| Attribute {
            name: name.to_owned(),
            role,
            form,
        };
        let mut attributes = vec![
            attribute(VID, Role::Key, AttributeForm::Text),
            attribute(POSITION, Role::Key, AttributeForm::Tuple),
        ];
        for (dimension, &size) in self.schema.dimensions().iter().zip(tile_shape) {
            builder = builder.dimension(Dimension::new(&dimension.name, size));
            if let Some(Coordinates::TimeScale {
                start: TimeStart::Attribute(name),
                ..
            }) = &dimension.coordinates
            {
                let name = format!("{PARENT}{name}");
                if attributes.iter().all(|known| known.name != name) {
                    attributes.push(attribute(&name, Role::Custom, AttributeForm::DateTime));
                }
            }
        }
        for attribute in &attributes {
            builder = builder.attribute(AttributeSchema {
                name: attribute.name.clone(),
                kind: attribute.form.kind(),
                role: attribute.role,
            });
        }
        Ok(Self {
            schema: builder.build_as_found()?,
            attributes,
            storage: self.storage.clone(),
            complaint: None,
        })
    }

    /// Reads a document.
    ///
    /// # Errors
    /// `Unsupported` for a newer version and for a type for which there is no room, `Corrupt` for what makes no sense.
    pub(super) fn from_document(document: &str) -> Result<Self> {
        let value = json::parse(document)?;
        check_version(&value)?;
        let schema = value
            .get("schema")
            .ok_or_else(|| Error::corrupt("it has no schema"))?;
        let dtype = types::dtype_of(text_of(schema, "dtype")?)?;
        let mut builder = Schema::builder(dtype);
        if let Some(fill) = fill_value(dtype, schema.get("fill_value"))? {
            builder = builder.fill_value(fill);
        }
        for value in list_of(schema, "dimensions")? {
            builder = builder.dimension(dimension::decode(value)?);
        }
        let mut attributes = Vec::new();
        for value in schema
            .get("attributes")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let attribute = attribute(value)?;
            builder = builder.attribute(AttributeSchema {
                name: attribute.name.clone(),
                kind: attribute.form.kind(),
                role: attribute.role,
            });
            attributes.push(attribute);
        }
        match value.get("type").and_then(Value::as_str) {
            Some("array") => {}
            Some("varray") => builder = builder.tile_counts(counts(schema)?),
            _ => return Err(unknown_type(&value, "array nor varray")),
        }
        let schema = builder.build_as_found().map_err(as_corrupt)?;
        let options = value.get("options").unwrap_or(&Value::Null);
        let shape = schema
            .tile_shape()
            .map_or_else(|| schema.shape(), <[u64]>::to_vec);
        Ok(Self {
            storage: Storage::from_deker(options),
            complaint: storage::complaint(options, &shape),
            schema,
            attributes,
        })
    }

    /// What a new collection is to be.
    ///
    /// # Errors
    /// `Unsupported` for what Deker does not have, `InvalidInput` for options that make no sense.
    pub(super) fn of_collection(collection: &CollectionMeta) -> Result<Self> {
        let schema = &collection.schema;
        types::name_of(schema.dtype())?;
        if schema.dimensions().is_empty() {
            return Err(Error::unsupported(
                "Deker has no arrays without dimensions; give it one of size 1",
            ));
        }
        if let Some(tiles) = schema.tile_shape() {
            let mut pairs = tiles.iter().zip(schema.dimensions());
            if let Some((tile, dimension)) =
                pairs.find(|(tile, dimension)| dimension.size % **tile != 0)
            {
                return Err(Error::unsupported(format!(
                    "dimension '{}': Deker has no tiles that are cut off, and {} cells are not a multiple of {tile}",
                    dimension.name, dimension.size
                )));
            }
        }
        if let Some(taken) = schema.attribute(POSITION) {
            return Err(Error::unsupported(format!(
                "attribute '{}': Deker calls the place of a tile so, and fails at another attribute of that name; choose another",
                taken.name
            )));
        }
        let attributes = schema.attributes().iter().map(|attribute| {
            let name = AttributeForm::name_of(&attribute.kind)
                .map_err(|error| error.context(format!("attribute '{}'", attribute.name)))?;
            Ok(Attribute {
                name: attribute.name.clone(),
                role: attribute.role,
                form: AttributeForm::parse(name)?,
            })
        });
        let shape = schema
            .tile_shape()
            .map_or_else(|| schema.shape(), <[u64]>::to_vec);
        let layout = Self {
            schema: schema.clone(),
            attributes: attributes.collect::<Result<_>>()?,
            storage: Storage::from_options(&collection.storage, &shape)?,
            complaint: None,
        };
        for dimension in schema.dimensions() {
            dimension::encode(dimension)?;
        }
        Ok(layout)
    }

    /// The document of a collection of that name.
    ///
    /// # Errors
    /// As [`of_collection`](Self::of_collection), which makes only layouts that have one.
    pub(super) fn to_document(&self, name: &str) -> Result<String> {
        let schema = &self.schema;
        let dimensions: Vec<Value> = (schema.dimensions().iter())
            .map(dimension::encode)
            .collect::<Result<_>>()?;
        let attributes: Vec<Value> = (schema.attributes().iter())
            .map(|attribute| {
                Ok(json!({
                    "name": attribute.name,
                    "dtype": AttributeForm::name_of(&attribute.kind)?,
                    "primary": attribute.role == Role::Key,
                }))
            })
            .collect::<Result<_>>()?;
        let mut body = Map::new();
        body.insert("dimensions".to_owned(), dimensions.into());
        body.insert("dtype".to_owned(), types::name_of(schema.dtype())?.into());
        body.insert("attributes".to_owned(), attributes.into());
        body.insert("fill_value".to_owned(), fill_text(schema.fill_value()));
        if let Some(grid) = schema.tile_grid() {
            body.insert("vgrid".to_owned(), grid.counts().into());
        }
        let kind = if self.is_virtual() { "varray" } else { "array" };
        let document = json!({
            "name": name,
            "type": kind,
            "schema": body,
            "options": self.storage.to_deker(),
            "storage_adapter": "HDF5StorageAdapter",
            "metadata_version": format!("{}.{}", VERSION.0, VERSION.1),
        });
        Ok(json::to_text(&document))
    }
}

fn as_corrupt(error: Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidInput => Error::corrupt(error.to_string()).with_source(error),
        _ => error,
    }
}

fn check_version(document: &Value) -> Result<()> {
    let text = text_of(document, "metadata_version")?;
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let numbers = major.parse::<u32>().ok().zip(minor.parse::<u32>().ok());
    let version = numbers.filter(|_| text.starts_with(|first: char| first.is_ascii_digit()));
    match version {
        // By number: as text, 0.10 would come before 0.2.
        Some(version) if version <= VERSION => Ok(()),
        Some(_) => Err(Error::unsupported(format!(
            "its version is {text}, and this program reads up to {}.{}; update hyperslab",
            VERSION.0, VERSION.1
        ))),
        None => Err(Error::corrupt(format!("'{text}' is no version"))),
    }
}

fn attribute(value: &Value) -> Result<Attribute> {
    let name = text_of(value, "name")?.to_owned();
    let form = AttributeForm::parse(text_of(value, "dtype")?)
        .map_err(|error| error.context(format!("attribute '{name}'")))?;
    let role = match value.get("primary").and_then(Value::as_bool) {
        Some(true) => Role::Key,
        _ => Role::Custom,
    };
    Ok(Attribute { name, role, form })
}

fn counts(schema: &Value) -> Result<Vec<u64>> {
    let counts = schema.get("vgrid").and_then(Value::as_array);
    let counts = counts.and_then(|counts| counts.iter().map(Value::as_u64).collect());
    counts.ok_or_else(|| Error::corrupt("vgrid is no list of numbers of tiles"))
}

pub(super) fn text_of<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    let text = value.get(field).and_then(Value::as_str);
    text.ok_or_else(|| Error::corrupt(format!("the field '{field}' is missing, or no text")))
}

/// What a field `type` says, if it is none of those that there are.
fn unknown_type(value: &Value, known: &str) -> Error {
    match value.get("type") {
        Some(found) => Error::corrupt(format!("the type is {found}, neither {known}")),
        None => Error::corrupt(format!("the type is missing; it is neither {known}")),
    }
}

fn list_of<'a>(value: &'a Value, field: &str) -> Result<&'a Vec<Value>> {
    let list = value.get(field).and_then(Value::as_array);
    list.ok_or_else(|| Error::corrupt(format!("the field '{field}' is missing, or no list")))
}

/// The fill value: `None` is that of Deker, which is also ours for floats, and must be said of all others.
fn fill_value(dtype: DType, value: Option<&Value>) -> Result<Option<Scalar>> {
    let misfit = || {
        let value = value.unwrap_or(&Value::Null);
        Error::corrupt(format!("the fill value {value} is not of type {dtype}"))
    };
    let text = match value {
        None | Some(Value::Null) if dtype.is_complex() => "(nan+0j)".to_owned(),
        None | Some(Value::Null) if dtype.is_inexact() => return Ok(None),
        None | Some(Value::Null) => return lowest(dtype).map(Some).ok_or_else(misfit),
        Some(Value::String(text)) => text.clone(),
        Some(other) => match json::number(other) {
            Some(number) if !other.is_i64() && !other.is_u64() => text::float(number, 64),
            _ => other.to_string(),
        },
    };
    let scalar = if dtype.is_complex() {
        text::parse_complex(&text).and_then(|value| complex(dtype, value))
    } else if dtype.is_inexact() {
        text::parse_float(&text).and_then(|value| Scalar::from_f64(dtype, value))
    } else if dtype == DType::UInt64 {
        text.parse().ok().map(Scalar::UInt64)
    } else {
        let number = text.parse().ok();
        number.and_then(|number| Scalar::from_int(dtype, number))
    };
    scalar.map(Some).ok_or_else(misfit)
}

/// The fill value of whole numbers where none is given.
fn lowest(dtype: DType) -> Option<Scalar> {
    Some(match dtype {
        DType::Int8 => Scalar::Int8(i8::MIN),
        DType::Int16 => Scalar::Int16(i16::MIN),
        DType::Int32 => Scalar::Int32(i32::MIN),
        DType::Int64 => Scalar::Int64(i64::MIN),
        other => Scalar::from_int(other, 0)?,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the parts were written as floats of that width"
)]
fn complex(dtype: DType, value: Complex64) -> Option<Scalar> {
    match dtype {
        DType::Complex64 => Some(Scalar::Complex64(num_complex::Complex32::new(
            value.re as f32,
            value.im as f32,
        ))),
        DType::Complex128 => Some(Scalar::Complex128(value)),
        _ => None,
    }
}

/// The fill value as Deker writes it.
fn fill_text(fill: Scalar) -> Value {
    let float = |value: f64, bits: u32| match value.is_nan() {
        true => Value::Null,
        false => text::float(value, bits).into(),
    };
    let pair = |value: Complex64, bits: u32| match value.re.is_nan() && value.im == 0.0 {
        true => Value::Null,
        false => text::complex(value, bits).into(),
    };
    match fill {
        Scalar::Float16(value) => float(value.to_f64(), 16),
        Scalar::Float32(value) => float(value.into(), 32),
        Scalar::Float64(value) => float(value, 64),
        Scalar::Complex64(value) => pair(Complex64::new(value.re.into(), value.im.into()), 32),
        Scalar::Complex128(value) => pair(value, 64),
        whole => whole.to_json().to_string().into(),
    }
}

#[cfg(test)]
mod tests;
