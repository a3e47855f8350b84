//! An object, wherever it is: packed, loose or both. What is read is checked, and where one copy is damaged the other is read.

use std::collections::BTreeSet;

use hyperslab_core::{Error, ErrorKind, Result};

use super::index::Row;
use super::{ContainerBlobs, extent, loose};
use crate::convenience::{absent, not_there, read_failed};
use crate::verified::{WHOLE_BYTES_MAX, verified};
use crate::{BlobKey, BlobReader, Missing, Order, Verification, Visit};

/// What is packed, or repacked, while it is opened, is looked for again.
const ATTEMPTS: usize = 3;

/// Where an object was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Packed(Row),
    Loose(u64),
}

impl ContainerBlobs {
    /// Where each object is: packed, if it is both; `None` for one that is not there.
    pub(super) fn find(&self, keys: &[BlobKey]) -> Result<Vec<Option<Found>>> {
        let packed = self.index.find(keys)?;
        let mut found = Vec::with_capacity(keys.len());
        let mut unfound = Vec::new();
        for (place, (key, row)) in keys.iter().zip(packed).enumerate() {
            let here = match row {
                Some(row) => Some(Found::Packed(row)),
                None => loose::size(&self.loose_path(key))?.map(Found::Loose),
            };
            if here.is_none() {
                unfound.push(place);
            }
            found.push(here);
        }
        if unfound.is_empty() {
            return Ok(found);
        }
        // One that was packed, and whose file was removed, between the two looks is in the index by now.
        let again: Vec<BlobKey> = unfound
            .iter()
            .filter_map(|&place| keys.get(place).copied())
            .collect();
        for (place, row) in unfound.into_iter().zip(self.index.find(&again)?) {
            if let Some(slot) = found.get_mut(place) {
                *slot = row.map(Found::Packed);
            }
        }
        Ok(found)
    }

    /// Where an object is, for who does not read it: its file is looked for first, so that of one that is not there the index is
    /// asked once. One without a file at first has a row from then on, if it is there at all.
    pub(super) fn look_for(&self, key: &BlobKey) -> Result<Option<Found>> {
        let loose = loose::size(&self.loose_path(key))?.map(Found::Loose);
        Ok(self.index.find_one(key)?.map(Found::Packed).or(loose))
    }

    /// Where an object is.
    pub(super) fn find_one(&self, key: &BlobKey) -> Result<Option<Found>> {
        if let Some(row) = self.index.find_one(key)? {
            return Ok(Some(Found::Packed(row)));
        }
        if let Some(size) = loose::size(&self.loose_path(key))? {
            return Ok(Some(Found::Loose(size)));
        }
        Ok(self.index.find_one(key)?.map(Found::Packed))
    }

    /// Whether an object is packed, sound there, and safe.
    pub(super) fn is_packed(&self, key: &BlobKey) -> Result<bool> {
        let row = self.index.find_one(key)?;
        Ok(row.is_some_and(|row| {
            self.holds_packed(key, row).unwrap_or(false) && self.make_safe([row]).is_ok()
        }))
    }

    /// Opens an object.
    pub(super) fn open_checked(
        &self,
        key: &BlobKey,
        verification: Verification,
    ) -> Result<Box<dyn BlobReader>> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let Some(found) = self.find_one(key)? else {
                break;
            };
            match self.open_found(key, found, verification) {
                Ok(reader) => return Ok(reader),
                Err(error) if !is_of_object(&error) => return Err(error),
                Err(error) => last = Some(error),
            }
        }
        match last {
            None => Err(not_there(key)),
            Some(error) => match self.open_loose(key, verification) {
                Ok(reader) => Ok(reader),
                Err(_) if error.kind() == ErrorKind::Corrupt => Err(error),
                Err(_) => Err(Error::corrupt(format!(
                    "object {key} is in the container, and what it should be is not: {}",
                    error.message()
                ))
                .with_source(error)),
            },
        }
    }

    fn open_found(
        &self,
        key: &BlobKey,
        found: Found,
        verification: Verification,
    ) -> Result<Box<dyn BlobReader>> {
        let row = match found {
            Found::Loose(_) => return self.open_loose(key, verification),
            Found::Packed(row) => row,
        };
        // Of a long one it is known at its end only whether it is sound, and then another copy is of no use any more.
        let is_long = row.size > WHOLE_BYTES_MAX;
        if verification == Verification::Always
            && is_long
            && loose::size(&self.loose_path(key))?.is_some()
            && !self.holds_packed(key, row).unwrap_or(false)
            && let Ok(reader) = self.open_loose(key, verification)
        {
            return Ok(reader);
        }
        let believing = verification == Verification::Always && !is_long;
        let reader = self.open_extent(key, row, believing)?;
        self.checked(key, reader, verification)
            .inspect_err(|_| self.packs.forget(row.pack))
    }

    /// Opens the bytes that a row leads to. Who believes that an open pack is still the one of its name must find out by what is read.
    pub(super) fn open_extent(
        &self,
        key: &BlobKey,
        row: Row,
        believing: bool,
    ) -> Result<Box<dyn BlobReader>> {
        extent::open(
            &self.packs,
            &self.folders,
            key,
            row,
            self.config.compression,
            believing,
        )
    }

    fn open_loose(&self, key: &BlobKey, verification: Verification) -> Result<Box<dyn BlobReader>> {
        let reader = loose::open(&self.loose_path(key))?;
        self.checked(key, reader, verification)
    }

    fn checked(
        &self,
        key: &BlobKey,
        reader: Box<dyn BlobReader>,
        verification: Verification,
    ) -> Result<Box<dyn BlobReader>> {
        match verification {
            Verification::Never => Ok(reader),
            Verification::Always => {
                verified(key, reader).map_err(|source| read_failed(key, source))
            }
        }
    }

    /// Visits objects; as they are stored, pack by pack.
    pub(super) fn visit_many(
        &self,
        keys: &[BlobKey],
        (order, missing): (Order, Missing),
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        let once: Vec<BlobKey>;
        let keys = match order {
            Order::AsAsked => keys,
            Order::AsStored => {
                let sorted: BTreeSet<BlobKey> = keys.iter().copied().collect();
                once = sorted.into_iter().collect();
                &once
            }
        };
        let found = self.find(keys)?;
        let mut wanted: Vec<(&BlobKey, Option<Found>)> = keys.iter().zip(found).collect();
        if missing == Missing::Fail {
            let gone = wanted.iter().filter(|(_, found)| found.is_none());
            absent(gone.map(|(key, _)| *key))?;
        }
        if order == Order::AsStored {
            wanted.sort_unstable_by_key(|(_, found)| match found {
                Some(Found::Packed(row)) => (0, row.pack, row.offset),
                Some(Found::Loose(_)) => (1, 0, 0),
                None => (2, 0, 0),
            });
        }
        for (key, found) in wanted {
            let opened = match found {
                None => None,
                Some(found) => self.open_or_look_again(key, found, missing)?,
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

    fn open_or_look_again(
        &self,
        key: &BlobKey,
        found: Found,
        missing: Missing,
    ) -> Result<Option<Box<dyn BlobReader>>> {
        let opened = match self.open_found(key, found, self.verification) {
            Err(error) if is_of_object(&error) => self.open_checked(key, self.verification),
            opened => opened,
        };
        match opened {
            Err(error) if error.kind() == ErrorKind::NotFound && missing == Missing::Skip => {
                Ok(None)
            }
            opened => opened.map(Some),
        }
    }
}

/// Whether an error is of the object itself, so that another look, or another copy, may help.
fn is_of_object(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Corrupt)
}
