//! Compressing, as a container does it.

use std::io::{self, Write};

use flate2::write::ZlibEncoder;

use super::Compression;

impl Compression {
    /// Writes compressed what `feed` gives.
    pub(super) fn encode<T, E: From<io::Error>>(
        self,
        to: &mut dyn Write,
        feed: impl FnOnce(&mut dyn Write) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Zlib(level) => {
                let mut encoder = ZlibEncoder::new(to, flate2::Compression::new(level));
                let fed = feed(&mut encoder)?;
                encoder.finish()?;
                Ok(fed)
            }
            Self::Zstd(level) => {
                let level = i32::try_from(level).unwrap_or_default();
                let mut encoder = zstd::stream::write::Encoder::new(to, level)?;
                let fed = feed(&mut encoder)?;
                encoder.finish()?;
                Ok(fed)
            }
        }
    }

    /// These bytes compressed.
    pub(super) fn encoded(self, content: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoded = Vec::new();
        self.encode(&mut encoded, |to| to.write_all(content))?;
        Ok(encoded)
    }
}
