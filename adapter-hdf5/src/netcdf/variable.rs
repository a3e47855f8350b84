//! A variable of a file of another program.

use std::sync::{Arc, Mutex, PoisonError};

use hdf5::{Dataset, File};
use hyperslab_cf::foreign::{ForeignAttributes, ForeignVariable, NamedDimension};
use hyperslab_core::{ArrayBuf, Begun, DType, Error, ErrorKind, Hyperslab, Result};
use hyperslab_engine::Engine;

use super::source::Source;
use super::{dimensions, h5};
use crate::cache::FileIdentity;
use crate::file::{ArrayFile, changed};

/// Who decodes cells.
#[derive(Debug, Clone)]
pub(super) enum Decoder {
    /// This engine, where it can; else the HDF5 library.
    Engine(Arc<Engine>),
    /// The HDF5 library alone.
    Library,
}

/// How often a file is looked at that was replaced meanwhile.
const ATTEMPTS: usize = 8;

/// A variable in a file.
#[derive(Debug)]
pub(super) struct FileVariable {
    source: Arc<Source>,
    /// The path in the file.
    path: String,
    shape: Vec<u64>,
    chunk_shape: Option<Vec<u64>>,
    dtype: std::result::Result<DType, String>,
    /// All attributes, those of netCDF's machinery too.
    raw: ForeignAttributes,
    attributes: ForeignAttributes,
    decoder: Decoder,
    direct: Mutex<Option<Direct>>,
}

/// Where the cells are in one state of the file.
#[derive(Debug, Clone)]
struct Direct {
    identity: FileIdentity,
    /// `None` when only the library can read them.
    cells: Option<Arc<ArrayFile>>,
}

impl FileVariable {
    pub(super) fn new(
        source: &Arc<Source>,
        dataset: &Dataset,
        path: &str,
        decoder: &Decoder,
    ) -> Result<Self> {
        let raw = h5::attributes(dataset, &format!("variable '{path}'"))?;
        Ok(Self {
            source: Arc::clone(source),
            path: path.to_owned(),
            shape: wide(dataset.shape()),
            chunk_shape: dataset.chunk().map(wide),
            dtype: numbers(dataset),
            attributes: h5::without_machinery(&raw),
            raw,
            decoder: decoder.clone(),
            direct: Mutex::default(),
        })
    }

    /// All attributes, those of netCDF's machinery too.
    pub(super) fn raw_attributes(&self) -> &ForeignAttributes {
        &self.raw
    }

    /// Runs `work` with the variable in the file as it is now.
    fn with<T>(&self, work: impl FnOnce(&File, &Dataset) -> Result<T>) -> Result<T> {
        self.source.with(|file, _| {
            let dataset = file.dataset(&self.path);
            let failed = || h5::failed("open", &format!("variable '{}'", self.path));
            work(file, &dataset.map_err(failed())?)
        })
    }

    /// Where the cells are now, found out once for each state of the file.
    fn direct(&self) -> Result<Option<Arc<ArrayFile>>> {
        let now = self.source.identity()?;
        let mut direct = self.direct.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = direct.as_ref().filter(|known| known.identity == now) {
            return Ok(known.cells.clone());
        }
        let found = self
            .source
            .with(|file, identity| self.look(file, identity))?;
        Ok(direct.insert(found).cells.clone())
    }

    /// The same for a file that others replace again and again: some look at it falls between two of them.
    fn settled(&self) -> Result<Option<Arc<ArrayFile>>> {
        for _ in 1..ATTEMPTS {
            match self.direct() {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                found => return found,
            }
        }
        self.direct()
    }

    fn look(&self, file: &File, identity: FileIdentity) -> Result<Direct> {
        // What was said of the variable must still hold, its units and its fill value too.
        let dataset = file.dataset(&self.path);
        let dataset = dataset.map_err(|_| changed(self.source.path()))?;
        if !h5::lies_in(file, &dataset)? {
            return Err(changed(self.source.path()));
        }
        let raw = h5::attributes(&dataset, &format!("variable '{}'", self.path))?;
        if wide(dataset.shape()) != self.shape || numbers(&dataset) != self.dtype || raw != self.raw
        {
            return Err(changed(self.source.path()));
        }
        let cells = match &self.decoder {
            Decoder::Engine(_) if file.userblock() == 0 => {
                ArrayFile::foreign(self.source.path(), identity, &dataset).or_else(|error| {
                    match error.kind() {
                        // The library may know better what to do with it, or says what is wrong.
                        ErrorKind::Corrupt | ErrorKind::TooLarge => Ok(None),
                        _ => Err(error),
                    }
                })?
            }
            _ => None,
        };
        Ok(Direct {
            identity,
            cells: cells.map(Arc::new),
        })
    }

    /// What becomes of a read of the engine.
    fn ended(&self, slab: &Hyperslab, read: Result<ArrayBuf>) -> Result<ArrayBuf> {
        match read {
            // A chain of codecs that the engine cannot run.
            Err(error) if error.kind() == ErrorKind::Unsupported => self.read_by_library(slab),
            // Damage is never tried on the library: a filter that believes a damaged header reads beyond the chunk, and
            // what it makes of one is not what was written.
            read => self.checked(read?),
        }
    }

    /// Any byte is a number, but not every one a bool.
    fn checked(&self, out: ArrayBuf) -> Result<ArrayBuf> {
        if out.dtype() == DType::Bool && out.bytes().iter().any(|&byte| byte > 1) {
            return Err(Error::corrupt(format!(
                "variable '{}' holds bools that are neither false nor true",
                self.path
            )));
        }
        Ok(out)
    }

    fn read_by_library(&self, slab: &Hyperslab) -> Result<ArrayBuf> {
        let stored = self.stored()?;
        self.with(|_, dataset| h5::read_slab(dataset, stored, slab))
    }

    fn stored(&self) -> Result<DType> {
        self.dtype()
            .map_err(|what| Error::unsupported(format!("variable '{}' is {what}", self.path)))
    }

    /// Where the cells are, if that is known and still holds.
    fn known(&self) -> Option<Arc<ArrayFile>> {
        let direct = self.direct.try_lock().ok()?;
        let known = direct.as_ref()?;
        let holds = self.source.identity().ok()? == known.identity;
        known.cells.clone().filter(|_| holds)
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
        self.chunk_shape.clone()
    }

    fn dimensions(&self) -> Result<Vec<NamedDimension>> {
        self.with(|_, dataset| {
            let place = (&self.source, &self.decoder);
            dimensions::named(place, dataset, &self.path, &self.raw)
        })
    }

    fn attributes(&self) -> &ForeignAttributes {
        &self.attributes
    }

    fn texts(&self) -> Option<Result<Vec<String>>> {
        match self.with(|_, dataset| Ok(h5::labels(dataset))) {
            Ok(texts) => texts,
            Err(error) => Some(Err(error)),
        }
    }

    fn read_into(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf> {
        self.stored()?;
        match (self.settled()?, &self.decoder) {
            (Some(cells), Decoder::Engine(engine)) => {
                self.ended(slab, cells.read_into(engine, slab, cells.fill(), out))
            }
            _ => self.read_by_library(slab),
        }
    }

    fn begin_read(self: Arc<Self>, slab: &Hyperslab, out: ArrayBuf) -> Result<Begun<ArrayBuf>> {
        let (known, rest) = (self.known(), slab.clone());
        let (Some(cells), Decoder::Engine(engine)) = (known, &self.decoder) else {
            return Ok(Begun::nothing(move || self.read_into(&rest, out)));
        };
        match cells.begin_read(engine, slab, cells.fill(), out) {
            Ok(Begun::Done(out)) => self.checked(out).map(Begun::Done),
            Ok(left) => Ok(Begun::nothing(move || self.ended(&rest, left.finish()))),
            Err(error) => Ok(Begun::nothing(move || self.ended(&rest, Err(error)))),
        }
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

fn wide(sizes: Vec<usize>) -> Vec<u64> {
    sizes.into_iter().map(|size| size as u64).collect()
}
