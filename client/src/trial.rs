//! A store to try things in before they are done in another, which is not there yet.

use std::ops::Deref;

use hyperslab_core::{Result, Store, StoreOptions};
use tempfile::TempDir;

use crate::connect::{how, wanted};
use crate::location::Location;
use crate::media;

/// A store of the adapter that a new one would have, for as long as this lives. Nothing of it lasts.
#[derive(Debug)]
pub struct Trial {
    store: Store,
    /// Removed with this.
    _folder: Option<TempDir>,
}

impl Deref for Trial {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// A store like one that would be made at `url`, to see whether what is to be put there is refused: so that no empty store is
/// left behind when it is. Nothing is looked at or made at `url`.
///
/// # Errors
/// As [`Connect::create_with`](crate::Connect::create_with), but for what is found at `url`.
///
/// ```
/// use hyperslab::prelude::*;
/// use hyperslab::{StorageOptions, StoreOptions};
///
/// # #[tokio::main]
/// # async fn main() -> hyperslab::Result<()> {
/// let trial = hyperslab::trial("./climate", StoreOptions::default()).await?;
/// let schema = Schema::builder(DType::Int32).dimension(Dimension::new("x", 3)).build()?;
/// let storage = StorageOptions::from_iter([("codec".to_owned(), "foo".into())]);
/// assert!(trial.explain_collection("weather", schema, storage).await.is_err());
/// # Ok(())
/// # }
/// ```
pub async fn trial(url: &str, options: StoreOptions) -> Result<Trial> {
    let location = Location::parse(url)?;
    let adapter = wanted(&location, &options)?;
    let (adapter, folder) = media::trial(&location.place, adapter, &how(&options)).await?;
    Ok(Trial {
        store: Store::new(adapter, options),
        _folder: folder,
    })
}
