//! Objects from one repository into another.

use std::collections::BTreeSet;
use std::io::Read;
use std::ops::ControlFlow;

use hyperslab_core::{Error, Result};
use serde::Serialize;

use crate::convenience::{Blobs, read_failed};
use crate::{BlobKey, BlobReader, BlobRepository, Missing, Order, Put, Sources, Watch};

/// So many objects are looked up at a time.
const BATCH: usize = 1 << 12;

/// Objects that are not longer are put together with others.
const SMALL_BYTES: u64 = 1 << 20;

/// So much is put together.
const TOGETHER_BYTES: usize = 16 << 20;

/// What copying did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TransferReport {
    /// Objects that were copied.
    pub copied: u64,
    /// Bytes of their content.
    pub copied_bytes: u64,
    /// Objects that were there already.
    pub existed: u64,
}

/// Copies objects, all of them if no keys are given, and tells of each its key there and here: they are the same where both
/// repositories make their keys of the content in one way. What is there already is not read.
///
/// ```
/// use hyperslab_blobs::{BlobRepository, Blobs, MemoryBlobs, UNWATCHED, transfer};
///
/// let (from, to) = (MemoryBlobs::new(), MemoryBlobs::new());
/// let key = from.put_bytes(b"a figure")?.key;
/// let report = transfer(&from, &to, None, &mut |_, _| (), UNWATCHED)?;
/// assert_eq!((report.copied, to.content(&key)?), (1, b"a figure".to_vec()));
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
///
/// # Errors
/// `NotFound` that names keys that are not there, before anything is copied; `Corrupt` for an object that is not what its key says;
/// what both repositories say. What was copied until then stays.
pub fn transfer(
    from: &dyn BlobRepository,
    to: &dyn BlobRepository,
    keys: Option<&[BlobKey]>,
    tell: &mut dyn FnMut(&BlobKey, &BlobKey),
    watch: &Watch<'_>,
) -> Result<TransferReport> {
    let listed: Vec<BlobKey>;
    let keys = match keys {
        Some(keys) => {
            from.stat_all(keys)?;
            let once: BTreeSet<BlobKey> = keys.iter().copied().collect();
            listed = once.into_iter().collect();
            &listed
        }
        None => {
            listed = from.list()?.collect::<Result<_>>()?;
            &listed
        }
    };
    let format = from.info().key_format;
    let mut transfer = Transfer {
        to,
        keeps_keys: format.is_of_content() && format == to.info().key_format,
        together: Vec::new(),
        report: TransferReport::default(),
    };
    let mut done = 0;
    for batch in keys.chunks(BATCH) {
        watch(done, keys.len() as u64);
        let wanted = transfer.wanted(batch, tell)?;
        let mut visit = |key: &BlobKey, reader: Option<&mut dyn BlobReader>| {
            if let Some(reader) = reader {
                transfer.take(key, reader, tell)?;
            }
            Ok(ControlFlow::Continue(()))
        };
        from.read_many(&wanted, Order::AsStored, Missing::Skip, &mut visit)?;
        done += batch.len() as u64;
    }
    transfer.put_together(tell)?;
    watch(done, done);
    Ok(transfer.report)
}

struct Transfer<'a> {
    to: &'a dyn BlobRepository,
    /// Whether an object has the same key in both.
    keeps_keys: bool,
    /// Small objects that are put together.
    together: Vec<(BlobKey, Vec<u8>)>,
    report: TransferReport,
}

impl Transfer<'_> {
    /// Those that are not there yet, as far as that can be known.
    fn wanted(
        &mut self,
        keys: &[BlobKey],
        tell: &mut dyn FnMut(&BlobKey, &BlobKey),
    ) -> Result<Vec<BlobKey>> {
        if !self.keeps_keys {
            return Ok(keys.to_vec());
        }
        let (mut there, mut wanted) = (Vec::new(), Vec::new());
        for (key, found) in keys.iter().zip(self.to.stat_many(keys)?) {
            match found {
                Some(_) => there.push(*key),
                None => wanted.push(*key),
            }
        }
        // Who deletes what nothing names must leave them as if they had been put.
        for (key, is_there) in there.iter().zip(self.to.renew(&there)?) {
            if !is_there {
                wanted.push(*key);
                continue;
            }
            self.report.existed += 1;
            tell(key, key);
        }
        Ok(wanted)
    }

    fn take(
        &mut self,
        key: &BlobKey,
        reader: &mut dyn BlobReader,
        tell: &mut dyn FnMut(&BlobKey, &BlobKey),
    ) -> Result<()> {
        if reader.size() > SMALL_BYTES {
            let mut reader = reader;
            let put = self.to.put(&mut reader);
            let put = put.map_err(|error| error.context(format!("object {key}")))?;
            return self.told(key, &put, tell);
        }
        let mut content = Vec::new();
        reader
            .read_to_end(&mut content)
            .map_err(|source| read_failed(key, source))?;
        self.together.push((*key, content));
        let gathered: usize = self.together.iter().map(|(_, content)| content.len()).sum();
        match gathered >= TOGETHER_BYTES || self.together.len() >= BATCH {
            true => self.put_together(tell),
            false => Ok(()),
        }
    }

    fn put_together(&mut self, tell: &mut dyn FnMut(&BlobKey, &BlobKey)) -> Result<()> {
        let together = std::mem::take(&mut self.together);
        if together.is_empty() {
            return Ok(());
        }
        let mut sources = together.iter().map(|(_, content)| {
            let source: Box<dyn Read> = Box::new(content.as_slice());
            Ok(source)
        });
        let sources: &mut Sources<'_> = &mut sources;
        let puts = self.to.put_many(sources)?;
        for ((key, _), put) in together.iter().zip(&puts) {
            self.told(key, put, tell)?;
        }
        Ok(())
    }

    fn told(
        &mut self,
        key: &BlobKey,
        put: &Put,
        tell: &mut dyn FnMut(&BlobKey, &BlobKey),
    ) -> Result<()> {
        if self.keeps_keys && put.key != *key {
            return Err(Error::corrupt(format!(
                "object {key} has the content of {}; restore it from a copy",
                put.key
            )));
        }
        match put.existed {
            true => self.report.existed += 1,
            false => {
                self.report.copied += 1;
                self.report.copied_bytes += put.size;
            }
        }
        tell(key, &put.key);
        Ok(())
    }
}
