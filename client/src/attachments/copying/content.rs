//! The objects that are named, from one repository into another.

use std::collections::HashSet;

use hyperslab_core::{Error, ErrorKind, Result};

use super::super::checking::is_of_what_lies_there;
use super::super::{Manifest, lost};
use super::AttachmentsCopy;
use super::comparison::Comparison;
use crate::blobs::{BlobKey, Blobs, Repository, UNWATCHED, transfer};
use crate::copying::CopyOptions;

/// Both repositories.
pub(super) struct Content<'a> {
    pub(super) from: Repository,
    pub(super) to: Repository,
    pub(super) options: &'a CopyOptions,
}

impl Content<'_> {
    /// Brings objects that the target does not have, and puts those again that are damaged there: all that are in the target now.
    ///
    /// # Errors
    /// `Corrupt` for an object that is lost or damaged, unless the copy is to go on: then that is told.
    pub(super) fn bring(
        &self,
        ours: &Manifest,
        compared: &Comparison,
        report: &mut AttachmentsCopy,
    ) -> Result<HashSet<BlobKey>> {
        let keys = compared.keys();
        let mut brought = HashSet::new();
        let (mut absent, mut damaged) = (Vec::new(), Vec::new());
        for (key, is_there) in keys.iter().zip(self.to.renew(&keys)?) {
            match is_there {
                false => absent.push(*key),
                true if self.is_damaged(key)? => damaged.push(*key),
                true => drop(brought.insert(*key)),
            }
        }
        self.leave_out_lost(ours, &mut absent, report)?;
        let mut copy = |keys: &[BlobKey], report: &mut AttachmentsCopy| {
            let (from, to) = (&*self.from, &*self.to);
            let copied = transfer(from, to, Some(keys), &mut |_, _| (), UNWATCHED)?;
            report.copied_bytes += copied.copied_bytes;
            Ok(())
        };
        let copied = self.each(&absent, report, &mut copy)?;
        let mut put_again = |keys: &[BlobKey], _: &mut AttachmentsCopy| {
            keys.iter().try_for_each(|key| {
                let mut sound = self.from.open(key)?;
                self.to.put(&mut sound).map(drop)
            })
        };
        let mended = self.each(&damaged, report, &mut put_again)?;
        let lost_there = copied.iter().filter(|key| compared.is_present(key));
        report.mended += (mended.len() + lost_there.count()) as u64;
        brought.extend(copied.into_iter().chain(mended));
        Ok(brought)
    }

    fn is_damaged(&self, key: &BlobKey) -> Result<bool> {
        if !self.options.verify {
            return Ok(false);
        }
        match self.to.sha256(key) {
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(true),
            read => read.map(|_| false),
        }
    }

    /// Keeps those that are in the source.
    fn leave_out_lost(
        &self,
        ours: &Manifest,
        keys: &mut Vec<BlobKey>,
        report: &mut AttachmentsCopy,
    ) -> Result<()> {
        let mut there = self.from.has_many(keys)?.into_iter();
        let (there, gone): (Vec<BlobKey>, Vec<BlobKey>) =
            keys.iter().partition(|_| there.next().unwrap_or_default());
        for key in gone {
            let path = ours.files().iter().find(|(_, file)| file.key == key);
            let error = lost(path.map(|(path, _)| path.as_str()), &key);
            self.leave_out(error, report)?;
        }
        *keys = there;
        Ok(())
    }

    /// Tells what cannot be read, if the copy is to go on.
    fn leave_out(&self, error: Error, report: &mut AttachmentsCopy) -> Result<()> {
        if !self.options.keep_going || !is_of_what_lies_there(&error) {
            return Err(error);
        }
        report.left_out.push(error.message().to_owned());
        Ok(())
    }

    /// Does something with objects: all at once, or one by one where one fails and the copy is to go on. With which it was done.
    fn each(
        &self,
        keys: &[BlobKey],
        report: &mut AttachmentsCopy,
        work: &mut dyn FnMut(&[BlobKey], &mut AttachmentsCopy) -> Result<()>,
    ) -> Result<Vec<BlobKey>> {
        match work(keys, report) {
            Ok(()) => return Ok(keys.to_vec()),
            Err(error) if !self.options.keep_going => return Err(error),
            Err(_) => {}
        }
        let mut done = Vec::new();
        for key in keys {
            match work(&[*key], report) {
                Ok(()) => done.push(*key),
                Err(error) => self.leave_out(error, report)?,
            }
        }
        Ok(done)
    }
}
