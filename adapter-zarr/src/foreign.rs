//! Zarr groups of other programs, version 2 and 3, read as variables.
//!
//! What attributes, coordinates and packed numbers mean is decided by `hyperslab-cf`, for any format; here a group becomes
//! its variables. Metadata that were consolidated are believed, as zarr-python and xarray do; without them the group is
//! listed, level by level, and no chunk is ever listed.

mod attributes;
mod cells;
mod json;
mod nodes;
mod variable;

use std::sync::Arc;

use hyperslab_cf::foreign::{ForeignAttributes, ForeignGroup, ForeignVariable, VariableInfo};
use hyperslab_core::{Error, ReadStats, Result};
use hyperslab_engine::Engine;
use tokio::runtime::Handle;

use self::nodes::{Kind, Nodes};
use self::variable::ZarrVariable;
use crate::medium::Medium;

/// A Zarr group of another program, opened for reading. The medium is where its metadata lie: `zarr.json`, or `.zgroup`.
/// An array that lies in no group is taken for a group of that one variable, called as the folder is.
///
/// All methods block: call them where a thread may, as in `spawn_blocking`.
#[derive(Debug, Clone)]
pub struct ZarrGroup {
    nodes: Arc<Nodes>,
}

impl ZarrGroup {
    /// Opens the group. Blocks; `runtime` is the one that requests run on, and `engine` decodes and keeps chunks.
    ///
    /// # Errors
    /// `NotFound` when there are no metadata of Zarr, `Corrupt` when they cannot be read, `Unsupported` for another version
    /// of Zarr than 2 and 3, `Denied`, `Unavailable`.
    pub fn open(medium: &Medium, runtime: Handle, engine: Arc<Engine>) -> Result<Self> {
        let nodes = Nodes::open(medium.objects(), runtime, engine)?;
        Ok(Self {
            nodes: Arc::new(nodes),
        })
    }
}

impl ForeignGroup for ZarrGroup {
    fn read_stats(&self) -> ReadStats {
        self.nodes.engine().stats().report()
    }

    fn location(&self) -> String {
        self.nodes.location().to_owned()
    }

    fn variables(&self) -> Result<Vec<VariableInfo>> {
        let listed = self.nodes.arrays()?.into_iter();
        listed
            .map(|(path, node)| {
                let variable = node.and_then(|node| ZarrVariable::new(&self.nodes, &path, &node));
                Ok(match variable {
                    Ok(variable) => variable.info(),
                    // One that cannot be read must not hide the others.
                    Err(error) => VariableInfo {
                        name: path,
                        dimensions: Vec::new(),
                        dtype: Err(format!("not readable: {}", error.message())),
                        is_coordinate: false,
                    },
                })
            })
            .collect()
    }

    fn variable(&self, path: &str) -> Result<Option<Arc<dyn ForeignVariable>>> {
        match self.nodes.get(path)? {
            Some(node) if node.kind == Kind::Array => {
                Ok(Some(Arc::new(ZarrVariable::new(&self.nodes, path, &node)?)))
            }
            _ => Ok(None),
        }
    }

    fn attributes(&self, path: &str) -> Result<ForeignAttributes> {
        match self.nodes.get(path)? {
            Some(node) => Ok(attributes::foreign(&node.attributes)),
            // A folder between two groups needs no metadata of its own.
            None if path.is_empty() => Err(Error::internal("a group without its root")),
            None => Ok(ForeignAttributes::default()),
        }
    }
}
