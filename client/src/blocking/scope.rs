//! A store that is closed at the end of a scope.

use std::ops::Deref;

use hyperslab_core::Result;

use super::Store;

/// A store that is closed when this is dropped. See [`Store::scope`].
#[derive(Debug)]
pub struct Scope(Store);

impl Scope {
    pub(super) fn new(store: Store) -> Self {
        Self(store)
    }

    /// Closes the store now, and says how that went.
    ///
    /// # Errors
    /// As [`Store::close`](hyperslab_core::Store::close).
    pub fn close(self) -> Result<()> {
        self.0.close()
    }
}

impl Deref for Scope {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.0
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if let Err(error) = self.0.close() {
            // Nobody can be told any other way; `close` tells.
            tracing::error!("a store was not closed: {error}");
        }
    }
}
