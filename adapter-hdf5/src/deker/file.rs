//! Array files of Deker, open as long as they are what their path names.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyperslab_core::{ArrayMeta, Error, ErrorKind, Result};
use uuid::Uuid;

use super::attributes;
use super::guard::{self, Marking, Reading};
use super::schema::Layout;
use crate::cache::FileIdentity;
use crate::file::{ArrayFile, BareFile, BareNames};

/// How the parts of a file are called.
pub(super) const NAMES: BareNames = BareNames {
    text: "meta",
    number: "empty_cells",
    variable: "data",
};

/// How many files are kept open.
const FILE_COUNT_MAX: usize = 128;

/// An array file as it was read.
#[derive(Debug)]
pub(super) struct DekerFile {
    pub(super) identity: FileIdentity,
    /// Whether the next change may leave it with the same identity.
    was_fresh: bool,
    pub(super) meta: ArrayMeta,
    /// Attributes that the schema does not know.
    pub(super) strangers: Vec<String>,
    /// How many cells hold the fill value, as the file says.
    pub(super) empty_cells: Option<i64>,
    /// The cells; `None` when none was ever written.
    pub(super) cells: Option<Arc<ArrayFile>>,
}

impl DekerFile {
    /// Reads a file.
    ///
    /// # Errors
    /// `Corrupt` when it is not what the schema says; `Unsupported` for what there is no room for.
    fn read(path: &Path, reading: &Reading, layout: &Layout) -> Result<Self> {
        Self::of(
            BareFile::open(path, reading.identity, NAMES)?,
            (path, reading),
            layout,
        )
    }

    fn of(found: BareFile, (path, reading): (&Path, &Reading), layout: &Layout) -> Result<Self> {
        let context = |error: Error| error.context(path.display());
        let meta = found
            .text
            .ok_or_else(|| context(Error::corrupt("it does not say which array it is")))?;
        if let Some(cells) = &found.cells {
            check_cells(layout, cells).map_err(context)?;
        }
        Ok(Self {
            identity: reading.identity,
            was_fresh: reading.identity.is_fresh(),
            meta: attributes::decode(layout, &meta).map_err(context)?,
            strangers: attributes::strangers(layout, &meta),
            empty_cells: found.number,
            cells: found.cells.map(Arc::new),
        })
    }
}

/// Makes sure that cells are what the schema says.
fn check_cells(layout: &Layout, cells: &ArrayFile) -> Result<()> {
    let (schema, found) = (&layout.schema, &cells.header().variable);
    if (found.dtype, found.shape.as_slice()) == (schema.dtype(), schema.shape().as_slice()) {
        return Ok(());
    }
    Err(Error::corrupt(format!(
        "it holds cells of {} {:?}, and the schema says {} {:?}",
        found.dtype,
        found.shape,
        schema.dtype(),
        schema.shape()
    )))
}

/// Open array files by path.
#[derive(Debug, Default)]
pub(super) struct FileCache {
    files: Mutex<Files>,
}

#[derive(Debug, Default)]
struct Files {
    by_path: HashMap<PathBuf, Arc<DekerFile>>,
    /// Paths in the order of opening.
    order: VecDeque<PathBuf>,
}

impl FileCache {
    /// The file that is kept for a path, if it is still what that names.
    pub(super) fn known(&self, path: &Path, reading: &Reading) -> Option<Arc<DekerFile>> {
        let files = self.lock();
        let known = files.by_path.get(path)?;
        let holds = !known.was_fresh && known.identity == reading.identity;
        holds.then(|| Arc::clone(known))
    }

    /// Opens the file of an array. What is read of it is to be confirmed. Blocks.
    ///
    /// # Errors
    /// `Locked` when a writer of Deker is at it; `NotFound`, `Denied`; `Corrupt`, `Unsupported`.
    pub(super) fn open(
        &self,
        (path, id): (&Path, Uuid),
        layout: &Layout,
        marking: Marking,
    ) -> Result<(Reading, Arc<DekerFile>)> {
        // One that is replaced again and again is another one when the library opens it.
        const ATTEMPTS: usize = 16;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let reading = guard::read(path, id, marking)?;
            if let Some(known) = self.known(path, &reading) {
                return Ok((reading, known));
            }
            match DekerFile::read(path, &reading, layout) {
                Ok(file) => {
                    reading.confirm()?;
                    return Ok((reading, self.keep(path, file)));
                }
                Err(error) if error.kind() == ErrorKind::Conflict => last = Some(error),
                // A file that was changed or replaced while it was read may look like anything.
                Err(error) => {
                    reading.confirm()?;
                    // Deker makes a file without a lock, so it may not be whole yet.
                    if reading.identity.is_fresh() {
                        return Err(guard::changing(path));
                    }
                    if is_still(path, &reading) {
                        return Err(error);
                    }
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or_else(|| Error::internal("a file was not opened")))
    }

    /// The same without a pause, a mark or the library; `None` when that does not do.
    pub(super) fn open_at_once(
        &self,
        (path, id): (&Path, Uuid),
        layout: &Layout,
    ) -> Option<(Reading, Arc<DekerFile>)> {
        let reading = guard::read(path, id, Marking::Avoided).ok()?;
        if let Some(known) = self.known(path, &reading) {
            return Some((reading, known));
        }
        let found = BareFile::open_plain(path, reading.identity, NAMES).ok()??;
        let file = DekerFile::of(found, (path, &reading), layout).ok()?;
        reading.confirm().ok()?;
        Some((reading, self.keep(path, file)))
    }

    fn keep(&self, path: &Path, file: DekerFile) -> Arc<DekerFile> {
        let file = Arc::new(file);
        let mut files = self.lock();
        let kept = files.by_path.insert(path.to_owned(), Arc::clone(&file));
        if kept.is_none() {
            files.order.push_back(path.to_owned());
        }
        while files.order.len() > FILE_COUNT_MAX {
            if let Some(oldest) = files.order.pop_front() {
                files.by_path.remove(&oldest);
            }
        }
        file
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a path still names the file that is being read.
fn is_still(path: &Path, reading: &Reading) -> bool {
    std::fs::metadata(path).is_ok_and(|named| FileIdentity::of(&named) == reading.identity)
}
