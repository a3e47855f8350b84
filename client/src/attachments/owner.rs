//! To whom something is attached.

use std::fmt;

use hyperslab_core::{Array, Collection};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// To whom something is attached: by its identity, so that what is deleted takes its attachments with it, and what is made anew under
/// the same name has none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Owner {
    /// The store itself.
    Store,
    /// A collection.
    Collection {
        /// Its identity.
        collection: Uuid,
    },
    /// An array.
    Array {
        /// The identity of its collection.
        collection: Uuid,
        /// Its own.
        array: Uuid,
    },
}

impl Owner {
    /// A collection.
    #[must_use]
    pub fn collection(collection: &Collection) -> Self {
        Self::Collection {
            collection: collection.meta().id,
        }
    }

    /// An array.
    #[must_use]
    pub fn array(array: &Array) -> Self {
        Self::Array {
            collection: array.collection().meta().id,
            array: array.id(),
        }
    }

    /// The name of its document.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Store => "store.json".to_owned(),
            Self::Collection { collection } => format!("collections/{collection}.json"),
            Self::Array { collection, array } => format!("arrays/{collection}/{array}.json"),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store => f.write_str("the store"),
            Self::Collection { collection } => write!(f, "collection {collection}"),
            Self::Array { array, .. } => write!(f, "array {array}"),
        }
    }
}
