//! How a fault is mended.

use std::path::PathBuf;
use std::sync::Arc;

use hyperslab_core::{
    ArrayMeta, Durability, Error, LockKey, LockRequest, Result, WriteOptions, blocking,
};
use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

use crate::deker::guard::{Patience, patiently};
use crate::deker::locks::remove;
use crate::deker::store::tiles::array_of;
use crate::deker::store::{Store, make_link, prune};

/// What is to be done.
#[derive(Debug, Clone)]
pub(super) enum Mend {
    /// Remove a file that belongs to nobody.
    Remove(PathBuf),
    /// The same, unless somebody has locked it.
    RemoveUnlocked(PathBuf),
    /// Remove a file or a folder with all that is in it.
    RemoveAll(PathBuf),
    /// Make an empty file.
    MakeFile(PathBuf),
    /// Make a link to the file of an array.
    Link {
        link: PathBuf,
        file: PathBuf,
        id: Uuid,
    },
    /// Remove a link, and the folders that are empty then.
    RemoveLink(PathBuf),
    /// Write the files of an array or of tiles anew, with what they say of themselves put right.
    Rewrite {
        files: Vec<Uuid>,
        /// Whose lock keeps writers away.
        array: Uuid,
    },
    /// Finish a change of several tiles.
    Settle(Uuid),
    /// Remove the tiles of an array whose deletion was interrupted.
    Delete(Uuid),
}

impl Mend {
    /// Write the file of this array or tile anew.
    pub(super) fn rewrite(of: &ArrayMeta) -> Self {
        Self::Rewrite {
            files: vec![of.id],
            array: array_of(of).unwrap_or(of.id),
        }
    }

    /// Does it, under the lock of what it is about.
    pub(super) async fn apply(self, store: &Arc<Store>, collection: Option<&str>) -> Result<()> {
        let options = WriteOptions::default();
        let name = collection.unwrap_or_default().to_owned();
        let guard = match &self {
            Self::Link { id, .. } | Self::Rewrite { array: id, .. } => {
                let key = LockKey::array(name.as_str(), id.to_string());
                let request = LockRequest::exclusive(key, options.lock_timeout);
                Some(store.lock(request).await?)
            }
            _ => None,
        };
        let store = Arc::clone(store);
        blocking(move || {
            let done = self.work(&store, &name, &options);
            drop(guard);
            done
        })
        .await
    }

    fn work(self, store: &Store, collection: &str, options: &WriteOptions) -> Result<()> {
        let fail = |path: &PathBuf| {
            let what = path.display().to_string();
            move |source| Error::io("mend", what, source)
        };
        match self {
            Self::Remove(path) => remove(&path),
            Self::RemoveUnlocked(path) => {
                let file = std::fs::File::open(&path).map_err(fail(&path))?;
                flock(&file, FlockOperation::NonBlockingLockExclusive)
                    .map_err(|error| fail(&path)(error.into()))?;
                remove(&path)
            }
            Self::RemoveAll(path) if path.is_dir() => {
                std::fs::remove_dir_all(&path).map_err(fail(&path))
            }
            Self::RemoveAll(path) => remove(&path),
            Self::MakeFile(path) => std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)
                .map(drop)
                .map_err(fail(&path)),
            Self::Link { link, file, .. } => {
                std::fs::metadata(&file).map_err(fail(&file))?;
                let folders = store.folders(collection);
                make_link(&folders, (&link, &file), Durability::Synced)
            }
            Self::RemoveLink(link) => {
                let folders = store.folders(collection);
                // As far as the folder of all links, which is the second below that of the collection.
                let below = link.strip_prefix(folders.root()).ok();
                let top = below.and_then(|below| below.iter().next());
                let top = top.ok_or_else(|| Error::internal("a link outside of its collection"))?;
                prune(&link, &folders.root().join(top))
            }
            Self::Rewrite { files, .. } => {
                let mut files = files.into_iter();
                files.try_for_each(|file| store.rewrite(collection, file, options))
            }
            Self::Delete(array) => store.delete_tiles(&*store.look(collection)?, array),
            Self::Settle(array) => {
                let moves = store.moves(array);
                patiently(Patience::of(options), || moves.settle()).map(drop)
            }
        }
    }
}
