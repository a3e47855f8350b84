//! A file of another program as a group of variables.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hdf5::LocationToken;
use hyperslab_cf::foreign::{
    ForeignArray, ForeignAttributes, ForeignGroup, ForeignVariable, ImportOptions, VariableInfo,
};
use hyperslab_core::{Error, ReadStats, Result};
use hyperslab_engine::Engine;

use super::source::Source;
use super::variable::{Decoder, FileVariable};
use super::{h5, listing};

/// Lists all variables of a netCDF-4 or HDF5 file, in the order of creation where the file knows it, else of names; groups
/// follow the variables beside them.
///
/// # Errors
/// `NotFound`, `Denied` or `InvalidInput` when the file cannot be opened; `Unsupported` for netCDF-3, with the command that
/// converts it; `Corrupt` when its structure cannot be read.
pub fn list_variables(path: &Path) -> Result<Vec<VariableInfo>> {
    FileGroup::open(path, Decoder::Library)?.variables()
}

/// Opens a netCDF-4 or HDF5 file as a group of variables, whose chunks are decoded by `engine`.
///
/// # Errors
/// As [`list_variables`].
pub fn open(path: &Path, engine: &Arc<Engine>) -> Result<Box<dyn ForeignGroup>> {
    let decoder = Decoder::Engine(Arc::clone(engine));
    Ok(Box::new(FileGroup::open(path, decoder)?))
}

/// The same with all cells read through the HDF5 library: slower, and what the engine is compared with.
///
/// # Errors
/// As [`list_variables`].
pub fn open_through_library(path: &Path) -> Result<Box<dyn ForeignGroup>> {
    Ok(Box::new(FileGroup::open(path, Decoder::Library)?))
}

/// Opens variables by path: `t`, or `group/t`. Runs in the thread of the caller, as do all reads.
///
/// # Errors
/// As [`list_variables`]; `NotFound` for a name that no variable has; `Unsupported` for a variable that is not made of
/// numbers, naming what it is made of.
pub fn read(path: &Path, names: &[&str], options: ImportOptions) -> Result<Vec<ForeignArray>> {
    let group = FileGroup::open(path, Decoder::Engine(Engine::shared()))?;
    names
        .iter()
        .map(|name| ForeignArray::open(&group, name, options))
        .collect()
}

/// Where a variable was found.
enum Found {
    Nothing,
    Here(FileVariable),
    /// Behind a link, in another file, there in this place and maybe under this name.
    Elsewhere(PathBuf, String, LocationToken),
}

/// A file, and who decodes its cells.
#[derive(Debug)]
struct FileGroup {
    source: Arc<Source>,
    decoder: Decoder,
}

impl FileGroup {
    fn open(path: &Path, decoder: Decoder) -> Result<Self> {
        Ok(Self {
            source: Source::open(path)?,
            decoder,
        })
    }
}

impl FileGroup {
    /// A variable of another file: its cells, its scales and its changes are those of that file. `None` when the one in that place
    /// has another name; behind several links the library only guesses it.
    fn variable_of(
        &self,
        path: &Path,
        name: &str,
        place: LocationToken,
    ) -> Result<Option<FileVariable>> {
        let source = Source::open(path)?;
        let name = name.trim_start_matches('/');
        source.with(|file, _| match file.dataset(name) {
            Ok(dataset) if h5::lies_in(file, &dataset)? && h5::place(&dataset)? == place => {
                FileVariable::new(&source, &dataset, name, &self.decoder).map(Some)
            }
            _ => Ok(None),
        })
    }
}

impl ForeignGroup for FileGroup {
    fn read_stats(&self) -> ReadStats {
        match &self.decoder {
            Decoder::Engine(engine) => engine.stats().report(),
            Decoder::Library => ReadStats::default(),
        }
    }

    fn location(&self) -> String {
        self.source.path().display().to_string()
    }

    fn variables(&self) -> Result<Vec<VariableInfo>> {
        self.source.with(|file, _| listing::variables(file))
    }

    fn variable(&self, path: &str) -> Result<Option<Arc<dyn ForeignVariable>>> {
        let found = self.source.with(|file, _| {
            let dataset = match file.dataset(path) {
                Ok(dataset) => dataset,
                Err(error) if listing::is_damaged(file, path) => {
                    return Err(h5::failed("open", &format!("variable '{path}'"))(error));
                }
                Err(_) => return Ok(Found::Nothing),
            };
            if !h5::lies_in(file, &dataset)? {
                let place = h5::place(&dataset)?;
                return Ok(Found::Elsewhere(
                    dataset.filename().into(),
                    dataset.name(),
                    place,
                ));
            }
            FileVariable::new(&self.source, &dataset, path, &self.decoder).map(Found::Here)
        })?;
        let variable = match found {
            Found::Nothing => return Ok(None),
            Found::Here(variable) => variable,
            Found::Elsewhere(file, name, place) => {
                let found = self.variable_of(&file, &name, place)?;
                found.ok_or_else(|| {
                    Error::unsupported(format!(
                        "variable '{path}' of {} is behind several links in {}, which are not followed; open that file",
                        self.location(),
                        file.display()
                    ))
                })?
            }
        };
        Ok(Some(Arc::new(variable)))
    }

    fn attributes(&self, path: &str) -> Result<ForeignAttributes> {
        self.source.with(|file, _| {
            let raw = if path.is_empty() {
                h5::attributes(file, "the file")?
            } else {
                let group = file.group(path).map_err(h5::failed("open", path))?;
                h5::attributes(&group, path)?
            };
            Ok(h5::without_machinery(&raw))
        })
    }
}
