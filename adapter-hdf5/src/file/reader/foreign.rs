//! Files of other programs that are read in place.

use std::fs::File;
use std::path::Path;

use hdf5::Dataset;
use hyperslab_core::{Error, Result};
use hyperslab_engine::ObjectId;
use rayon::prelude::*;

use super::{ArrayFile, FileHeader, StoredVariable, VariableCells};
use crate::cache::FileIdentity;
use crate::file::library;

/// So many bytes are turned by one thread at a time.
const TURN_BYTES: usize = 1 << 20;

impl ArrayFile {
    /// Opens a variable of a file of another program without its attributes; `None` when only the HDF5 library can read its
    /// cells. The file begins at its first byte, and was of this identity before the library looked at it.
    ///
    /// # Errors
    /// `Conflict` when the file is another one by now; `Corrupt` when a chunk lies outside of it.
    pub(crate) fn foreign(
        path: &Path,
        identity: FileIdentity,
        dataset: &Dataset,
    ) -> Result<Option<Self>> {
        let found = library::cells_of(dataset).map_err(|error| library::damaged(path, error))?;
        match found {
            Some(found) if found.0.cells != VariableCells::Library => {
                Self::found(path, identity, dataset.name(), found).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The same, with those cells that only the library can read.
    ///
    /// # Errors
    /// As [`foreign`](Self::foreign); `Unsupported` when they are no numbers.
    pub(crate) fn of_dataset(
        path: &Path,
        identity: FileIdentity,
        dataset: &Dataset,
    ) -> Result<Self> {
        let found = library::cells_of(dataset).map_err(|error| library::damaged(path, error))?;
        let name = dataset.name();
        let found = found.ok_or_else(|| {
            Error::unsupported(format!(
                "{}: the type of variable '{name}' is not one of a cell",
                path.display()
            ))
        })?;
        Self::found(path, identity, name, found)
    }

    fn found(
        path: &Path,
        identity: FileIdentity,
        name: String,
        (variable, fill): (StoredVariable, Vec<u8>),
    ) -> Result<Self> {
        let fail = |source| Error::io("open", path.display(), source);
        let file = File::open(path).map_err(fail)?;
        if FileIdentity::of(&file.metadata().map_err(fail)?) != identity {
            return Err(changed(path));
        }
        Self::of_file(path, (file, identity), name, (variable, fill))
    }

    /// A variable of a file that is open and has this identity.
    ///
    /// # Errors
    /// `Corrupt` when a chunk lies outside of it.
    pub(crate) fn of_file(
        path: &Path,
        (file, identity): (File, FileIdentity),
        name: String,
        (variable, fill): (StoredVariable, Vec<u8>),
    ) -> Result<Self> {
        let opened = Self {
            path: path.to_owned(),
            variable: name,
            file,
            length: identity.length(),
            identity,
            id: ObjectId::unique(),
            footer: None,
            fill,
            header: FileHeader {
                attributes: Vec::new(),
                variable,
            },
        };
        opened.check_extent()?;
        Ok(opened)
    }

    /// What is said of a file that only names other files.
    pub(crate) fn names_others(&self) -> Error {
        library::names_others(&self.path, &self.variable)
    }

    /// The cell that stands for those never written, as the file says.
    pub(crate) fn fill(&self) -> &[u8] {
        &self.fill
    }
}

/// What is said of a file that another program writes at this moment.
pub(crate) fn changed(path: &Path) -> Error {
    Error::conflict(format!(
        "{} was changed by another program meanwhile; open it again",
        path.display()
    ))
}

/// Turns the order of bytes of each number.
pub(super) fn turn(bytes: &mut [u8], number_size: usize) {
    let turn = |bytes: &mut [u8]| match number_size {
        2 => turn_sized::<2>(bytes),
        4 => turn_sized::<4>(bytes),
        8 => turn_sized::<8>(bytes),
        _ => {}
    };
    if bytes.len() <= TURN_BYTES || number_size < 2 {
        turn(bytes);
    } else {
        bytes.par_chunks_mut(TURN_BYTES).for_each(turn);
    }
}

fn turn_sized<const N: usize>(bytes: &mut [u8]) {
    bytes
        .as_chunks_mut::<N>()
        .0
        .iter_mut()
        .for_each(|n| n.reverse());
}
