//! Writing archives.

use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use hyperslab_core::{Error, Result};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{ArchiveBlobs, FOLDER};
use crate::convenience::{Blobs, read_failed};
use crate::files;
use crate::{
    BlobKey, BlobReader, BlobRepository, KeyFormat, Missing, Order, TransferReport, Watch,
};

/// What is longer needs the fields of large files.
const LARGE_BYTES: u64 = 0xffff_ffff;

impl ArchiveBlobs {
    /// Writes a new archive of all objects of a repository, or of those of these keys, in the order in which they lie. It has its name
    /// when all of it is there.
    ///
    /// # Errors
    /// `AlreadyExists`; `Unsupported` for a repository whose keys are not SHA-256; `NotFound` that names keys that are not there;
    /// `Corrupt`; what the media say.
    pub fn write(
        path: &Path,
        from: &dyn BlobRepository,
        keys: Option<&[BlobKey]>,
        watch: &Watch<'_>,
    ) -> Result<TransferReport> {
        if from.info().key_format != KeyFormat::Sha256 {
            return Err(Error::unsupported(format!(
                "an archive has keys of SHA-256, and this repository has {}; copy it into a container first",
                from.info().key_format
            )));
        }
        let keys: Vec<BlobKey> = match keys {
            Some(keys) => keys.to_vec(),
            None => from.list()?.collect::<Result<_>>()?,
        };
        from.stat_all(&keys)?;
        let fail = |source: io::Error| Error::io("write", path.display(), source);
        if path.exists() {
            return Err(fail(io::ErrorKind::AlreadyExists.into()));
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let file = files::unnamed(folder.unwrap_or(Path::new("."))).map_err(fail)?;
        let mut zip = ZipWriter::new(io::BufWriter::new(file));
        let mut report = TransferReport::default();
        let mut visit = |key: &BlobKey, reader: Option<&mut dyn BlobReader>| {
            watch(report.copied, keys.len() as u64);
            if let Some(reader) = reader {
                let size = reader.size();
                append(&mut zip, key, reader).map_err(|source| read_failed(key, source))?;
                report.copied += 1;
                report.copied_bytes += size;
            }
            Ok(ControlFlow::Continue(()))
        };
        from.read_many(&keys, Order::AsStored, Missing::Skip, &mut visit)?;
        let written = zip.finish().map_err(io::Error::from);
        let file =
            written.and_then(|file| file.into_inner().map_err(io::IntoInnerError::into_error));
        let file = file.map_err(fail)?;
        file.as_file().sync_all().map_err(fail)?;
        file.persist_noclobber(path)
            .map_err(|error| fail(error.error))?;
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(fail)?;
        Ok(report)
    }
}

fn append<W: Write + io::Seek>(
    zip: &mut ZipWriter<W>,
    key: &BlobKey,
    reader: &mut dyn BlobReader,
) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .large_file(reader.size() >= LARGE_BYTES);
    zip.start_file(format!("{FOLDER}{key}"), options)?;
    io::copy(&mut { reader }, zip).map(drop)
}
