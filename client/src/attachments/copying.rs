//! What is attached to a collection and its arrays, into another store.

use hyperslab_core::{Collection, ErrorKind, Result};
use serde::Serialize;

use super::manifest::Addition;
use super::owner::identity;
use super::{AttachedFile, Attachments, Manifest, Owner};
use crate::blobs::{BlobKey, UNWATCHED, transfer};

/// What copying attachments did. Each file counts once among copied, present, replaced and differences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AttachmentsCopy {
    /// Files that were not attached in the target, and now are.
    pub copied: u64,
    /// Files that were attached in the target already, with the same content.
    pub present: u64,
    /// Files of the target that had another content and were replaced.
    pub replaced: u64,
    /// Bytes of content that was not in the target.
    pub copied_bytes: u64,
    /// What the target has otherwise, and was left alone.
    pub differences: Vec<AttachmentDifference>,
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
}

impl Attachments {
    /// Copies what is attached to a collection and its arrays to a collection of another store that has arrays of the same identity, as
    /// [`copy`](crate::copy()) makes it. What is there already is left alone, or replaced with `overwrite` where it differs. An
    /// array that the target does not have is passed over. Content that the target has is not copied again.
    ///
    /// # Errors
    /// `Corrupt` for a document that makes no sense, and when content is damaged; `NotFound` when it is not there; as
    /// [`attach`](Self::attach). What was copied until then stays.
    ///
    /// ```
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
    /// let copied = ours.copy(&from, &theirs, &to, false)?;
    /// assert_eq!((copied.copied, copied.copied_bytes), (1, 12));
    /// # Ok::<(), hyperslab::Error>(())
    /// ```
    pub fn copy(
        &self,
        from: &Collection,
        other: &Self,
        to: &Collection,
        overwrite: bool,
    ) -> Result<AttachmentsCopy> {
        let mut report = AttachmentsCopy::default();
        for name in self.names(Some(identity(from)))? {
            // Removed meanwhile.
            let Some((text, _)) = self.documents.read(&name)? else {
                continue;
            };
            let (owner, manifest) = Manifest::parse(&name, &text)?;
            if let Some(owner) = self.moved(&owner, to)? {
                self.copy_of_owner(&manifest, other, &owner, overwrite, &mut report)?;
            }
        }
        Ok(report)
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

    fn copy_of_owner(
        &self,
        manifest: &Manifest,
        other: &Self,
        owner: &Owner,
        overwrite: bool,
        report: &mut AttachmentsCopy,
    ) -> Result<()> {
        let (mut keys, more) = wanted(manifest, &other.manifest(owner)?, owner, overwrite, report);
        keys.extend(more.keys());
        let Some(repository) = self.repository()?.filter(|_| !keys.is_empty()) else {
            return Ok(());
        };
        let _attaching = other.documents.attaching(other.patience)?;
        let made = other.made()?;
        let mut unheard = |_: &_, _: &_| ();
        let transferred = transfer(&*repository, &*made, Some(&keys), &mut unheard, UNWATCHED)?;
        report.copied_bytes += transferred.copied_bytes;
        match more.is_empty() {
            true => Ok(()),
            false => other.name(owner, &more),
        }
    }
}

/// What is named there already, the objects of which may not be there, and what is to be named.
fn wanted(
    ours: &Manifest,
    theirs: &Manifest,
    owner: &Owner,
    overwrite: bool,
    report: &mut AttachmentsCopy,
) -> (Vec<BlobKey>, Addition) {
    let (mut present, mut more) = (Vec::new(), Addition::default());
    let mut differ = |path: Option<&String>, message: &str| {
        report.differences.push(AttachmentDifference {
            owner: *owner,
            path: path.cloned(),
            message: message.to_owned(),
        });
    };
    for (path, file) in ours.files() {
        match (theirs.files().get(path), theirs.check_room(path)) {
            (Some(there), _) if is_same(there, file) => {
                report.present += 1;
                present.push(file.key);
                continue;
            }
            (Some(_), _) if !overwrite => {
                differ(Some(path), "another file is attached there");
                continue;
            }
            (None, Err(error)) => {
                differ(Some(path), error.message());
                continue;
            }
            (Some(_), _) => report.replaced += 1,
            (None, Ok(())) => report.copied += 1,
        }
        more.files.insert(path.clone(), file.clone());
    }
    let (inputs, there) = (ours.inputs(), theirs.inputs());
    if inputs == there {
        present.extend(inputs);
    } else if !inputs.is_empty() && (there.is_empty() || overwrite) {
        more.inputs = Some(inputs.clone());
    } else if !inputs.is_empty() {
        differ(None, "other inputs are written down there");
    }
    (present, more)
}

fn is_same(one: &AttachedFile, other: &AttachedFile) -> bool {
    one.key == other.key && one.media_type == other.media_type
}
