//! Writes the file under a temporary name and publishes it by one rename.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use hyperslab_core::chunk::Windows;
use hyperslab_core::{ArrayBuf, Error, Hyperslab, Result};
use uuid::Uuid;

use super::content::{ExportFile, file};
use super::{ExportContent, stored_cells};
use crate::chunk::{ChunkGrid, copy_cells};
use crate::file::{ImageWriter, VariableStorage};
use crate::image::ChunkEncoder;

/// How many bytes of cells are asked for at once, where a chunk is not larger.
const BLOCK_BYTES: u64 = 64 << 20;

/// Writes a netCDF-4 file. `source` is called with boxes of the cells of `content`, which together cover them once, and
/// returns their cells. The file appears at `path` whole and synced, in place of one that was there.
///
/// # Errors
/// What `source` returns; `InvalidInput` when its cells have another type or shape; `Unavailable` or `Denied` when the file
/// cannot be written. Nothing is left behind then, and a file that was there is unchanged.
pub fn write(
    path: &Path,
    content: &ExportContent,
    source: impl FnMut(&Hyperslab) -> Result<ArrayBuf>,
) -> Result<()> {
    let export = file(content)?;
    let temporary = Temporary::create(path)?;
    write_image(&export, content, &temporary.file, source)
        .map_err(|error| error.context(path.display()))?;
    temporary.publish(path)
}

/// Writes a netCDF-4 file with all its cells at hand. See [`write()`].
///
/// # Errors
/// As [`write()`].
pub fn write_cells(path: &Path, content: &ExportContent, cells: &ArrayBuf) -> Result<()> {
    if cells.shape() != content.shape() || cells.dtype() != content.dtype {
        return Err(misfit(cells, content));
    }
    let shape = content.shape();
    write(path, content, |slab| {
        if slab.covers(&shape) {
            return Ok(cells.clone());
        }
        let mut block = ArrayBuf::zeroed(content.dtype, &slab.shape())?;
        // All cells are one chunk here.
        let whole = ChunkGrid::new(&shape, &shape);
        let size = content.dtype.size();
        for piece in whole.pieces(slab) {
            let copy = whole.copy_of(&piece, &slab.shape(), size);
            copy_cells(
                &copy.axes,
                size,
                (cells.bytes(), copy.in_chunk),
                (block.bytes_mut(), copy.in_slab),
            );
        }
        Ok(block)
    })
}

fn misfit(cells: &ArrayBuf, content: &ExportContent) -> Error {
    Error::invalid(format!(
        "cells of {} and shape {:?} given for a variable of {} and shape {:?}",
        cells.dtype(),
        cells.shape(),
        content.dtype,
        content.shape()
    ))
}

fn write_image(
    export: &ExportFile,
    content: &ExportContent,
    target: &File,
    mut source: impl FnMut(&Hyperslab) -> Result<ArrayBuf>,
) -> Result<()> {
    let mut image = ImageWriter::new(&export.content, Some(target))?;
    for (number, cells) in export.scalars.iter().enumerate() {
        image.put_whole(number + 1, cells.bytes())?;
    }
    let Some(variable) = export.content.variables.first() else {
        return Err(Error::internal("an export without a variable"));
    };
    let shape = content.shape();
    let mut next = |slab: &Hyperslab| {
        let cells = source(slab)?;
        if cells.dtype() != content.dtype || cells.shape() != slab.shape() {
            return Err(misfit(&cells, content));
        }
        stored_cells(cells)
    };
    match &variable.storage {
        VariableStorage::Tiles(_) => return Err(Error::internal("an export in tiles")),
        VariableStorage::Whole | VariableStorage::Contiguous => {
            image.put_whole(0, next(&Hyperslab::full(&shape))?.bytes())?;
        }
        VariableStorage::Chunked {
            chunk_shape,
            codecs,
        } => {
            let size = variable.dtype.size();
            let grid = ChunkGrid::new(&shape, chunk_shape);
            let budget = BLOCK_BYTES.max(grid.chunk_bytes(size));
            let windows = Windows::new(&Hyperslab::full(&shape), chunk_shape, size, budget);
            let encoder = ChunkEncoder::new(variable, &grid, codecs);
            for slab in windows.iter() {
                encoder.put_block(&mut image, &slab, &next(&slab)?)?;
            }
        }
    }
    image.finish().map(drop)
}

/// A file beside its final place, removed unless it is published.
struct Temporary {
    path: PathBuf,
    file: File,
    published: bool,
}

impl Temporary {
    fn create(target: &Path) -> Result<Self> {
        let name = target
            .file_name()
            .ok_or_else(|| Error::invalid(format!("{} does not name a file", target.display())))?;
        let name = format!(".{}.{}.tmp", name.to_string_lossy(), Uuid::new_v4());
        let path = target.with_file_name(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|source| Error::io("create", target.display(), source))?;
        Ok(Self {
            path,
            file,
            published: false,
        })
    }

    fn publish(mut self, target: &Path) -> Result<()> {
        let failed = |source| Error::io("publish", target.display(), source);
        self.file.sync_all().map_err(failed)?;
        fs::rename(&self.path, target).map_err(failed)?;
        self.published = true;
        let folder = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.published {
            // Nothing better can be done about a file that cannot be removed.
            drop(fs::remove_file(&self.path));
        }
    }
}
