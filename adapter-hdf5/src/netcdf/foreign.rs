//! Variables of files that other programs wrote.

use std::path::Path;
use std::sync::Arc;

use hdf5::{Dataset, File};
use hyperslab_core::{ArrayBuf, DType, Error, Hyperslab, Result, Scalar, byte_count};

use super::attribute::{ForeignAttributes, ForeignValue};
use super::blocks::blocks;
use super::cf::Packing;
use super::coordinate::{self, ForeignCoordinate, ForeignDimension};
use super::h5;
use super::listing::{list_variables, numbers};
use crate::file::{ArrayFile, VariableCells};

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Leave packed numbers as they are stored, with `scale_factor` and `add_offset` as attributes, instead of applying
    /// them.
    pub packed: bool,
}

/// A variable of numbers in a file of another program. The cells are read when asked for.
#[derive(Debug, Clone)]
pub struct ForeignArray {
    name: String,
    dataset: Dataset,
    /// Decodes chunks without the library, where that is possible.
    direct: Option<Arc<ArrayFile>>,
    stored: DType,
    packing: Packing,
    packed_attributes_kept: bool,
    shape: Vec<u64>,
    chunk_shape: Option<Vec<u64>>,
    dimensions: Vec<ForeignDimension>,
    auxiliary: Vec<ForeignCoordinate>,
    attributes: ForeignAttributes,
    globals: ForeignAttributes,
}

/// Opens variables by path: `t`, or `group/t`. Runs in the thread of the caller, as do all reads.
///
/// # Errors
/// As [`list_variables`]; `NotFound` for a name that no variable has; `Unsupported` for a variable that is not made of
/// numbers, naming what it is made of.
pub fn read(path: &Path, names: &[&str], options: ImportOptions) -> Result<Vec<ForeignArray>> {
    let file = h5::open(path)?;
    names
        .iter()
        .map(|name| ForeignArray::open(&file, path, name.trim_matches('/'), options))
        .collect()
}

impl ForeignArray {
    fn open(file: &File, path: &Path, name: &str, options: ImportOptions) -> Result<Self> {
        let place = format!("variable '{name}' of {}", path.display());
        let Ok(dataset) = file.dataset(name) else {
            let known: Vec<String> = list_variables(path)?
                .into_iter()
                .filter(|variable| variable.dtype.is_ok() && !variable.is_coordinate)
                .map(|variable| variable.name)
                .collect();
            return Err(Error::not_found(format!(
                "{} has no variable '{name}'; there are: {}",
                path.display(),
                known.join(", ")
            )));
        };
        let refuse = |what: &str| {
            Error::unsupported(format!(
                "{place} is {what}; only numbers and bools can be imported"
            ))
        };
        let stored = numbers(&dataset).map_err(|what| refuse(&what))?;
        let attributes = h5::attributes(&dataset, &place)?;
        let dimensions = coordinate::dimensions(file, &dataset, name, &attributes)?;
        let auxiliary = coordinate::auxiliary(file, name, &attributes, &dimensions)?;
        let sizes = |sizes: Vec<usize>| sizes.into_iter().map(|size| size as u64).collect();
        Ok(Self {
            packing: Packing::new(stored, &attributes.packing(), options.packed),
            packed_attributes_kept: options.packed,
            shape: sizes(dataset.shape()),
            chunk_shape: dataset.chunk().map(sizes),
            globals: globals(file, name)?,
            name: name.to_owned(),
            direct: direct(file, path, name, stored),
            dataset,
            stored,
            dimensions,
            auxiliary,
            attributes,
        })
    }

    /// The path in the file, without a leading slash.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of the cells that [`Self::read_block`] returns.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.packing.dtype()
    }

    /// The size along each dimension.
    #[must_use]
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The shape of a chunk in the file, or `None` when all cells lie in one piece.
    #[must_use]
    pub fn chunk_shape(&self) -> Option<&[u64]> {
        self.chunk_shape.as_deref()
    }

    /// The dimensions with their coordinates, slowest first.
    #[must_use]
    pub fn dimensions(&self) -> &[ForeignDimension] {
        &self.dimensions
    }

    /// Further coordinates that the attribute `coordinates` names: scalar ones with their value, others without.
    #[must_use]
    pub fn auxiliary(&self) -> &[ForeignCoordinate] {
        &self.auxiliary
    }

    /// The attributes of the variable, all of them.
    #[must_use]
    pub fn attributes(&self) -> &ForeignAttributes {
        &self.attributes
    }

    /// The attributes of the file and of the groups around the variable, inner ones first.
    #[must_use]
    pub fn globals(&self) -> &ForeignAttributes {
        &self.globals
    }

    /// What a missing cell is in the cells that [`Self::read_block`] returns, or `None` when the file does not say.
    #[must_use]
    pub fn fill_value(&self) -> Option<Scalar> {
        self.packing.fill_value()
    }

    /// How stored cells become the ones that are returned.
    #[must_use]
    pub fn packing(&self) -> &Packing {
        &self.packing
    }

    /// Whether packed numbers are left as they are stored.
    #[must_use]
    pub fn keeps_packed(&self) -> bool {
        self.packed_attributes_kept
    }

    /// Reads the cells of a hyperslab of [`Self::shape`], unpacked, missing ones as [`Self::fill_value`].
    ///
    /// # Errors
    /// `TooLarge` when the cells do not fit in memory, `Unsupported` when a filter is missing, `Corrupt` when the file is
    /// damaged.
    pub fn read_block(&self, slab: &Hyperslab) -> Result<ArrayBuf> {
        self.packing.decode(self.read_stored(slab)?)
    }

    fn read_stored(&self, slab: &Hyperslab) -> Result<ArrayBuf> {
        // Refuses a size that would overflow before the library is asked.
        byte_count(self.stored, &slab.shape())?;
        if let Some(direct) = &self.direct {
            let mut cells = ArrayBuf::zeroed(self.stored, &slab.shape())?;
            // No chunk is absent, so this is never seen.
            let fill = Scalar::default_fill(self.stored);
            if direct.read_into(slab, fill, &mut cells).is_ok() {
                return Ok(cells);
            }
            // The library knows chunks that look damaged here, or says what is wrong with them.
        }
        h5::read_slab(&self.dataset, self.stored, slab)
    }

    /// Blocks that together cover all cells once, each of at most `byte_budget` bytes where a chunk allows it, along
    /// chunk borders so that no chunk is decoded twice.
    #[must_use]
    pub fn blocks(&self, byte_budget: u64) -> Vec<Hyperslab> {
        blocks(
            &self.shape,
            self.chunk_shape.as_deref(),
            self.dtype().size().max(self.stored.size()) as u64,
            byte_budget,
        )
    }
}

/// The file for reading chunks without the library: those of numbers that need no conversion, all of them written, in a
/// file that begins at its first byte.
fn direct(file: &File, path: &Path, name: &str, stored: DType) -> Option<Arc<ArrayFile>> {
    let convertible = stored != DType::Bool && file.userblock() == 0;
    let opened = convertible.then(|| ArrayFile::open(path, name).ok())??;
    let variable = &opened.header().variable;
    let complete = match &variable.cells {
        VariableCells::Chunked { chunks, .. } => !chunks.iter().any(|chunk| chunk.is_absent()),
        _ => false,
    };
    (complete && variable.dtype == stored).then(|| Arc::new(opened))
}

/// The attributes of the groups around a variable and of the file; the innermost of a name wins.
fn globals(file: &File, name: &str) -> Result<ForeignAttributes> {
    let mut pairs: Vec<(String, ForeignValue)> = Vec::new();
    let mut group = name;
    while let Some((parent, _)) = group.rsplit_once('/') {
        let opened = file.group(parent).map_err(h5::failed("open", parent))?;
        add_missing(&mut pairs, &h5::attributes(&opened, parent)?);
        group = parent;
    }
    add_missing(&mut pairs, &h5::attributes(file, "the file")?);
    Ok(pairs.into_iter().collect())
}

fn add_missing(pairs: &mut Vec<(String, ForeignValue)>, attributes: &ForeignAttributes) {
    for (name, value) in attributes.iter() {
        if pairs.iter().all(|(known, _)| known != name) {
            pairs.push((name.to_owned(), value.clone()));
        }
    }
}
