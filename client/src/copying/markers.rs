//! Which arrays of the target are not whole yet.
//!
//! Adapters have no word for an array that is under construction, and need none: the identities of such arrays are the keys of
//! a small collection beside the target. It is made for the first such array and deleted with the last.

use std::collections::HashSet;

use hyperslab_core::{
    AttributeSchema, AttributeType, AttributeValue, Collection, DType, Dimension, ErrorKind,
    Result, Schema, Store, key,
};
use uuid::Uuid;

use super::if_there;

/// The key attribute: the identity of the array that is not whole.
const ATTRIBUTE: &str = "array";

/// The marks of one target.
#[derive(Debug)]
pub(super) struct Markers {
    store: Store,
    name: String,
    /// Arrays that an earlier copy has left behind.
    pub(super) found: HashSet<Uuid>,
}

impl Markers {
    /// Reads the marks that an earlier copy has left.
    pub(super) async fn read(target: &Collection) -> Result<Self> {
        let name = format!("{}.copying", target.name());
        let store = target.store().clone();
        let mut found = HashSet::new();
        if let Some(marks) = open(&store, &name).await? {
            for entry in marks.find("").entries().await? {
                found.extend(entry.key.get(ATTRIBUTE).and_then(id_of));
            }
        }
        Ok(Self { store, name, found })
    }

    /// Says that an array is about to be written in several steps.
    pub(super) async fn set(&self, id: Uuid) -> Result<()> {
        let marks = match open(&self.store, &self.name).await? {
            Some(marks) => marks,
            None => self.make().await?,
        };
        match marks.create(key! { array: id.to_string() }).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            made => made.map(drop),
        }
    }

    async fn make(&self) -> Result<Collection> {
        // Of types that every adapter has.
        let schema = Schema::builder(DType::UInt8)
            .dimension(Dimension::new("mark", 1))
            .attribute(AttributeSchema::key(ATTRIBUTE, AttributeType::Text))
            .metadata(
                [(
                    "comment".to_owned(),
                    "Arrays that `hyperslab copy` has not finished; copy again to resume.".into(),
                )]
                .into_iter()
                .collect(),
            )
            .build()?;
        match self.store.create_collection(&self.name, schema).await {
            // Another array of this copy was faster.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.store.collection(&self.name).await
            }
            made => made,
        }
    }

    /// Says that an array is whole, or not there.
    pub(super) async fn clear(&self, id: Uuid) -> Result<()> {
        let Some(marks) = open(&self.store, &self.name).await? else {
            return Ok(());
        };
        if_there(marks.delete(key! { array: id.to_string() }).await).map(drop)
    }

    /// Removes the collection of marks when there is none left.
    pub(super) async fn finish(&self) -> Result<()> {
        if let Some(marks) = open(&self.store, &self.name).await?
            && marks.find("").count().await? == 0
        {
            if_there(self.store.delete_collection(&self.name).await)?;
        }
        Ok(())
    }
}

/// The identity that a mark names.
fn id_of(value: &AttributeValue) -> Option<Uuid> {
    match value {
        AttributeValue::Uuid(id) => Some(*id),
        AttributeValue::Text(text) => Uuid::parse_str(text).ok(),
        _ => None,
    }
}

async fn open(store: &Store, name: &str) -> Result<Option<Collection>> {
    if_there(store.collection(name).await)
}
