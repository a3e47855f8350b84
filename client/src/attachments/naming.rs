//! Putting objects and naming them in manifests.
//!
//! An object is put before it is named, and looked for after that: in a bucket whoever collects may have deleted it in between. Then
//! what was named before is named again, so that a file that was attached safely is not lost to one that was not.

use std::io::Read;

use hyperslab_core::{Error, Result, Timestamp};

use super::manifest::{self, Addition, AttachedFile, Manifest};
use super::{Attachments, Owner};
use crate::blobs::{BlobKey, Sources};

/// How often a change is tried again that others were faster with.
const ATTEMPTS: usize = 100;

impl Attachments {
    /// Attaches what is left of a source, under a path. What was attached there before is not any more. Whether the owner is there, the
    /// caller knows.
    ///
    /// # Errors
    /// `InvalidInput` for a path that is none, or that leads through another file, and for a media type that is
    /// none; `Denied`; what the source and the medium say. `Conflict` when others change the same all the time.
    pub fn attach(
        &self,
        owner: &Owner,
        path: &str,
        source: &mut dyn Read,
        media_type: Option<&str>,
    ) -> Result<AttachedFile> {
        manifest::check_path(path)?;
        media_type.map_or(Ok(()), manifest::check_media_type)?;
        self.manifest(owner)?.check_room(path)?;
        let _attaching = self.documents.attaching(self.patience)?;
        let put = self.made()?.put(source)?;
        let file = AttachedFile {
            key: put.key,
            size: put.size,
            media_type: media_type.map(str::to_owned),
            attached: Timestamp::now(),
        };
        self.name(owner, &Addition::file(path, file.clone()))?;
        Ok(file)
    }

    /// Puts the objects that an owner was made from, and writes them down, in place of those that were written down before.
    ///
    /// # Errors
    /// As [`attach`](Self::attach).
    pub fn attach_inputs(&self, owner: &Owner, sources: &mut Sources<'_>) -> Result<Vec<BlobKey>> {
        let _attaching = self.documents.attaching(self.patience)?;
        let puts = self.made()?.put_many(sources)?;
        let keys: Vec<BlobKey> = puts.iter().map(|put| put.key).collect();
        self.name(owner, &Addition::inputs(&keys))?;
        Ok(keys)
    }

    /// Writes down the objects that an owner was made from, in place of those that were written down before.
    ///
    /// # Errors
    /// `NotFound` that names those that are not there; as [`attach`](Self::attach).
    pub fn set_inputs(&self, owner: &Owner, keys: &[BlobKey]) -> Result<()> {
        let _attaching = self.documents.attaching(self.patience)?;
        self.confirm(keys)?;
        self.name(owner, &Addition::inputs(keys))
    }

    fn name(&self, owner: &Owner, more: &Addition) -> Result<()> {
        self.name_what(owner, |_| more.clone())
    }

    /// Names objects, which may depend on what is named by then, and takes that back when they are not there.
    pub(super) fn name_what(
        &self,
        owner: &Owner,
        mut what: impl FnMut(&Manifest) -> Addition,
    ) -> Result<()> {
        let (before, more) = self.change(owner, |manifest| {
            let (before, more) = (manifest.clone(), what(manifest));
            manifest.add(&more)?;
            Ok((before, more))
        })?;
        self.confirm(&more.keys()).inspect_err(|_| {
            // Why it is not there is what matters; `check` tells of what cannot be taken back.
            let taken_back = self.change(owner, |manifest| {
                manifest.take_back(&more, &before);
                Ok(())
            });
            // Whoever collects may have read the manifest meanwhile.
            let kept: Vec<BlobKey> = before.keys().copied().collect();
            let _ = taken_back.and_then(|()| self.confirm(&kept));
        })
    }

    /// Takes away what is attached under a path, or under all paths that begin with it and a `/`: how many files. Their objects stay
    /// until they are [collected](Self::collect).
    ///
    /// # Errors
    /// `NotFound` when nothing is; as [`attach`](Self::attach).
    pub fn detach(&self, owner: &Owner, path: &str) -> Result<usize> {
        self.change(owner, |manifest| manifest.remove(path))
    }

    /// Changes a manifest, over what others change meanwhile.
    fn change<T>(
        &self,
        owner: &Owner,
        mut change: impl FnMut(&mut Manifest) -> Result<T>,
    ) -> Result<T> {
        let name = owner.name();
        for _ in 0..ATTEMPTS {
            let read = self.documents.read(&name)?;
            let (mut manifest, version) = match &read {
                None => (Manifest::default(), None),
                Some((text, version)) => (Manifest::parse(&name, text)?.1, Some(version)),
            };
            let changed = change(&mut manifest)?;
            if self
                .documents
                .swap(&name, version, &manifest.document(owner)?, self.patience)?
            {
                return Ok(changed);
            }
        }
        Err(Error::conflict(format!(
            "the attachments of {owner} are changed by others all the time; try again"
        )))
    }

    /// That objects are there, and stay: whoever collects and has read the manifests before they were named leaves them.
    fn confirm(&self, keys: &[BlobKey]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let there = match self.repository()? {
            Some(repository) => repository.renew(keys)?,
            None => vec![false; keys.len()],
        };
        let gone = keys.iter().zip(there).filter(|(_, there)| !there);
        let gone: Vec<String> = gone.map(|(key, _)| key.to_string()).collect();
        if gone.is_empty() {
            return Ok(());
        }
        Err(Error::not_found(format!(
            "there is no object {} among the attachments; put it again",
            gone.join(", ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use hyperslab_core::ErrorKind;

    use super::*;
    use crate::attachments::interposed::interpose;
    use crate::blobs::{Blobs, CollectPlan};

    #[test]
    fn what_was_attached_stays_when_what_replaces_it_is_collected() {
        let mut attachments = Attachments::open("memory://").unwrap();
        let attach = |attachments: &Attachments, content: &'static str| {
            attachments.attach(&Owner::Store, "run.log", &mut content.as_bytes(), None)
        };
        let attach_inputs = |attachments: &Attachments, content: &'static str| {
            let source: Result<Box<dyn Read>> = Ok(Box::new(content.as_bytes()));
            attachments.attach_inputs(&Owner::Store, &mut [source].into_iter())
        };
        let first = attach(&attachments, "first").unwrap();
        let inputs = attach_inputs(&attachments, "input").unwrap();
        let repository = attachments.repository().unwrap().unwrap();
        let named: Vec<BlobKey> = [first.key].into_iter().chain(inputs.clone()).collect();
        interpose(&mut attachments, move || {
            for key in repository.list()? {
                match key? {
                    key if named.contains(&key) => {}
                    key => repository.delete(&key)?,
                }
            }
            Ok(())
        });
        let error = attach(&attachments, "second").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = attach_inputs(&attachments, "other input").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let manifest = attachments.manifest(&Owner::Store).unwrap();
        assert_eq!(manifest.file("run.log").unwrap(), &first);
        assert!(manifest.inputs().iter().eq(&inputs));
    }

    #[test]
    fn an_old_object_that_is_named_while_others_collect_stays() {
        let attachments = Attachments::open("memory://").unwrap();
        let repository = attachments.made().unwrap();
        let put = |content: &'static str| repository.put(&mut content.as_bytes()).unwrap().key;
        let keys = [put("one"), put("other")];
        std::thread::sleep(Duration::from_millis(2100));
        let plan = CollectPlan {
            age: Duration::from_secs(1),
            dry_run: false,
        };
        let mut nobody = || {
            // The manifests have been read, and then one is written.
            attachments.set_inputs(&Owner::Store, &keys[..1])?;
            std::thread::sleep(Duration::from_millis(2100));
            Ok(HashSet::new())
        };
        let report = repository.collect(&plan, &mut nobody).unwrap();
        assert_eq!((report.deleted, report.young), (1, 1));
        assert_eq!(repository.has_many(&keys).unwrap(), [true, false]);
    }
}
