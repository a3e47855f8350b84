//! `blobs.json`: that there is a repository, and which.

use hyperslab_core::{Error, Result};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::bucket_error;

const FORMAT: &str = "hyperslab blobs";
const VERSION: u64 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    format: String,
    version: u64,
    id: Uuid,
}

fn path(prefix: &Path) -> Path {
    prefix.clone().join("blobs.json")
}

/// Makes the document of a new repository.
pub(super) async fn create(store: &dyn ObjectStore, prefix: &Path) -> Result<()> {
    let path = path(prefix);
    let document = Document {
        format: FORMAT.to_owned(),
        version: VERSION,
        id: Uuid::new_v4(),
    };
    let text = serde_json::to_vec(&document)
        .map_err(|error| Error::internal("a document that is no JSON").with_source(error))?;
    let options = PutOptions::from(PutMode::Create);
    match store.put_opts(&path, text.into(), options).await {
        Ok(_) => Ok(()),
        Err(object_store::Error::AlreadyExists { .. }) => Err(Error::already_exists(format!(
            "{path} is there already: there is a repository of blobs in the bucket"
        ))),
        Err(error) => Err(bucket_error("write", &path, &error)),
    }
}

/// The identity of a repository.
pub(super) async fn read(store: &dyn ObjectStore, prefix: &Path) -> Result<Uuid> {
    let path = &path(prefix);
    let bytes = match store.get(path).await {
        Err(object_store::Error::NotFound { .. }) => {
            return Err(Error::not_found(format!(
                "there is no {path} in the bucket, so no repository of blobs; make one, or check the URL"
            )));
        }
        Err(error) => return Err(bucket_error("read", path, &error)),
        Ok(found) => found.bytes().await,
    };
    let bytes = bytes.map_err(|error| bucket_error("read", path, &error))?;
    let document: Document = serde_json::from_slice(&bytes).map_err(|error| {
        Error::corrupt(format!("{path} says no repository of blobs: {error}")).with_source(error)
    })?;
    match (document.format.as_str(), document.version) {
        (FORMAT, VERSION) => Ok(document.id),
        (FORMAT, version) => Err(Error::unsupported(format!(
            "{path} is of version {version}, and this program knows version {VERSION}; update hyperslab"
        ))),
        (other, _) => Err(Error::corrupt(format!(
            "{path} is of format '{other}', not '{FORMAT}'"
        ))),
    }
}

/// Removes it, if it is there.
pub(super) async fn remove(store: &dyn ObjectStore, prefix: &Path) -> Result<()> {
    let path = path(prefix);
    match store.delete(&path).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(bucket_error("delete", &path, &error)),
    }
}
