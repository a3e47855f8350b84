//! What importing needs of a format.

use std::fmt::Debug;
use std::sync::Arc;

use hyperslab_core::{ArrayBuf, Begun, DType, Hyperslab, ReadStats, Result};

use super::ForeignAttributes;

/// A variable in a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableInfo {
    /// The path in the group, without a leading slash: `t`, or `group/t`.
    pub name: String,
    /// Names and sizes of the dimensions, slowest first.
    pub dimensions: Vec<(String, u64)>,
    /// The element type as stored, or why the variable cannot be imported.
    pub dtype: std::result::Result<DType, String>,
    /// Whether it is the coordinate variable of a dimension.
    pub is_coordinate: bool,
}

/// A group of variables that another program wrote, with the groups inside it, opened for reading.
///
/// Paths have no leading slash, and `""` is the group itself. Attributes are those that the conventions know
/// (`_FillValue`, `scale_factor`, `units`) and those of the user, without what the format keeps for itself.
pub trait ForeignGroup: Debug + Send + Sync {
    /// What reading has cost so far, of all who read through the same engine.
    fn read_stats(&self) -> ReadStats;

    /// Where it lies, for messages: a path or a URL without secrets.
    fn location(&self) -> String;

    /// All variables, in the order of the group where it has one; groups follow the variables beside them.
    ///
    /// # Errors
    /// `Corrupt` when the structure cannot be read; `Denied` or `Unavailable` when the medium does not answer.
    fn variables(&self) -> Result<Vec<VariableInfo>>;

    /// Opens the variable of a path, or says that there is none. Reads no cell.
    ///
    /// # Errors
    /// As [`Self::variables`].
    fn variable(&self, path: &str) -> Result<Option<Arc<dyn ForeignVariable>>>;

    /// The attributes of the group of a path, in order.
    ///
    /// # Errors
    /// As [`Self::variables`].
    fn attributes(&self, path: &str) -> Result<ForeignAttributes>;
}

/// A dimension of a variable, by name.
#[derive(Debug, Clone)]
pub struct NamedDimension {
    /// The name, or `dim_0`, `dim_1` ... by position where it has none.
    pub name: String,
    /// The variable that holds the coordinates, if there is one.
    pub coordinate: Option<Arc<dyn ForeignVariable>>,
}

/// A variable of a [`ForeignGroup`].
pub trait ForeignVariable: Debug + Send + Sync {
    /// The element type as stored, or what else the variable is, to follow "it is": `made of text`.
    ///
    /// # Errors
    /// What it is, when it is not made of numbers or bools.
    fn dtype(&self) -> std::result::Result<DType, String>;

    /// The size along each dimension.
    fn shape(&self) -> &[u64];

    /// The shape of a chunk, or `None` when all cells lie in one piece.
    fn chunk_shape(&self) -> Option<Vec<u64>>;

    /// The dimensions, slowest first, as many as [`Self::shape`] has sizes.
    ///
    /// # Errors
    /// `Corrupt` when a coordinate variable cannot be opened.
    fn dimensions(&self) -> Result<Vec<NamedDimension>>;

    /// The attributes, in order.
    fn attributes(&self) -> &ForeignAttributes;

    /// The texts of a one-dimensional variable, or `None` when it is not made of text. A format without texts may have
    /// tables of characters, one text per row.
    fn texts(&self) -> Option<Result<Vec<String>>>;

    /// Reads the cells of a hyperslab of [`Self::shape`] as they are stored: of [`Self::dtype`], C order, native byte order;
    /// into `out`, which has that type and the shape of the hyperslab, and whose cells are all set.
    ///
    /// # Errors
    /// `Unsupported` when a codec is missing, `Corrupt` when cells are damaged, `Unavailable` when the medium does not
    /// answer.
    fn read_into(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf>;

    /// Begins the same on a thread that should not wait long: the rest is what would take longer than another thread needs to
    /// wake up.
    ///
    /// # Errors
    /// As [`Self::read_into`].
    fn begin_read(self: Arc<Self>, slab: &Hyperslab, out: ArrayBuf) -> Result<Begun<ArrayBuf>>;
}
