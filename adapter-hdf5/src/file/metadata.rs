//! The metadata of an image: everything but the chunks, in one piece at the start of the file.
//!
//! Sizes depend on the content alone, never on addresses. So the first pass, with no address known, tells where
//! everything will lie, and the second one writes it.

use hyperslab_cf::{AttributeContent, CoordinateCells, NamedAttribute};
use hyperslab_core::{DType, Error, Result, Scalar};

use super::content::{FileContent, ImageContent, VariableContent, VariableStorage};
use super::datatype::{self, TEXT_REFERENCE_SIZE};
use super::header::{self, ObjectHeader, UNDEFINED};
use super::heap::Heap;
use super::index::{ChunkLocation, IndexShape};
use super::{mapping, scales, superblock};

/// The longest text that stands in an attribute itself; a message of HDF5 ends at 64 KiB.
const EXACT_TEXT_BYTES_MAX: usize = 32 << 10;

/// What a variable's cells are in this image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StoredCells {
    /// In the metadata itself.
    Inline(Vec<u8>),
    /// In chunks, by number.
    Chunks(Vec<ChunkLocation>),
    /// In other files.
    Elsewhere,
}

/// Where each part of the metadata lies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Addresses {
    root: u64,
    types: Vec<u64>,
    axes: Vec<u64>,
    axis_cells: Vec<u64>,
    variables: Vec<u64>,
    variable_cells: Vec<u64>,
    heap: u64,
    end: u64,
}

/// The metadata of an image of `content`; `end` is the end of the HDF5 file.
pub(super) fn metadata(content: &FileContent, cells: &[StoredCells], end: u64) -> Result<Vec<u8>> {
    let guess = Addresses {
        axes: vec![0; content.axes.len()],
        axis_cells: vec![0; content.axes.len()],
        variables: vec![0; content.variables.len()],
        variable_cells: vec![0; content.variables.len()],
        types: vec![0; named_types(content).len()],
        ..Addresses::default()
    };
    let (_, known) = Pass::run(content, cells, &guess, end)?;
    let (bytes, again) = Pass::run(content, cells, &known, end)?;
    if again == known {
        Ok(bytes)
    } else {
        Err(Error::internal(
            "the metadata of a file moved while it was built",
        ))
    }
}

/// Types that a file must name, because netCDF knows compound types by name only.
fn named_types(content: &FileContent) -> Vec<(String, DType)> {
    let mut types: Vec<(String, DType)> = Vec::new();
    for variable in &content.variables {
        let dtype = variable.dtype;
        if dtype.is_complex() && types.iter().all(|(_, known)| *known != dtype) {
            let mut name = format!("_{dtype}");
            while content.axes.iter().any(|axis| axis.name == name)
                || content.variables.iter().any(|known| known.name == name)
            {
                name.push('_');
            }
            types.push((name, dtype));
        }
    }
    types
}

struct Pass<'a> {
    content: &'a FileContent,
    known: &'a Addresses,
    found: Addresses,
    bytes: Vec<u8>,
    heap: Heap,
}

impl<'a> Pass<'a> {
    fn run(
        content: &'a FileContent,
        cells: &[StoredCells],
        known: &'a Addresses,
        end: u64,
    ) -> Result<(Vec<u8>, Addresses)> {
        let mut pass = Self {
            content,
            known,
            found: Addresses::default(),
            bytes: vec![0; superblock::SIZE],
            heap: Heap::new(known.heap),
        };
        pass.found.root = pass.root()?;
        for (_, dtype) in named_types(content) {
            let address = pass.named_type(dtype)?;
            pass.found.types.push(address);
        }
        for axis in 0..content.axes.len() {
            let address = pass.axis(axis)?;
            pass.found.axes.push(address);
        }
        for (number, (variable, cells)) in content.variables.iter().zip(cells).enumerate() {
            let address = pass.variable(number, variable, cells)?;
            pass.found.variables.push(address);
        }
        for axis in &content.axes {
            let values = axis
                .coordinate
                .as_ref()
                .map(|coordinate| &coordinate.values);
            let address = pass.axis_cells(values);
            pass.found.axis_cells.push(address);
        }
        for (variable, cells) in content.variables.iter().zip(cells) {
            let address = pass.variable_cells(variable, cells);
            pass.found.variable_cells.push(address);
        }
        let Self {
            mut found,
            mut bytes,
            heap,
            ..
        } = pass;
        found.heap = place(&mut bytes, &heap.finish());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        found.end = bytes.len() as u64;
        let block = superblock::superblock(known.root, end);
        bytes[..superblock::SIZE].copy_from_slice(&block);
        Ok((bytes, found))
    }

    fn root(&mut self) -> Result<u64> {
        let content = self.content;
        let mut root = ObjectHeader::new(content.attributes.len())?;
        let types = named_types(content);
        let named = types.iter().map(|(name, _)| name.as_str());
        let axes = content.axes.iter().map(|axis| axis.name.as_str());
        let variables = content.variables.iter().map(|known| known.name.as_str());
        let addresses = (self.known.types.iter())
            .chain(&self.known.axes)
            .chain(&self.known.variables);
        let names: Vec<&str> = named.chain(axes).chain(variables).collect();
        root.message(header::LINK_INFO, 0, &header::link_info(names.len() as u64))?;
        root.message(header::GROUP_INFO, header::CONSTANT, &header::group_info())?;
        for (order, (name, &address)) in names.iter().zip(addresses).enumerate() {
            root.message(header::LINK, 0, &header::link(name, order as u64, address))?;
        }
        self.attributes(&mut root, &content.attributes)?;
        Ok(place(&mut self.bytes, &root.finish()?))
    }

    fn named_type(&mut self, dtype: DType) -> Result<u64> {
        let mut object = ObjectHeader::new(0)?;
        object.message(header::DATATYPE, header::CONSTANT, &datatype::number(dtype))?;
        Ok(place(&mut self.bytes, &object.finish()?))
    }

    fn axis(&mut self, number: usize) -> Result<u64> {
        let axis = &self.content.axes[number];
        let (datatype, cell_size, attributes): (_, _, &[NamedAttribute]) = match &axis.coordinate {
            None => (datatype::placeholder(), 4, &[]),
            Some(coordinate) => match &coordinate.values {
                CoordinateCells::Numbers(cells) => (
                    datatype::number(cells.dtype()),
                    cells.dtype().size(),
                    &coordinate.attributes,
                ),
                CoordinateCells::Texts(_) => (
                    datatype::text(),
                    TEXT_REFERENCE_SIZE,
                    &coordinate.attributes,
                ),
            },
        };
        let stored = if axis.coordinate.is_some() {
            axis.size
        } else {
            0
        };
        let layout =
            header::contiguous_layout(self.known.axis_cells[number], stored * cell_size as u64);
        let mut object = ObjectHeader::new(attributes.len() + scales::SCALE_ATTRIBUTE_COUNT)?;
        object.message(header::DATASPACE, 0, &header::dataspace(&[axis.size]))?;
        object.message(header::DATATYPE, header::CONSTANT, &datatype)?;
        object.message(header::FILL_VALUE, 0, &header::fill_value(false, None))?;
        object.message(header::LAYOUT, 0, &layout)?;
        scales::scale_attributes(&mut object, self.content, number, &self.known.variables)?;
        self.attributes(&mut object, attributes)
            .map_err(|error| error.context(format!("coordinate '{}'", axis.name)))?;
        Ok(place(&mut self.bytes, &object.finish()?))
    }

    fn variable(
        &mut self,
        number: usize,
        variable: &VariableContent,
        cells: &StoredCells,
    ) -> Result<u64> {
        let shape = self.content.shape(variable);
        let datatype = datatype::number(variable.dtype);
        let fill = variable.fill.to_bytes();
        let address = self.known.variable_cells[number];
        let mut object = ObjectHeader::new(variable.attributes.len() + 2)?;
        object.message(header::DATASPACE, 0, &header::dataspace(&shape))?;
        object.message(header::DATATYPE, header::CONSTANT, &datatype)?;
        let chunked = !matches!(cells, StoredCells::Inline(_));
        object.message(
            header::FILL_VALUE,
            0,
            &header::fill_value(chunked, Some(&fill)),
        )?;
        match (cells, &variable.storage) {
            (StoredCells::Inline(bytes), _) => {
                let layout = header::contiguous_layout(address, bytes.len() as u64);
                object.message(header::LAYOUT, 0, &layout)?;
            }
            (
                StoredCells::Chunks(chunks),
                VariableStorage::Chunked {
                    chunk_shape,
                    codecs,
                },
            ) => {
                let index = index_shape(variable, &shape, chunk_shape);
                object.message(header::LAYOUT, 0, &index.layout(address, chunks))?;
                if !codecs.codecs().is_empty() {
                    object.message(header::FILTERS, 0, &header::filters(codecs))?;
                }
            }
            (StoredCells::Elsewhere, VariableStorage::Tiles(parts)) => {
                let place = self.heap.insert(&mapping::mapping(parts), 0);
                object.message(header::LAYOUT, 0, &mapping::layout(place))?;
            }
            _ => return Err(Error::internal("cells given for an array that has none")),
        }
        scales::dimension_list(
            &mut object,
            &mut self.heap,
            &variable.axes,
            &self.known.axes,
        )?;
        if variable.dtype == DType::Bool {
            let marked = [(
                "dtype".to_owned(),
                AttributeContent::Text("bool".to_owned()),
            )];
            self.attributes(&mut object, &marked)?;
        } else if declares_fill(variable) {
            object.attribute("_FillValue", &datatype, &header::dataspace(&[1]), &fill)?;
        }
        self.attributes(&mut object, &variable.attributes)?;
        Ok(place(&mut self.bytes, &object.finish()?))
    }

    fn attributes(
        &mut self,
        object: &mut ObjectHeader,
        attributes: &[NamedAttribute],
    ) -> Result<()> {
        for (name, value) in attributes {
            match value {
                // Older netCDF programs read text of this kind only.
                AttributeContent::Text(text)
                    if (1..=EXACT_TEXT_BYTES_MAX).contains(&text.len()) =>
                {
                    let datatype = datatype::exact_text(u32::try_from(text.len()).unwrap_or(0));
                    object.attribute(name, &datatype, &header::dataspace(&[]), text.as_bytes())?;
                }
                AttributeContent::Text(text) => {
                    let data = self.heap.insert_text(text);
                    object.attribute(name, &datatype::text(), &header::dataspace(&[]), &data)?;
                }
                AttributeContent::Texts(texts) => {
                    let data: Vec<u8> = texts
                        .iter()
                        .flat_map(|text| self.heap.insert_text(text))
                        .collect();
                    let space = header::dataspace(&[texts.len() as u64]);
                    object.attribute(name, &datatype::text(), &space, &data)?;
                }
                AttributeContent::Numbers(cells) => {
                    let space = header::dataspace(cells.shape());
                    let datatype = datatype::number(cells.dtype());
                    object.attribute(name, &datatype, &space, cells.bytes())?;
                }
            }
        }
        Ok(())
    }

    fn axis_cells(&mut self, values: Option<&CoordinateCells>) -> u64 {
        match values {
            None => UNDEFINED,
            Some(CoordinateCells::Numbers(cells)) => place(&mut self.bytes, cells.bytes()),
            Some(CoordinateCells::Texts(texts)) => {
                let references: Vec<u8> = texts
                    .iter()
                    .flat_map(|text| self.heap.insert_text(text))
                    .collect();
                place(&mut self.bytes, &references)
            }
        }
    }

    fn variable_cells(&mut self, variable: &VariableContent, cells: &StoredCells) -> u64 {
        match (cells, &variable.storage) {
            (StoredCells::Inline(bytes), _) => place(&mut self.bytes, bytes),
            (StoredCells::Chunks(chunks), VariableStorage::Chunked { chunk_shape, .. }) => {
                let shape = self.content.shape(variable);
                let address = self.bytes.len().next_multiple_of(8) as u64;
                let index = index_shape(variable, &shape, chunk_shape).index(address, chunks);
                place(&mut self.bytes, &index)
            }
            _ => UNDEFINED,
        }
    }
}

/// Whether the fill value, which is part of the variable anyway, stands in an attribute as well.
fn declares_fill(variable: &VariableContent) -> bool {
    match variable.dtype {
        // netCDF takes an attribute of these types for text, and crashes.
        DType::Float16 | DType::Complex64 | DType::Complex128 => false,
        DType::Float32 | DType::Float64 => true,
        // xarray turns integers that have a fill value into floats, which lose digits.
        _ => variable.declares_fill,
    }
}

pub(super) fn index_shape<'a>(
    variable: &'a VariableContent,
    shape: &'a [u64],
    chunk_shape: &'a [u64],
) -> IndexShape<'a> {
    let filtered = match &variable.storage {
        VariableStorage::Chunked { codecs, .. } => !codecs.codecs().is_empty(),
        VariableStorage::Whole | VariableStorage::Contiguous | VariableStorage::Tiles(_) => false,
    };
    IndexShape {
        shape,
        chunk_shape,
        cell_size: variable.dtype.size() as u64,
        filtered,
    }
}

/// Appends a part at the next multiple of 8 and returns its address.
pub(super) fn place(bytes: &mut Vec<u8>, part: &[u8]) -> u64 {
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let address = bytes.len() as u64;
    bytes.extend_from_slice(part);
    address
}

/// The bytes of cells that are all `fill`.
pub(super) fn filled(fill: Scalar, cell_count: u64) -> Result<Vec<u8>> {
    let cell = fill.to_bytes();
    let count = usize::try_from(cell_count)
        .map_err(|_| Error::too_large(format!("{cell_count} cells do not fit in memory")))?;
    Ok(cell.repeat(count))
}
