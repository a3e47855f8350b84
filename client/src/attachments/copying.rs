//! What is attached to a collection and its arrays, into another store.
//!
//! Content goes first, then it is named, unless the target has named something else by then. Meanwhile nobody collects on either side,
//! where that can be.

mod comparison;
mod content;

use std::fs::File;

use hyperslab_core::{Collection, ErrorKind, Result};
use serde::Serialize;

use self::comparison::Comparison;
use self::content::Content;
use super::checking::is_of_what_lies_there;
use super::owner::identity;
use super::{Attachments, Manifest, Owner};
use crate::copying::CopyOptions;

/// What copying attachments did. Each file counts once among copied, present, replaced and differences, or is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AttachmentsCopy {
    /// Files that were not attached in the target, and now are.
    pub copied: u64,
    /// Files that were attached in the target already, with the same content.
    pub present: u64,
    /// Files of the target that had another content and were replaced.
    pub replaced: u64,
    /// Owners whose inputs were written down in the target.
    pub inputs: u64,
    /// Bytes of content that was not in the target.
    pub copied_bytes: u64,
    /// Objects that were lost or damaged in the target, and were put again.
    pub mended: u64,
    /// What the target has otherwise, and was left alone.
    pub differences: Vec<AttachmentDifference>,
    /// What of the source could not be read, each with the reason.
    pub left_out: Vec<String>,
}

/// Something attached in the target that is not as in the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttachmentDifference {
    /// To whom it is attached, in the target.
    pub owner: Owner,
    /// Under which path; `None` for the inputs.
    pub path: Option<String>,
    /// What differs, in a sentence.
    pub message: String,
    /// Whether overwriting replaces it.
    pub replaceable: bool,
}

impl Attachments {
    /// Copies what is attached to a collection and its arrays to a collection of another store that has arrays of the same identity, as
    /// [`copy`](crate::copy()) makes it. What differs there is left alone, or replaced with `overwrite`; with `verify` the content of
    /// what is there is read, and put again if it is damaged; with `keep_going` what cannot be read is left out. An array that the
    /// target does not have is passed over. Content that the target has is not copied again.
    ///
    /// # Errors
    /// `Corrupt` for a document that makes no sense, and when content is damaged or lost; as [`attach`](Self::attach). What was
    /// copied until then stays.
    ///
    /// ```
    /// use hyperslab::CopyOptions;
    /// use hyperslab::attachments::{Attachments, Owner};
    /// use hyperslab::blocking::Store;
    /// use hyperslab::prelude::*;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let url = |name: &str| folder.path().join(name).display().to_string();
    /// let schema = Schema::builder(DType::Int32).dimension(Dimension::new("x", 3)).build()?;
    /// let open = |name| -> hyperslab::Result<_> {
    ///     let series = Store::create(&url(name))?.create_collection("series", schema.clone())?;
    ///     Ok((series, Attachments::open(&url(name))?))
    /// };
    /// let ((from, ours), (to, theirs)) = (open("from")?, open("to")?);
    /// ours.attach(&Owner::collection(&from), "run.log", &mut &b"it went well"[..], None)?;
    /// let copied = ours.copy(&from, &theirs, &to, &CopyOptions::default())?;
    /// assert_eq!((copied.copied, copied.copied_bytes), (1, 12));
    /// # Ok::<(), hyperslab::Error>(())
    /// ```
    pub fn copy(
        &self,
        from: &Collection,
        other: &Self,
        to: &Collection,
        options: &CopyOptions,
    ) -> Result<AttachmentsCopy> {
        let mut report = AttachmentsCopy::default();
        for name in self.names(Some(identity(from)))? {
            match self.copy_document(&name, (other, to), options, &mut report) {
                Err(error) if options.keep_going && is_of_what_lies_there(&error) => {
                    report.left_out.push(error.message().to_owned());
                }
                copied => copied?,
            }
        }
        Ok(report)
    }

    fn copy_document(
        &self,
        name: &str,
        (other, to): (&Self, &Collection),
        options: &CopyOptions,
        report: &mut AttachmentsCopy,
    ) -> Result<()> {
        let _reading = self.reading()?;
        let Some((owner, ours)) = self.manifest_of(name)? else {
            return Ok(());
        };
        let Some(owner) = self
            .moved(&owner, to)?
            .filter(|_| ours != Manifest::default())
        else {
            return Ok(());
        };
        let _attaching = other.documents.attaching(other.patience)?;
        let compare = |theirs: &Manifest| Comparison::of(&owner, &ours, theirs, options.overwrite);
        let mut compared = compare(&other.manifest(&owner)?);
        let content = Content {
            from: self.needed()?,
            to: other.made()?,
            options,
        };
        let brought = content.bring(&ours, &compared, report)?;
        if !compared.more.is_empty() {
            other.name_what(&owner, |theirs| {
                compared = compare(theirs);
                compared.retain(&brought);
                compared.more.clone()
            })?;
        }
        compared.tell(report);
        Ok(())
    }

    /// Keeps whoever collects out while the source is read, if anything can be locked there.
    fn reading(&self) -> Result<Option<File>> {
        match self.documents.attaching(self.patience) {
            Err(error) if error.kind() != ErrorKind::Locked => Ok(None),
            locked => locked,
        }
    }

    /// The same owner in another collection; `None` when it is not there.
    fn moved(&self, owner: &Owner, to: &Collection) -> Result<Option<Owner>> {
        let collection = identity(to);
        Ok(match *owner {
            Owner::Store => None,
            Owner::Collection { .. } => Some(Owner::Collection { collection }),
            Owner::Array { array, .. } => match self.runtime.block_on(to.get_by_id(array)) {
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                found => found.map(|_| Some(Owner::Array { collection, array }))?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use hyperslab_core::{DType, Dimension, Schema};

    use super::*;
    use crate::attachments::interposed::interpose;
    use crate::blocking::{Collection, Store};

    fn opened(folder: &tempfile::TempDir, name: &str) -> (Collection, Attachments) {
        let url = folder.path().join(name).display().to_string();
        let schema = Schema::builder(DType::Int8).dimension(Dimension::new("x", 1));
        let store = Store::create(&url).unwrap();
        let collection = store.create_collection("series", schema.build().unwrap());
        (collection.unwrap(), Attachments::open(&url).unwrap())
    }

    #[test]
    fn what_others_attach_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let ((from, ours), (to, mut theirs)) = (opened(&folder, "from"), opened(&folder, "to"));
        let attach = |attachments: &Attachments, series: &Collection, path: &str, text: &str| {
            let owner = Owner::collection(series);
            attachments.attach(&owner, path, &mut text.as_bytes(), None)
        };
        for path in ["run.log", "logs/a", "new"] {
            attach(&ours, &from, path, "of the source").unwrap();
        }
        let (other, series) = (theirs.clone(), to.clone());
        let once = std::sync::Once::new();
        interpose(&mut theirs, move || {
            once.call_once(|| {
                attach(&other, &series, "run.log", "of another").unwrap();
                attach(&other, &series, "logs", "a file").unwrap();
            });
            Ok(())
        });
        let report = ours.copy(&from, &theirs, &to, &CopyOptions::default());
        let report = report.unwrap();
        assert_eq!((report.copied, report.differences.len()), (1, 2));
        let manifest = theirs.manifest(&Owner::collection(&to)).unwrap();
        let paths: Vec<&String> = manifest.files().keys().collect();
        assert_eq!(paths, ["logs", "new", "run.log"]);
        assert_eq!(manifest.file("run.log").unwrap().size, 10);
    }
}
