//! Files that are being written.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

/// A new file in a folder, without a name that lasts. Others may read it as far as the mask of the process lets them: what is shared
/// stays shared.
pub(crate) fn unnamed(folder: impl AsRef<Path>) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
}
