//! A file of another program as a group of variables.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hdf5::File;
use hyperslab_cf::foreign::{
    ForeignArray, ForeignAttributes, ForeignGroup, ForeignVariable, ImportOptions, VariableInfo,
};
use hyperslab_core::{ReadStats, Result};
use hyperslab_engine::Engine;

use super::variable::FileVariable;
use super::{h5, listing};

/// Lists all variables of a netCDF-4 or HDF5 file, in the order of creation where the file knows it, else of names; groups
/// follow the variables beside them.
///
/// # Errors
/// `NotFound`, `Denied` or `InvalidInput` when the file cannot be opened; `Unsupported` for netCDF-3, with the command that
/// converts it; `Corrupt` when its structure cannot be read.
pub fn list_variables(path: &Path) -> Result<Vec<VariableInfo>> {
    FileGroup::open(path, &Engine::shared())?.variables()
}

/// Opens a netCDF-4 or HDF5 file as a group of variables, whose chunks are decoded by `engine`.
///
/// # Errors
/// As [`list_variables`].
pub fn open(path: &Path, engine: &Arc<Engine>) -> Result<Box<dyn ForeignGroup>> {
    Ok(Box::new(FileGroup::open(path, engine)?))
}

/// Opens variables by path: `t`, or `group/t`. Runs in the thread of the caller, as do all reads.
///
/// # Errors
/// As [`list_variables`]; `NotFound` for a name that no variable has; `Unsupported` for a variable that is not made of
/// numbers, naming what it is made of.
pub fn read(path: &Path, names: &[&str], options: ImportOptions) -> Result<Vec<ForeignArray>> {
    let group = FileGroup::open(path, &Engine::shared())?;
    names
        .iter()
        .map(|name| ForeignArray::open(&group, name, options))
        .collect()
}

/// An open file.
#[derive(Debug)]
struct FileGroup {
    file: File,
    path: PathBuf,
    engine: Arc<Engine>,
}

impl FileGroup {
    fn open(path: &Path, engine: &Arc<Engine>) -> Result<Self> {
        Ok(Self {
            file: h5::open(path)?,
            path: path.to_owned(),
            engine: Arc::clone(engine),
        })
    }
}

impl ForeignGroup for FileGroup {
    fn read_stats(&self) -> ReadStats {
        self.engine.stats().report()
    }

    fn location(&self) -> String {
        self.path.display().to_string()
    }

    fn variables(&self) -> Result<Vec<VariableInfo>> {
        listing::variables(&self.file)
    }

    fn variable(&self, path: &str) -> Result<Option<Arc<dyn ForeignVariable>>> {
        let dataset = match self.file.dataset(path) {
            Ok(dataset) => dataset,
            Err(error) if listing::is_damaged(&self.file, path) => {
                return Err(h5::failed("open", &format!("variable '{path}'"))(error));
            }
            Err(_) => return Ok(None),
        };
        let variable = FileVariable::new(&self.file, dataset, path)?;
        Ok(Some(Arc::new(
            variable.with_direct(&self.path, &self.engine),
        )))
    }

    fn attributes(&self, path: &str) -> Result<ForeignAttributes> {
        let raw = if path.is_empty() {
            h5::attributes(&self.file, "the file")?
        } else {
            let group = self.file.group(path).map_err(h5::failed("open", path))?;
            h5::attributes(&group, path)?
        };
        Ok(h5::without_machinery(&raw))
    }
}
