//! Faults of attachments: objects that are not there, or not what they should be, and manifests that belong to nobody.

use std::collections::BTreeSet;

use hyperslab_core::name::ATTACHMENTS;
use hyperslab_core::{
    CheckLevel, CheckRequest, Error, ErrorKind, Finding, FindingKind, FindingSink, Result, Store,
};
use uuid::Uuid;

use super::owner::identity;
use super::{Attachments, Manifest, Owner};
use crate::blobs::{BlobFinding, BlobKey, Repository, UNWATCHED};

impl Attachments {
    /// Looks for faults as [`Store::check`] does for those of arrays: from level 3 on whether each object is there that a manifest
    /// names, at level 4 whether each is what its key says. With a collection asked for, those of that and its arrays.
    ///
    /// # Errors
    /// When manifests cannot be listed; what the media say.
    pub fn check(
        &self,
        store: &Store,
        request: &CheckRequest,
        sink: &mut dyn FindingSink,
    ) -> Result<()> {
        if request.level < CheckLevel::Layout {
            return Ok(());
        }
        let only = match &request.collection {
            None => None,
            Some(name) => match self.runtime.block_on(store.collection(name)) {
                Ok(collection) => Some(identity(&collection)),
                // What is wrong with it the check of arrays has told.
                Err(_) => return Ok(()),
            },
        };
        let checked = self.check_objects(only, request.level, sink);
        match checked {
            Err(error) if is_of_what_lies_there(&error) => {
                sink.report(layout(FindingKind::Corrupt, ATTACHMENTS, error.message()));
                Ok(())
            }
            checked => checked,
        }
    }

    fn check_objects(
        &self,
        only: Option<Uuid>,
        level: CheckLevel,
        sink: &mut dyn FindingSink,
    ) -> Result<()> {
        let named = self.check_manifests(only, sink)?;
        match self.repository()? {
            Some(repository) if level >= CheckLevel::Data => match only {
                None => check_all(&repository, sink),
                Some(_) => check_some(&repository, &named, sink),
            },
            _ => Ok(()),
        }
    }

    /// The objects that are named.
    fn check_manifests(
        &self,
        only: Option<Uuid>,
        sink: &mut dyn FindingSink,
    ) -> Result<BTreeSet<BlobKey>> {
        let mut named = BTreeSet::new();
        for name in self.names(only)? {
            let (owner, manifest) = match self.manifest_of(&name) {
                Ok(Some(parsed)) => parsed,
                Ok(None) => continue,
                Err(error) if is_of_what_lies_there(&error) => {
                    sink.report(layout(FindingKind::Corrupt, &name, error.message()));
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.check_manifest(&owner, &manifest, sink)?;
            named.extend(manifest.keys());
        }
        Ok(named)
    }

    fn check_manifest(
        &self,
        owner: &Owner,
        manifest: &Manifest,
        sink: &mut dyn FindingSink,
    ) -> Result<()> {
        let keys: Vec<_> = manifest.keys().copied().collect();
        let found = match self.repository()? {
            Some(repository) => repository.stat_many(&keys)?,
            None => vec![None; keys.len()],
        };
        for (path, file) in manifest.files() {
            let place = keys.iter().position(|key| *key == file.key);
            let stat = place.and_then(|place| found.get(place)?.as_ref());
            if let Some(stat) = stat.filter(|stat| stat.size != file.size) {
                let what = format!(
                    "{path} is said to have {} bytes, and object {} has {}; attach it again",
                    file.size, file.key, stat.size
                );
                sink.report(layout(FindingKind::Corrupt, &owner.to_string(), &what));
            }
        }
        for (key, _) in keys.iter().zip(found).filter(|(_, found)| found.is_none()) {
            let paths = manifest.files().iter().filter(|(_, file)| file.key == *key);
            let paths: Vec<&str> = paths.map(|(path, _)| path.as_str()).collect();
            let what = match paths.as_slice() {
                [] => format!("its input, object {key}, is not there"),
                paths => format!(
                    "{} is attached, and object {key} is not there",
                    paths.join(", ")
                ),
            };
            let error = Error::corrupt(format!("{what}; restore it from a copy"));
            let what = error.message();
            sink.report(layout(
                FindingKind::AttachmentLost,
                &owner.to_string(),
                what,
            ));
        }
        Ok(())
    }
}

/// Reads every object of a repository.
fn check_all(repository: &Repository, sink: &mut dyn FindingSink) -> Result<()> {
    let mut tell = |found: BlobFinding| {
        let copy = match found.has_copy {
            true => "; another copy is sound, and `hyperslab blob maintain` heals it",
            false => "",
        };
        let message = format!("{}{copy}", found.message);
        let damaged = finding(CheckLevel::Data, FindingKind::Corrupt, &found.key, &message);
        sink.report(damaged);
    };
    repository.verify(&mut tell, UNWATCHED).map(drop)
}

/// Reads these objects of a repository. Of one that is not there it was told.
fn check_some(
    repository: &Repository,
    keys: &BTreeSet<BlobKey>,
    sink: &mut dyn FindingSink,
) -> Result<()> {
    for key in keys {
        match repository.sha256(key) {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                let (kind, name) = (FindingKind::Corrupt, key.to_string());
                sink.report(finding(CheckLevel::Data, kind, &name, error.message()));
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Whether an error is one of what lies there, and not of the way to it.
pub(super) fn is_of_what_lies_there(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Corrupt | ErrorKind::NotFound | ErrorKind::Unsupported
    )
}

fn layout(kind: FindingKind, subject: &str, message: &str) -> Finding {
    finding(CheckLevel::Layout, kind, subject, message)
}

fn finding(level: CheckLevel, kind: FindingKind, subject: &str, message: &str) -> Finding {
    Finding {
        level,
        kind,
        collection: None,
        subject: subject.to_owned(),
        message: message.to_owned(),
        repairable: false,
        repaired: false,
    }
}
