//! What an array file holds, without any label or schema: axes, variables, attributes.

use std::fmt::Debug;

use hyperslab_cf::{AxisContent, NamedAttribute};
use hyperslab_core::{DType, Error, Result, Scalar};

use super::metadata::{StoredCells, metadata};
use crate::chunk::CodecChain;

/// A box of the cells of a variable that lies in another file, as all cells of a variable there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TilePart {
    /// The file, relative to the folder of this one.
    pub(crate) file: String,
    /// The variable in it.
    pub(crate) variable: String,
    /// The first cell along each axis.
    pub(crate) start: Vec<u64>,
    /// The number of cells along each axis.
    pub(crate) shape: Vec<u64>,
}

/// How the cells of a variable lie in the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum VariableStorage {
    /// All cells in C order in one place, uncoded.
    Whole,
    /// The same, but behind the metadata, for cells that may be many. Such a file has no footer.
    Contiguous,
    /// In chunks, each coded by itself.
    Chunked {
        /// Cells along each axis; none is zero.
        chunk_shape: Vec<u64>,
        /// What a chunk goes through.
        codecs: CodecChain,
    },
    /// In other files, which need not be there.
    Tiles(Vec<TilePart>),
}

/// What an image is made of, as far as its writer has to know.
pub(crate) trait ImageContent: Debug + Sync {
    /// Refuses what would make a file that contradicts itself.
    fn check(&self) -> Result<()>;

    /// The variables.
    fn variables(&self) -> &[VariableContent];

    /// The shape of one of them.
    fn shape(&self, variable: &VariableContent) -> Vec<u64>;

    /// The bytes in front of all chunks, for a file that ends at `end`. Their number does not depend on where anything lies.
    fn metadata(&self, cells: &[StoredCells], end: u64) -> Result<Vec<u8>>;

    /// Whether a footer vouches for every byte.
    fn has_footer(&self) -> bool;
}

/// A variable of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VariableContent {
    /// The name, different from that of every axis.
    pub(crate) name: String,
    /// The element type. `bool` is stored as `uint8` with the attribute `dtype = "bool"`.
    pub(crate) dtype: DType,
    /// The axes, slowest first, as positions in [`FileContent::axes`].
    pub(crate) axes: Vec<usize>,
    /// What a cell that was never written reads as.
    pub(crate) fill: Scalar,
    /// Whether other programs are told the fill value of integers; that of floats they always are.
    pub(crate) declares_fill: bool,
    /// Attributes, without those that say the same as the other fields (`_FillValue`, `dtype`).
    pub(crate) attributes: Vec<NamedAttribute>,
    /// How the cells are stored.
    pub(crate) storage: VariableStorage,
}

/// Everything in an array file but the cells of its variables.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct FileContent {
    /// Attributes of the file as a whole.
    pub(crate) attributes: Vec<NamedAttribute>,
    /// The dimensions.
    pub(crate) axes: Vec<AxisContent>,
    /// The variables.
    pub(crate) variables: Vec<VariableContent>,
}

impl ImageContent for FileContent {
    fn shape(&self, variable: &VariableContent) -> Vec<u64> {
        let axes = variable.axes.iter();
        axes.filter_map(|&axis| self.axes.get(axis))
            .map(|axis| axis.size)
            .collect()
    }

    fn variables(&self) -> &[VariableContent] {
        &self.variables
    }

    fn metadata(&self, cells: &[StoredCells], end: u64) -> Result<Vec<u8>> {
        metadata(self, cells, end)
    }

    fn has_footer(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        let mut names: Vec<&str> = self.axes.iter().map(|axis| axis.name.as_str()).collect();
        names.extend(self.variables.iter().map(|variable| variable.name.as_str()));
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::invalid(format!(
                "'{}' would name two things in one file; rename one of them",
                twice[0]
            )));
        }
        if let Some(bad) = names.iter().find(|name| {
            name.is_empty() || name.len() > 255 || name.contains(['/', '\0']) || **name == "."
        }) {
            return Err(Error::invalid(format!(
                "{bad:?} cannot name a variable in a file"
            )));
        }
        for axis in &self.axes {
            let count = axis.coordinate.as_ref().map(|found| found.values.len());
            if count.is_some_and(|count| count as u64 != axis.size) {
                return Err(Error::invalid(format!(
                    "axis '{}' has {} positions and another number of coordinates",
                    axis.name, axis.size
                )));
            }
        }
        self.variables
            .iter()
            .try_for_each(|variable| self.check_variable(variable))
    }
}

impl FileContent {
    fn check_variable(&self, variable: &VariableContent) -> Result<()> {
        let known = variable.axes.iter().all(|&axis| axis < self.axes.len());
        let chunked = match &variable.storage {
            VariableStorage::Whole => true,
            VariableStorage::Contiguous => false,
            VariableStorage::Tiles(parts) => parts.iter().all(|part| {
                let rank = variable.axes.len();
                part.start.len() == rank && part.shape.len() == rank
            }),
            VariableStorage::Chunked { chunk_shape, .. } => {
                !chunk_shape.is_empty()
                    && chunk_shape.len() == variable.axes.len()
                    && chunk_shape.iter().all(|&length| length > 0)
            }
        };
        if known && chunked && variable.fill.dtype() == variable.dtype {
            return Ok(());
        }
        Err(Error::internal(format!(
            "variable '{}' contradicts itself: {variable:?}",
            variable.name
        )))
    }
}
