//! Variables of files that other programs wrote.

use std::path::Path;
use std::sync::Arc;

use hdf5::{
    Dataset, File, Group, IndexType, IterationOrder, LinkType, LocationToken, LocationType,
};
use hyperslab_core::{ArrayBuf, AxisSlab, DType, Error, Hyperslab, Result, Scalar, byte_count};

use super::attribute::{ForeignAttributes, ForeignValue};
use super::cf::Packing;
use super::coordinate::{self, ForeignCoordinate, ForeignDimension};
use super::h5;
use crate::file::{ArrayFile, VariableCells};

/// How deep groups may lie in each other.
const GROUP_DEPTH_MAX: usize = 32;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Leave packed numbers as they are stored, with `scale_factor` and `add_offset` as attributes, instead of applying
    /// them.
    pub packed: bool,
}

/// A variable in a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableInfo {
    /// The path in the file, without a leading slash: `t`, or `group/t`.
    pub name: String,
    /// Names and sizes of the dimensions, slowest first.
    pub dimensions: Vec<(String, u64)>,
    /// The element type as stored, or why the variable cannot be imported.
    pub dtype: std::result::Result<DType, String>,
    /// Whether it is the coordinate variable of a dimension.
    pub is_coordinate: bool,
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

/// Lists all variables of a netCDF-4 or HDF5 file, in the order of creation where the file knows it, else of names; groups
/// follow the variables beside them.
///
/// # Errors
/// `NotFound`, `Denied` or `InvalidInput` when the file cannot be opened; `Unsupported` for netCDF-3, with the command that
/// converts it; `Corrupt` when its structure cannot be read.
pub fn list_variables(path: &Path) -> Result<Vec<VariableInfo>> {
    let file = h5::open(path)?;
    let mut variables = Vec::new();
    let root = file.loc_info().map_err(h5::failed("read", "the file"))?;
    list_group(&file, "", &mut vec![root.token], &mut variables)?;
    Ok(variables)
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

/// Lists a group and those inside it. `around` are the addresses of the groups it lies in.
fn list_group(
    group: &Group,
    prefix: &str,
    around: &mut Vec<LocationToken>,
    variables: &mut Vec<VariableInfo>,
) -> Result<()> {
    let place = format!("group '/{prefix}'");
    let mut inner = Vec::new();
    for (name, link) in links(group).map_err(h5::failed("list", &place))? {
        // A link that leads nowhere is passed over.
        match group.loc_type_by_name(&name) {
            // Only a hard link makes a group part of this one.
            Ok(LocationType::Group) if link == LinkType::Hard => inner.push(name),
            Ok(LocationType::Dataset) => {
                let path = format!("{prefix}{name}");
                let dataset = group
                    .dataset(&name)
                    .map_err(h5::failed("open", &format!("variable '{path}'")))?;
                variables.extend(info(group, &dataset, path)?);
            }
            _ => {}
        }
    }
    for name in inner {
        let path = format!("{prefix}{name}/");
        let failed = || h5::failed("open", &format!("group '{path}'"));
        let group = group.group(&name).map_err(failed())?;
        let token = group.loc_info().map_err(failed())?.token;
        if around.len() < GROUP_DEPTH_MAX && !around.contains(&token) {
            around.push(token);
            list_group(&group, &path, around, variables)?;
            around.pop();
        }
    }
    Ok(())
}

/// Names and kinds of the links of a group, in the order of creation where the file knows it, else of names.
fn links(group: &Group) -> hdf5::Result<Vec<(String, LinkType)>> {
    let by = |order| group.links(order, IterationOrder::Increasing);
    let links = by(IndexType::CreationOrder).or_else(|_| by(IndexType::Name))?;
    Ok(links
        .into_iter()
        .map(|(name, link)| (name, link.link_type))
        .collect())
}

/// The listing of one variable, or `None` for what netCDF does not count as one.
fn info(group: &Group, dataset: &Dataset, name: String) -> Result<Option<VariableInfo>> {
    let attributes = h5::attributes(dataset, &name)?;
    if coordinate::is_bare_dimension(&attributes) {
        return Ok(None);
    }
    let file = group.file().map_err(h5::failed("open", &name))?;
    let names = coordinate::dimension_names(&file, dataset, &name, &attributes);
    let sizes = dataset.shape().into_iter().map(|size| size as u64);
    Ok(Some(VariableInfo {
        dimensions: names.into_iter().zip(sizes).collect(),
        dtype: numbers(dataset),
        is_coordinate: attributes.text("CLASS") == Some("DIMENSION_SCALE"),
        name,
    }))
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

/// The element type of a variable, or why it cannot be imported.
fn numbers(dataset: &Dataset) -> std::result::Result<DType, String> {
    let is_null = dataset.space().is_ok_and(|space| space.is_null());
    if is_null {
        return Err("empty (it has no shape)".to_owned());
    }
    h5::dtype_of(dataset)
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

pub(super) fn blocks(
    shape: &[u64],
    chunk_shape: Option<&[u64]>,
    cell_size: u64,
    byte_budget: u64,
) -> Vec<Hyperslab> {
    let cells_max = (byte_budget / cell_size).max(1);
    let cell_count = |lengths: &[u64]| {
        lengths
            .iter()
            .fold(1u64, |count, &length| count.saturating_mul(length))
    };
    if shape.contains(&0) || shape.is_empty() {
        return vec![Hyperslab::full(shape)];
    }
    let clipped: Vec<u64> = match chunk_shape {
        Some(chunk) => chunk
            .iter()
            .zip(shape)
            .map(|(&c, &s)| c.clamp(1, s))
            .collect(),
        None => vec![1; shape.len()],
    };
    // A chunk above the budget is read in parts after all.
    let unit = if cell_count(&clipped) > cells_max {
        vec![1; shape.len()]
    } else {
        clipped
    };
    let mut block = unit.clone();
    for axis in (0..shape.len()).rev() {
        let others = cell_count(&block) / block[axis];
        let fitting = (cells_max / others.max(1)).max(1);
        block[axis] = (fitting / unit[axis] * unit[axis]).clamp(unit[axis], shape[axis]);
        if block[axis] < shape[axis] {
            break;
        }
    }
    grid(shape, &block)
}

/// Boxes of shape `block` that cover `shape` in C order, the last ones clipped.
fn grid(shape: &[u64], block: &[u64]) -> Vec<Hyperslab> {
    let mut boxes = vec![Vec::new()];
    for (&size, &length) in shape.iter().zip(block) {
        boxes = boxes
            .into_iter()
            .flat_map(|axes: Vec<AxisSlab>| {
                (0..size.div_ceil(length)).map(move |index| {
                    let start = index * length;
                    let count = length.min(size - start);
                    let mut axes = axes.clone();
                    axes.push(AxisSlab {
                        start,
                        count,
                        stride: 1,
                    });
                    axes
                })
            })
            .collect();
    }
    boxes
        .into_iter()
        .filter_map(|axes| Hyperslab::new(axes, shape).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_every_cell_once_along_chunk_borders() {
        for (shape, chunk, budget) in [
            (vec![5, 7, 9], Some(vec![2, 3, 4]), 24 * 8),
            (vec![5, 7, 9], None, 10 * 8),
            (vec![5, 7, 9], Some(vec![5, 7, 9]), 8),
            (vec![12, 90, 180], Some(vec![1, 90, 180]), 1 << 20),
            (vec![3], Some(vec![100]), 1 << 20),
        ] {
            let blocks = blocks(&shape, chunk.as_deref(), 8, budget);
            let total: u64 = blocks.iter().map(Hyperslab::cell_count).sum();
            assert_eq!(total, shape.iter().product::<u64>());
            for block in &blocks {
                assert!(block.cell_count() * 8 <= budget, "{block} of {shape:?}");
            }
        }
        assert_eq!(blocks(&[], None, 8, 8).len(), 1);
        assert_eq!(blocks(&[0, 4], None, 8, 8)[0].shape(), [0, 4]);
    }
}
