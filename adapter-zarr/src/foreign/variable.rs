//! A Zarr array of another program as a variable.

use std::sync::Arc;

use hyperslab_cf::foreign::{ForeignAttributes, ForeignVariable, NamedDimension, VariableInfo};
use hyperslab_core::{ArrayBuf, Begun, DType, Error, Hyperslab, Result, Scalar};
use hyperslab_engine::quick;
use serde_json::Value;
use zarrs::array::{
    Array, ArrayBytes, ArrayCreateError, ArrayMetadata, ArrayMetadataV2, ArrayMetadataV3,
};

use super::attributes::{self, DIMENSIONS};
use super::cells::ForeignCells;
use super::nodes::{Kind, Node, Nodes};
use crate::chunks::Part;

/// The most texts that are read at once; damaged metadata may tell of any number.
const TEXT_COUNT_MAX: usize = 1 << 24;

/// The most coordinates of one dimension, which are held in memory.
const COORDINATE_COUNT_MAX: u64 = 1 << 28;

/// An array, opened for reading.
#[derive(Debug)]
pub(super) struct ZarrVariable {
    nodes: Arc<Nodes>,
    /// The path in the group.
    path: String,
    array: Array<()>,
    cells: ForeignCells,
    dtype: std::result::Result<DType, String>,
    dimension_names: Vec<String>,
    attributes: ForeignAttributes,
}

impl ZarrVariable {
    pub(super) fn new(nodes: &Arc<Nodes>, path: &str, node: &Node) -> Result<Self> {
        let what = format!("variable '{path}' of {}", nodes.location());
        let metadata = metadata(node).map_err(|error| error.context(&what))?;
        let place = format!("/{}", nodes.place(path));
        let array = Array::new_with_metadata(Arc::new(()), &place, metadata)
            .map_err(|error| refused(error).context(&what))?;
        let dtype = dtype(&array);
        let number = dtype.as_ref().ok().copied();
        let cells = ForeignCells::new(&array, &node.metadata, number, nodes.means())
            .map_err(|error| error.context(&what))?;
        let dimension_names = dimension_names(&array, node);
        let is_coordinate = is_coordinate(path, &dimension_names);
        let fill = number.and_then(|dtype| fill_mark(&array, node, dtype, is_coordinate));
        Ok(Self {
            nodes: Arc::clone(nodes),
            path: path.to_owned(),
            attributes: attributes::of_variable(&node.attributes, number, fill),
            array,
            cells,
            dtype,
            dimension_names,
        })
    }

    pub(super) fn info(&self) -> VariableInfo {
        let names = self.dimension_names.iter().cloned();
        VariableInfo {
            name: self.path.clone(),
            dimensions: names.zip(self.array.shape().iter().copied()).collect(),
            dtype: self.dtype.clone(),
            is_coordinate: is_coordinate(&self.path, &self.dimension_names),
        }
    }

    fn what(&self) -> String {
        format!("variable '{}' of {}", self.path, self.nodes.location())
    }

    /// The coordinate variable of a dimension, in the group of this one or in those around it.
    fn coordinate(&self, name: &str, size: u64) -> Result<Option<Arc<dyn ForeignVariable>>> {
        let mut inner = self.path.as_str();
        while !name.is_empty() && !name.contains('/') {
            let parent = inner.rsplit_once('/').map(|(parent, _)| parent);
            let path = parent.map_or_else(|| name.to_owned(), |parent| format!("{parent}/{name}"));
            if let Some(node) = self.nodes.get(&path)?
                && node.kind == Kind::Array
            {
                let variable = Self::new(&self.nodes, &path, &node)?;
                let fits = variable.shape() == [size];
                if fits && size > COORDINATE_COUNT_MAX {
                    return Err(Error::too_large(format!(
                        "{} has {size} coordinates; at most {COORDINATE_COUNT_MAX} are read",
                        variable.what()
                    )));
                }
                return Ok(fits.then(|| -> Arc<dyn ForeignVariable> { Arc::new(variable) }));
            }
            match parent {
                Some(parent) => inner = parent,
                None => break,
            }
        }
        Ok(None)
    }

    /// The texts of all chunks, in the order of the array.
    fn all_texts(
        &self,
        decode: fn(ArrayBytes<'_>, usize) -> Option<Vec<String>>,
    ) -> Result<Vec<String>> {
        let count: u64 = self.shape().iter().product();
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > TEXT_COUNT_MAX {
            return Err(Error::too_large(format!(
                "{} has {count} texts; at most {TEXT_COUNT_MAX} are read",
                self.what()
            )));
        }
        let length = self.array.data_type().fixed_size().unwrap_or_default();
        let fill = self.array.fill_value().as_ne_bytes();
        let fill = if length == 0 {
            String::from_utf8(fill.to_vec()).ok()
        } else {
            fixed_text(fill)
        };
        let mut texts = vec![fill.unwrap_or_default(); count];
        let place = |part: Part, cells: Option<ArrayBytes<'static>>| {
            let Some(cells) = cells else { return Ok(()) };
            let found = decode(cells, length).ok_or_else(|| Error::corrupt("a text is damaged"))?;
            // Counted in texts: a cell is taken to be one byte.
            let grid = self.cells.layout().chunks();
            let start = grid.copy_of(&part.piece, self.shape(), 1).in_slab;
            for (text, found) in texts.iter_mut().skip(start).zip(found) {
                *text = found;
            }
            Ok(())
        };
        let decoded = self.nodes.runtime().block_on(self.cells.decode_all(place));
        decoded.map_err(|error| error.context(self.what()))?;
        Ok(texts)
    }
}

impl ForeignVariable for ZarrVariable {
    fn dtype(&self) -> std::result::Result<DType, String> {
        self.dtype.clone()
    }

    fn shape(&self) -> &[u64] {
        self.array.shape()
    }

    fn chunk_shape(&self) -> Option<Vec<u64>> {
        let shape = self.cells.layout().chunks().chunk_shape();
        (!shape.is_empty()).then(|| shape.to_vec())
    }

    fn dimensions(&self) -> Result<Vec<NamedDimension>> {
        let named = self.dimension_names.iter().zip(self.shape());
        named
            .map(|(name, &size)| {
                Ok(NamedDimension {
                    name: name.clone(),
                    coordinate: self.coordinate(name, size)?,
                })
            })
            .collect()
    }

    fn attributes(&self) -> &ForeignAttributes {
        &self.attributes
    }

    fn texts(&self) -> Option<Result<Vec<String>>> {
        let decode = match self.array.data_type().name_v3()?.as_ref() {
            "string" => variable_texts,
            "fixed_length_utf32" => fixed_texts,
            _ => return None,
        };
        (self.shape().len() == 1).then(|| self.all_texts(decode))
    }

    fn read_into(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf> {
        self.dtype()
            .map_err(|what| Error::unsupported(format!("{} is {what}", self.what())))?;
        let read = self.cells.read_into(slab, out, self.nodes.runtime());
        read.map_err(|error| error.context(self.what()))
    }

    fn begin_read(self: Arc<Self>, slab: &Hyperslab, out: ArrayBuf) -> Result<Begun<ArrayBuf>> {
        let is_small = quick::is_small(out.bytes().len());
        let disk = self.cells.at_hand().filter(|_| is_small);
        let (Some(disk), Ok(_)) = (disk, &self.dtype) else {
            let slab = slab.clone();
            return Ok(Begun::nothing(move || self.read_into(&slab, out)));
        };
        let begun = self.cells.begin_read(disk, slab, out);
        Begun::map_err(begun, move |error| error.context(self.what()))
    }
}

/// The metadata of an array in the terms of the codecs.
fn metadata(node: &Node) -> Result<ArrayMetadata> {
    let mut json = Value::Object(node.metadata.clone());
    let damaged = |error: serde_json::Error| {
        Error::corrupt(format!("the metadata are damaged: {error}")).with_source(error)
    };
    if node.metadata.get("zarr_format") == Some(&Value::from(2)) {
        if json["dtype"].is_array() {
            return Err(Error::unsupported(
                "the cells are records; only numbers are read",
            ));
        }
        if json["fill_value"].is_null() {
            json["fill_value"] = substitute(json["dtype"].as_str().unwrap_or_default());
        }
        let metadata: ArrayMetadataV2 = serde_json::from_value(json).map_err(damaged)?;
        if metadata.shape.len() != metadata.chunks.len() {
            return Err(Error::corrupt(
                "the metadata are damaged: shape and chunks have different lengths",
            ));
        }
        return Ok(metadata.into());
    }
    let metadata: ArrayMetadataV3 = serde_json::from_value(json).map_err(damaged)?;
    for (name, field) in &metadata.additional_fields {
        if field.must_understand() {
            return Err(Error::unsupported(format!(
                "the metadata have the field '{name}', which must be understood and is not known"
            )));
        }
    }
    Ok(metadata.into())
}

/// What stands for a fill value that is not there, where the codecs want to have one: for texts of one length, and for
/// complex numbers.
fn substitute(dtype: &str) -> Value {
    match dtype.trim_start_matches(['<', '>', '|']).get(..1) {
        Some("U") => Value::from(""),
        Some("c") => Value::from([0.0, 0.0].to_vec()),
        _ => Value::Null,
    }
}

/// Why an array cannot be opened: by the name of what is not known, or as damage.
fn refused(error: ArrayCreateError) -> Error {
    use ArrayCreateError as Refused;
    let text = error.to_string();
    match error {
        Refused::AdditionalFieldUnsupportedError(_)
        | Refused::DataTypeCreateError(_)
        | Refused::CodecsCreateError(_)
        | Refused::StorageTransformersCreateError(_)
        | Refused::ChunkGridCreateError(_)
        | Refused::ChunkKeyEncodingCreateError(_)
        | Refused::UnsupportedZarrV2Array(_) => Error::unsupported(text),
        _ => Error::corrupt(text),
    }
}

/// The element type, or what else the cells are.
fn dtype(array: &Array<()>) -> std::result::Result<DType, String> {
    let name = array.data_type().name_v3();
    let name = name.as_deref().unwrap_or("unknown");
    if let Ok(dtype) = name.parse() {
        return Ok(dtype);
    }
    Err(match name {
        "string" | "fixed_length_utf32" => "made of text".to_owned(),
        "numpy.datetime64" | "numpy.timedelta64" => {
            format!("made of times of NumPy ({name}), not of numbers with a unit")
        }
        other => format!("of the data type '{other}'"),
    })
}

fn dimension_names(array: &Array<()>, node: &Node) -> Vec<String> {
    let named = |axis: usize| -> Option<String> {
        let own = array.dimension_names().as_ref();
        if let Some(name) = own.and_then(|names| names.get(axis)?.clone()) {
            return Some(name);
        }
        let names = node.attributes.get(DIMENSIONS)?.as_array()?;
        Some(names.get(axis)?.as_str()?.to_owned())
    };
    (0..array.dimensionality())
        .map(|axis| named(axis).unwrap_or_else(|| format!("dim_{axis}")))
        .collect()
}

fn is_coordinate(path: &str, dimension_names: &[String]) -> bool {
    let last = path.rsplit('/').next().unwrap_or(path);
    matches!(dimension_names, [only] if only == last)
}

/// The fill value of version 2, which xarray takes for the mark of missing cells; that of version 3 is only what a chunk that
/// is not stored reads as. A coordinate misses nothing, and many have a fill value of 0 that nobody asked for.
fn fill_mark(array: &Array<()>, node: &Node, dtype: DType, is_coordinate: bool) -> Option<Scalar> {
    let is_v2 = matches!(array.metadata(), ArrayMetadata::V2(_));
    let has_fill = (node.metadata.get("fill_value")).is_some_and(|fill| !fill.is_null());
    if !is_v2 || !has_fill || is_coordinate || dtype == DType::Bool {
        return None;
    }
    Scalar::from_bytes(dtype, array.fill_value().as_ne_bytes()).ok()
}

fn variable_texts(bytes: ArrayBytes<'_>, _: usize) -> Option<Vec<String>> {
    let (bytes, offsets) = bytes.into_variable().ok()?.into_parts();
    let pairs = offsets.windows(2);
    pairs
        .map(|pair| {
            let text = bytes.get(pair[0]..pair[1])?;
            String::from_utf8(text.to_vec()).ok()
        })
        .collect()
}

/// Texts of one length in UTF-32 of this machine's byte order, filled up with zeros.
fn fixed_texts(bytes: ArrayBytes<'_>, length: usize) -> Option<Vec<String>> {
    let bytes = bytes.into_fixed().ok()?;
    let texts = bytes.chunks_exact(length.max(1));
    texts.map(fixed_text).collect()
}

fn fixed_text(cell: &[u8]) -> Option<String> {
    let letters = cell.chunks_exact(4).map(|letter| {
        let code = letter.try_into().ok().map(u32::from_ne_bytes)?;
        char::from_u32(code)
    });
    let text: String = letters.collect::<Option<_>>()?;
    Some(text.trim_end_matches('\0').to_owned())
}
