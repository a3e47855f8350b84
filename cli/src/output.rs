//! Files of what was read, the kind told by the ending of the name.

mod csv;
mod json;
pub(crate) mod npy;

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use hyperslab::{Error, Result};

use crate::labelled::Labelled;
use crate::render::{self, View};

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// NumPy's own.
    Npy,
    /// A table, one row per cell.
    Csv,
    /// Dimensions, coordinates and values.
    Json,
    /// A picture.
    Png,
    /// netCDF-4, with coordinates and attributes.
    NetCdf,
}

impl Format {
    /// The format that the ending of the path of a file to be written stands for.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        check_is_path(path)?;
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("npy") => Ok(Self::Npy),
            Some("csv") => Ok(Self::Csv),
            Some("json") => Ok(Self::Json),
            Some("png") => Ok(Self::Png),
            Some("nc" | "nc4") => Ok(Self::NetCdf),
            _ => Err(Error::invalid(format!(
                "the ending of '{}' stands for no format; use .npy, .csv, .json, .png or .nc",
                path.display()
            ))),
        }
    }
}

/// Refuses what is no name of a file to be written.
pub(crate) fn check_is_path(path: &Path) -> Result<()> {
    check_is_no_url(path)?;
    match path.is_dir() {
        true => Err(Error::invalid(format!(
            "{} is a folder; give the name of a file",
            path.display()
        ))),
        false => Ok(()),
    }
}

/// Refuses a URL where files are to be written: it would become a folder of that name.
pub(crate) fn check_is_no_url(path: &Path) -> Result<()> {
    let text = path.to_string_lossy();
    match text.split_once("://") {
        // There may be a secret in a URL.
        Some((scheme, _)) => Err(Error::invalid(format!(
            "'{scheme}://...' is a URL, and files are written on this machine; give a path"
        ))),
        None => Ok(()),
    }
}

/// Writes what was read in any format but netCDF, which the library writes.
pub(crate) fn write(path: &Path, format: Format, labelled: &Labelled) -> Result<()> {
    let picture = match format {
        Format::Png => render::png::draw(&View::of(labelled, &labelled.numbers()?)?)?,
        _ => Vec::new(),
    };
    publish(path, |out| match format {
        Format::Npy => npy::write(out, &labelled.cells),
        Format::Csv => csv::write(out, labelled),
        Format::Json => json::write(out, labelled),
        Format::Png | Format::NetCdf => out.write_all(&picture),
    })
}

/// Writes a file beside its place and puts it there when it is whole.
pub(crate) fn publish(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let attempt = || -> io::Result<()> {
        if path.exists() && !path.is_file() {
            // A pipe or a device: there is nothing to replace.
            let mut out = BufWriter::new(File::options().write(true).open(path)?);
            write(&mut out)?;
            return out.flush();
        }
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".hyperslab-");
        if let Some(permissions) = permissions() {
            builder.permissions(permissions);
        }
        let mut out = BufWriter::new(builder.tempfile_in(folder)?);
        write(&mut out)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    attempt().map_err(|source| Error::io("write", path.display(), source))
}

/// Those of a file that anybody may have made: the mask of the process applies.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
fn permissions() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn permissions() -> Option<Permissions> {
    None
}
