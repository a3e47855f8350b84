//! What was appended, read back before it gets rows: another program that does not know our lock may have written there.

use std::os::unix::fs::FileExt;

use hyperslab_core::{Error, Result};
use rayon::prelude::*;

use super::appender::{SMALL_BYTES, in_use};
use super::index::Row;
use super::{ContainerBlobs, WORTH_A_THREAD};
use crate::BlobKey;
use crate::hashing::KeyHash;

impl ContainerBlobs {
    /// That packed bytes are what their keys say.
    ///
    /// # Errors
    /// `Conflict` when they are not.
    pub(super) fn verify_rows(&self, rows: &[(BlobKey, Row)]) -> Result<()> {
        self.packs.close();
        rows.par_chunks(WORTH_A_THREAD).try_for_each(|rows| {
            rows.chunk_by(|(_, one), (_, next)| are_neighbours(one, next))
                .try_for_each(|run| self.verify_run(run))
        })
    }

    /// The same for some that lie side by side: they are read at once.
    fn verify_run(&self, run: &[(BlobKey, Row)]) -> Result<()> {
        let (first, last) = match run {
            [] => return Ok(()),
            [(key, row)] => return conflict_unless(self.holds_packed(key, *row)?, row),
            [(_, first), .., (_, last)] => (first, last),
        };
        let fail = |source| Error::io("read", self.folders.pack(first.pack).display(), source);
        let end = last.offset.saturating_add(last.length);
        let (file, pack_end) = self.packs.open(&self.folders, first.pack, end, true)?;
        conflict_unless(end <= pack_end, first)?;
        let length = usize::try_from(end - first.offset).unwrap_or_default();
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, first.offset).map_err(fail)?;
        let mut rest = bytes.as_slice();
        for (key, row) in run {
            let length = usize::try_from(row.length).unwrap_or_default();
            let (content, behind) = rest.split_at_checked(length).unwrap_or_default();
            rest = behind;
            conflict_unless(KeyHash::of(key.format(), content) == *key, row)?;
        }
        Ok(())
    }
}

fn conflict_unless(sound: bool, row: &Row) -> Result<()> {
    match sound {
        true => Ok(()),
        false => Err(in_use(row.pack)),
    }
}

/// Whether one object begins where another ends, and both are small and not compressed.
fn are_neighbours(one: &Row, next: &Row) -> bool {
    let is_plain = |row: &Row| !row.compressed && row.length <= SMALL_BYTES;
    let follows = one.pack == next.pack && one.offset.checked_add(one.length) == Some(next.offset);
    follows && is_plain(one) && is_plain(next)
}
