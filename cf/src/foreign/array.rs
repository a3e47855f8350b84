//! Variables that other programs wrote.

use std::sync::Arc;

use hyperslab_core::chunk::Windows;
use hyperslab_core::{ArrayBuf, Begun, DType, Error, Hyperslab, Result, Scalar};

use super::coordinate;
use super::{
    ForeignAttributes, ForeignCoordinate, ForeignDimension, ForeignGroup, ForeignValue,
    ForeignVariable, VariableInfo,
};
use crate::Packing;

/// How a variable is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Leave packed numbers as they are stored, with `scale_factor` and `add_offset` as attributes, instead of applying
    /// them.
    pub packed: bool,
}

/// A variable of numbers that another program wrote. The cells are read when asked for.
#[derive(Debug, Clone)]
pub struct ForeignArray {
    name: String,
    variable: Arc<dyn ForeignVariable>,
    stored: DType,
    packing: Packing,
    packed_attributes_kept: bool,
    chunk_shape: Option<Vec<u64>>,
    dimensions: Vec<ForeignDimension>,
    auxiliary: Vec<ForeignCoordinate>,
    globals: ForeignAttributes,
}

impl ForeignArray {
    /// Opens a variable by path: `t`, or `group/t`. Runs in the thread of the caller, as do all reads.
    ///
    /// # Errors
    /// `NotFound` for a name that no variable has, with those there are; `Unsupported` for a variable that is not made of
    /// numbers, naming what it is made of; and as the group does.
    pub fn open(group: &dyn ForeignGroup, name: &str, options: ImportOptions) -> Result<Self> {
        let name = name.trim_matches('/');
        let Some(variable) = group.variable(name)? else {
            return Err(unknown(group, name));
        };
        let stored = variable.dtype().map_err(|what| {
            Error::unsupported(format!(
                "variable '{name}' of {} is {what}; only numbers and bools can be imported",
                group.location()
            ))
        })?;
        let attributes = variable.attributes();
        let dimensions = coordinate::dimensions(&*variable)?;
        Ok(Self {
            packing: Packing::new(stored, &attributes.packing(), options.packed),
            packed_attributes_kept: options.packed,
            chunk_shape: variable.chunk_shape(),
            auxiliary: coordinate::auxiliary(group, name, attributes, &dimensions)?,
            globals: globals(group, name)?,
            name: name.to_owned(),
            stored,
            dimensions,
            variable,
        })
    }

    /// The path in the group, without a leading slash.
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
        self.variable.shape()
    }

    /// The shape of a chunk, or `None` when all cells lie in one piece.
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

    /// The attributes of the variable.
    #[must_use]
    pub fn attributes(&self) -> &ForeignAttributes {
        self.variable.attributes()
    }

    /// The attributes of the groups around the variable, inner ones first.
    #[must_use]
    pub fn globals(&self) -> &ForeignAttributes {
        &self.globals
    }

    /// What a missing cell is in the cells that [`Self::read_block`] returns, or `None` when no attribute says.
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
    /// `TooLarge` when the cells do not fit in memory, and as
    /// [`ForeignVariable::read_into`].
    pub fn read_block(&self, slab: &Hyperslab) -> Result<ArrayBuf> {
        self.read_block_into(slab, ArrayBuf::zeroed(self.dtype(), &slab.shape())?)
    }

    /// The same into a buffer of [`Self::dtype`] and the shape of the hyperslab. Packed numbers of another type are unpacked into
    /// a new one, and the buffer is given up before.
    ///
    /// # Errors
    /// As [`Self::read_block`].
    pub fn read_block_into(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf> {
        let stored = self.variable.read_into(slab, self.fitting(slab, out)?)?;
        self.packing.decode(stored)
    }

    /// Begins the same on a thread that should not wait long.
    ///
    /// # Errors
    /// As [`Self::read_block`].
    pub fn begin_block(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<Begun<ArrayBuf>> {
        let out = self.fitting(slab, out)?;
        let begun = Arc::clone(&self.variable).begin_read(slab, out)?;
        let packing = self.packing.clone();
        begun.and_then(move |stored| packing.decode(stored))
    }

    /// A buffer for the cells as they are stored.
    fn fitting(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf> {
        if out.dtype() == self.stored {
            return Ok(out);
        }
        drop(out);
        ArrayBuf::zeroed(self.stored, &slab.shape())
    }

    /// Blocks that together cover all cells once, each of at most `byte_budget` bytes where a chunk allows it, along
    /// chunk borders so that no chunk is decoded twice.
    #[must_use]
    pub fn blocks(&self, byte_budget: u64) -> Windows {
        let rows = vec![1; self.shape().len()];
        Windows::new(
            &Hyperslab::full(self.shape()),
            self.chunk_shape.as_deref().unwrap_or(&rows),
            self.dtype().size().max(self.stored.size()),
            byte_budget,
        )
    }
}

fn unknown(group: &dyn ForeignGroup, name: &str) -> Error {
    let known: Result<Vec<String>> = group.variables().map(|variables| {
        let importable =
            |variable: &VariableInfo| variable.dtype.is_ok() && !variable.is_coordinate;
        let variables = variables.into_iter().filter(importable);
        variables.map(|variable| variable.name).collect()
    });
    match known {
        Ok(known) => Error::not_found(format!(
            "{} has no variable '{name}'; there are: {}",
            group.location(),
            known.join(", ")
        )),
        Err(error) => error,
    }
}

/// The attributes of the groups around a variable; the innermost of a name wins.
fn globals(group: &dyn ForeignGroup, name: &str) -> Result<ForeignAttributes> {
    let mut pairs: Vec<(String, ForeignValue)> = Vec::new();
    let mut path = name;
    while let Some((parent, _)) = path.rsplit_once('/') {
        add_missing(&mut pairs, &group.attributes(parent)?);
        path = parent;
    }
    add_missing(&mut pairs, &group.attributes("")?);
    Ok(pairs.into_iter().collect())
}

fn add_missing(pairs: &mut Vec<(String, ForeignValue)>, attributes: &ForeignAttributes) {
    for (name, value) in attributes.iter() {
        if pairs.iter().all(|(known, _)| known != name) {
            pairs.push((name.to_owned(), value.clone()));
        }
    }
}
