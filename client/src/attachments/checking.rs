//! Faults of attachments: objects that are not there, or not what they should be, and manifests that belong to nobody.

use hyperslab_core::{
    CheckLevel, CheckRequest, Error, Finding, FindingKind, FindingSink, Result, Store,
};

use super::collecting::Living;
use super::{Attachments, Manifest, Owner};
use crate::blobs::UNWATCHED;

impl Attachments {
    /// Looks for faults as [`Store::check`] does for those of arrays: from level 3 on whether each object is there that a manifest
    /// names, at level 4 whether each is what its key says.
    ///
    /// # Errors
    /// When manifests cannot be listed, or the store.
    pub fn check(
        &self,
        store: &Store,
        request: &CheckRequest,
        sink: &mut dyn FindingSink,
    ) -> Result<()> {
        if request.collection.is_some() || request.level < CheckLevel::Layout {
            return Ok(());
        }
        let living = self.runtime.block_on(Living::of(store));
        for name in self.documents.list()? {
            let Some((text, _)) = self.documents.read(&name)? else {
                continue;
            };
            match Manifest::parse(&name, &text) {
                Err(error) => sink.report(finding(
                    CheckLevel::Layout,
                    FindingKind::Corrupt,
                    &name,
                    error.message(),
                )),
                Ok((owner, manifest)) => {
                    self.check_manifest(&owner, &manifest, sink)?;
                    if let Ok(living) = &living
                        && !self.runtime.block_on(living.has(&owner)).unwrap_or(true)
                    {
                        let what = "its owner was deleted; `hyperslab attach collect` removes it";
                        sink.report(finding(
                            CheckLevel::Layout,
                            FindingKind::Leftover,
                            &name,
                            what,
                        ));
                    }
                }
            }
        }
        match self.repository()? {
            Some(repository) if request.level >= CheckLevel::Data => {
                let mut tell = |found: crate::blobs::BlobFinding| {
                    let copy = match found.has_copy {
                        true => "; another copy is sound, and `hyperslab blob maintain` heals it",
                        false => "",
                    };
                    let message = format!("{}{copy}", found.message);
                    sink.report(finding(
                        CheckLevel::Data,
                        FindingKind::Corrupt,
                        &found.key,
                        &message,
                    ));
                };
                repository.verify(&mut tell, UNWATCHED).map(drop)
            }
            _ => Ok(()),
        }
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
            sink.report(finding(
                CheckLevel::Layout,
                FindingKind::AttachmentLost,
                &owner.to_string(),
                error.message(),
            ));
        }
        Ok(())
    }
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
