//! A variable of a file of another program.

use std::path::Path;
use std::sync::Arc;

use hdf5::{Dataset, File};
use hyperslab_cf::foreign::{ForeignAttributes, ForeignVariable, NamedDimension};
use hyperslab_core::{ArrayBuf, DType, Error, Hyperslab, Result, Scalar};
use hyperslab_engine::Engine;

use super::{dimensions, h5};
use crate::file::{ArrayFile, VariableCells};

/// A variable in an open file.
#[derive(Debug)]
pub(super) struct FileVariable {
    file: File,
    dataset: Dataset,
    /// The path in the file.
    path: String,
    shape: Vec<u64>,
    dtype: std::result::Result<DType, String>,
    /// All attributes, those of netCDF's machinery too.
    raw: ForeignAttributes,
    attributes: ForeignAttributes,
    /// Decodes chunks without the library, where that is possible.
    direct: Option<Arc<ArrayFile>>,
    engine: Arc<Engine>,
}

impl FileVariable {
    pub(super) fn new(file: &File, dataset: Dataset, path: &str) -> Result<Self> {
        let raw = h5::attributes(&dataset, &format!("variable '{path}'"))?;
        Ok(Self {
            file: file.clone(),
            path: path.to_owned(),
            shape: dataset.shape().iter().map(|&size| size as u64).collect(),
            dtype: numbers(&dataset),
            attributes: h5::without_machinery(&raw),
            raw,
            dataset,
            direct: None,
            engine: Engine::shared(),
        })
    }

    /// The same, reading chunks from the file at `path` without the library where that is possible: those of numbers that
    /// need no conversion, all of them written, in a file that begins at its first byte.
    pub(super) fn with_direct(mut self, path: &Path, engine: &Arc<Engine>) -> Self {
        self.engine = Arc::clone(engine);
        let stored = self.dtype.as_ref().ok().copied();
        let convertible = stored.is_some_and(|stored| stored != DType::Bool);
        if convertible && self.dataset.is_chunked() && self.file.userblock() == 0 {
            self.direct = ArrayFile::open(path, &self.path)
                .ok()
                .filter(|opened| {
                    let variable = &opened.header().variable;
                    let complete = match &variable.cells {
                        VariableCells::Chunked { chunks, .. } => {
                            !chunks.iter().any(|chunk| chunk.is_absent())
                        }
                        _ => false,
                    };
                    complete && Some(variable.dtype) == stored
                })
                .map(Arc::new);
        }
        self
    }

    /// All attributes, those of netCDF's machinery too.
    pub(super) fn raw_attributes(&self) -> &ForeignAttributes {
        &self.raw
    }
}

impl ForeignVariable for FileVariable {
    fn dtype(&self) -> std::result::Result<DType, String> {
        self.dtype.clone()
    }

    fn shape(&self) -> &[u64] {
        &self.shape
    }

    fn chunk_shape(&self) -> Option<Vec<u64>> {
        let chunk = self.dataset.chunk()?;
        Some(chunk.into_iter().map(|size| size as u64).collect())
    }

    fn dimensions(&self) -> Result<Vec<NamedDimension>> {
        dimensions::named(&self.file, &self.dataset, &self.path, &self.raw)
    }

    fn attributes(&self) -> &ForeignAttributes {
        &self.attributes
    }

    fn texts(&self) -> Option<Result<Vec<String>>> {
        h5::labels(&self.dataset)
    }

    fn read_into(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf> {
        let stored = self
            .dtype()
            .map_err(|what| Error::unsupported(format!("variable '{}' is {what}", self.path)))?;
        if let Some(direct) = &self.direct {
            // No chunk is absent, so this is never seen.
            let fill = Scalar::default_fill(stored);
            if let Ok(cells) = direct.read_into(&self.engine, slab, fill, out) {
                return Ok(cells);
            }
            // The library knows chunks that look damaged here, or says what is wrong with them.
        }
        h5::read_slab(&self.dataset, stored, slab)
    }
}

/// The element type of a variable, or why it cannot be imported.
pub(super) fn numbers(dataset: &Dataset) -> std::result::Result<DType, String> {
    let is_null = dataset.space().is_ok_and(|space| space.is_null());
    if is_null {
        return Err("empty (it has no shape)".to_owned());
    }
    h5::dtype_of(dataset)
}
