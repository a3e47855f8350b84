//! Packed objects as loose ones: for programs that need a file, or are to move about in what is compressed.

use hyperslab_core::Result;

use super::{ContainerBlobs, loose};
use crate::convenience::check_keys;
use crate::{BlobKey, Missing, Order};

impl ContainerBlobs {
    /// Writes packed objects as loose files, too: how many were written. They stay packed, and cleaning removes the files again.
    ///
    /// # Errors
    /// `NotFound` that names all keys that are not there, before anything is written; `Corrupt`; what the medium says.
    pub fn loosen(&self, keys: &[BlobKey]) -> Result<u64> {
        check_keys(self, keys)?;
        let mut written = 0;
        let mut visit = |key: &BlobKey, reader: Option<&mut dyn crate::BlobReader>| {
            if let Some(mut reader) = reader {
                let spooled = loose::spool(&self.folders, &self.config, &mut reader)
                    .map_err(|error| error.context(format!("object {key}")))?;
                let put = spooled.publish(&self.folders, &self.config)?;
                written += u64::from(!put.existed);
            }
            Ok(std::ops::ControlFlow::Continue(()))
        };
        self.visit_many(keys, (Order::AsStored, Missing::Fail), &mut visit)?;
        Ok(written)
    }
}
