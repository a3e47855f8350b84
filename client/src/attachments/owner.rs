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
            collection: identity(collection),
        }
    }

    /// An array.
    #[must_use]
    pub fn array(array: &Array) -> Self {
        Self::Array {
            collection: identity(array.collection()),
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

/// The identity of a collection, which stays when its store is moved or copied. A storage of Deker has no room for one: there a
/// collection is who has its name.
pub(super) fn identity(collection: &Collection) -> Uuid {
    match collection.store().info().adapter {
        "deker" => Uuid::new_v5(&Uuid::NAMESPACE_OID, collection.name().as_bytes()),
        _ => collection.meta().id,
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
