//! What adapters ask of the cells they are given, whoever gives them.

use super::Schema;
use crate::{ArrayBuf, DType, Error, Hyperslab, Result, WriteData};

impl Schema {
    /// Makes sure that a hyperslab is one of the arrays of this schema, and that `out` takes its cells.
    ///
    /// # Errors
    /// `InvalidInput` that says what does not fit.
    pub fn check_read(&self, slab: &Hyperslab, out: &ArrayBuf) -> Result<()> {
        self.check_slab(slab)?;
        if out.dtype() == self.dtype() && out.shape() == slab.shape() {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "a buffer of {} {:?} does not take {} cells {slab}",
            out.dtype(),
            out.shape(),
            self.dtype()
        )))
    }

    /// Makes sure that a hyperslab is one of the arrays of this schema, and that `data` are cells for it.
    ///
    /// # Errors
    /// `InvalidInput` that says what does not fit.
    pub fn check_write(&self, slab: &Hyperslab, data: &WriteData) -> Result<()> {
        self.check_slab(slab)?;
        let fits = match data {
            WriteData::Scalar(value) => value.dtype() == self.dtype(),
            WriteData::Cells(cells) => {
                cells.dtype() == self.dtype() && cells.shape() == slab.shape()
            }
        };
        if fits {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "the cells given do not fit {} cells {slab}",
            self.dtype()
        )))
    }

    /// Makes sure that `data` are all cells of an array of this schema.
    ///
    /// # Errors
    /// `InvalidInput` that says what does not fit.
    pub fn check_new(&self, data: &ArrayBuf) -> Result<()> {
        if data.dtype() == self.dtype() && data.shape() == self.shape() {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "cells of {} {:?} given for an array of {} {:?}",
            data.dtype(),
            data.shape(),
            self.dtype(),
            self.shape()
        )))
    }

    /// Makes sure that cells read from a medium are values of the type: a `bool` is 0 or 1.
    ///
    /// # Errors
    /// `Corrupt` otherwise.
    pub fn check_stored(&self, cells: &ArrayBuf) -> Result<()> {
        if self.dtype() == DType::Bool && cells.bytes().iter().any(|&cell| cell > 1) {
            return Err(Error::corrupt("a bool cell is neither 0 nor 1"));
        }
        Ok(())
    }

    /// Makes sure that a hyperslab, which was made for some shape, was made for ours.
    ///
    /// # Errors
    /// `InvalidInput` otherwise.
    pub fn check_slab(&self, slab: &Hyperslab) -> Result<()> {
        Hyperslab::new(slab.axes().to_vec(), &self.shape()).map(drop)
    }
}
