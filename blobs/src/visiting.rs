//! Reading for repositories that open one object as fast as many.

use std::collections::BTreeSet;

use hyperslab_core::{Error, ErrorKind, Result};

use crate::convenience::{check_keys, read_failed, those_there};
use crate::hashing::{Sha256Digest, drain};
use crate::{BlobKey, BlobReader, BlobRepository, Missing, Order, Visit};

/// Visits objects by opening each.
pub(crate) fn one_by_one(
    repository: &(impl BlobRepository + ?Sized),
    keys: &[BlobKey],
    (order, missing): (Order, Missing),
    visit: &mut Visit<'_>,
) -> Result<()> {
    check_keys(repository, keys)?;
    if missing == Missing::Fail {
        those_there(keys, &repository.stat_many(keys)?, missing)?;
    }
    let once: BTreeSet<&BlobKey>;
    let wanted: Box<dyn Iterator<Item = &BlobKey>> = match order {
        Order::AsAsked => Box::new(keys.iter()),
        Order::AsStored => {
            once = keys.iter().collect();
            Box::new(once.into_iter())
        }
    };
    for key in wanted {
        let opened = match repository.open(key) {
            Ok(reader) => Some(reader),
            // With `Fail` it was there a moment ago.
            Err(error) if error.kind() == ErrorKind::NotFound && missing == Missing::Skip => None,
            Err(error) => return Err(error),
        };
        let mut opened = opened;
        let flow = match &mut opened {
            Some(reader) => visit(key, Some(&mut **reader))?,
            None => visit(key, None)?,
        };
        if flow.is_break() {
            break;
        }
    }
    Ok(())
}

/// The SHA-256 of an object, read from its start to its end; it must be the key, where keys are made so.
pub(crate) fn hash_of(key: &BlobKey, mut reader: Box<dyn BlobReader>) -> Result<Sha256Digest> {
    let drained = drain(&mut reader, |_| Ok(()));
    let (_, hash) = drained.map_err(|broken| read_failed(key, broken.into()))?;
    let is_it = key.format() != crate::KeyFormat::Sha256 || hash.to_string() == *key.text();
    if is_it {
        return Ok(hash);
    }
    Err(Error::corrupt(format!(
        "object {key} has the content of {hash}; restore it from a copy"
    )))
}
