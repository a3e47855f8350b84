//! What is attached to one owner, here and in the target.

use std::collections::HashSet;

use super::super::manifest::{Addition, AttachedFile, Manifest};
use super::super::owner::Owner;
use super::{AttachmentDifference, AttachmentsCopy};
use crate::blobs::BlobKey;

/// What differs, and what is to be done about it.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// What is to be named in the target.
    pub(super) more: Addition,
    /// The paths of it that the target has otherwise.
    replaced: HashSet<String>,
    /// The objects of what is the same.
    present: HashSet<BlobKey>,
    present_files: u64,
    differences: Vec<AttachmentDifference>,
}

impl Comparison {
    pub(super) fn of(owner: &Owner, ours: &Manifest, theirs: &Manifest, overwrite: bool) -> Self {
        let mut compared = Self::default();
        for (path, file) in ours.files() {
            compared.file(owner, path, file, theirs, overwrite);
        }
        let (inputs, there) = (ours.inputs(), theirs.inputs());
        if inputs == there {
            compared.present.extend(inputs);
        } else if !inputs.is_empty() && (there.is_empty() || overwrite) {
            compared.more.inputs = Some(inputs.clone());
        } else if !inputs.is_empty() {
            compared.differ(owner, None, "other inputs are written down there", true);
        }
        compared
    }

    fn file(
        &mut self,
        owner: &Owner,
        path: &str,
        file: &AttachedFile,
        theirs: &Manifest,
        overwrite: bool,
    ) {
        match theirs.files().get(path) {
            Some(there) if there.key == file.key && there.media_type == file.media_type => {
                self.present_files += 1;
                self.present.insert(file.key);
                return;
            }
            Some(_) if !overwrite => {
                let message = "another file is attached there";
                return self.differ(owner, Some(path), message, true);
            }
            Some(_) => {
                self.replaced.insert(path.to_owned());
            }
            None => {
                if let Err(error) = theirs.check_room(path) {
                    return self.differ(owner, Some(path), error.message(), false);
                }
            }
        }
        self.more.files.insert(path.to_owned(), file.clone());
    }

    fn differ(&mut self, owner: &Owner, path: Option<&str>, message: &str, replaceable: bool) {
        self.differences.push(AttachmentDifference {
            owner: *owner,
            path: path.map(str::to_owned),
            message: message.to_owned(),
            replaceable,
        });
    }

    /// Whether the target names an object as the source does.
    pub(super) fn is_present(&self, key: &BlobKey) -> bool {
        self.present.contains(key)
    }

    /// All objects that must be in the target, each once.
    pub(super) fn keys(&self) -> Vec<BlobKey> {
        let mut keys = self.more.keys();
        keys.extend(&self.present);
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Names nothing but what was brought.
    pub(super) fn retain(&mut self, brought: &HashSet<BlobKey>) {
        self.more
            .files
            .retain(|_, file| brought.contains(&file.key));
        let inputs = self.more.inputs.take();
        self.more.inputs = inputs.filter(|keys| keys.iter().all(|key| brought.contains(key)));
    }

    /// Counts what has become of it.
    pub(super) fn tell(self, report: &mut AttachmentsCopy) {
        let paths = self.more.files.keys();
        let replaced = paths.filter(|path| self.replaced.contains(*path)).count();
        report.replaced += replaced as u64;
        report.copied += (self.more.files.len() - replaced) as u64;
        report.inputs += u64::from(self.more.inputs.is_some());
        report.present += self.present_files;
        report.differences.extend(self.differences);
    }
}
