//! Files that are being written, and files that should be there.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;
use tempfile::NamedTempFile;

/// With what the names of files begin that have none that lasts.
pub(crate) const UNNAMED: &str = ".tmp";

/// A new file in a folder, without a name that lasts. Others may read it as far as the mask of the process lets them: what is shared
/// stays shared.
pub(crate) fn unnamed(folder: impl AsRef<Path>) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(UNNAMED)
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
}

/// Opens a file of bytes that should be there: how many there are, too.
///
/// # Errors
/// `InvalidData` for what is something else: a folder, a pipe, which would be waited for, a link that leads round in a circle.
pub(crate) fn open(path: &Path) -> io::Result<(File, u64)> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| match is_circle(&error) {
        true => io::Error::new(io::ErrorKind::InvalidData, error),
        false => error,
    })?;
    let found = file.metadata()?;
    match found.is_file() {
        true => Ok((file, found.len())),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is no file of bytes",
        )),
    }
}

/// Whether an error says that a name is that of nothing: neither it nor what it leads to is there.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    ) || is_circle(error)
}

fn is_circle(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}
