//! Identities: who has one, for arrays that are named by a key.

use std::sync::Arc;

use hyperslab_core::{ArrayMeta, CollectionMeta, Durability, Error, Result};

use super::Store;
use crate::document::{IdDocument, to_bytes};
use crate::head::{Slot, read_slot, retire};
use crate::layout::Place;
use crate::objects::{Condition, Put, Version};

impl Store {
    /// Enters the identity of an array that is about to be; false when another array has it.
    pub(super) async fn claim_id(
        &self,
        collection: &Arc<CollectionMeta>,
        place: &Place,
        array: &ArrayMeta,
        stem: &str,
        durability: Durability,
    ) -> Result<bool> {
        if array.key.is_empty() {
            return Ok(true);
        }
        let key = place.id(array.id);
        let document = to_bytes(&IdDocument::new(stem))?;
        let mut condition = Condition::Absent;
        loop {
            let put = self
                .objects
                .put(&key, document.clone(), condition, durability);
            if put.await? != Put::Refused {
                return Ok(true);
            }
            condition = match self.id_slot(&key).await? {
                Slot::Held(known, version) => {
                    let other = self.head(collection, place, &known.stem).read().await?;
                    let taken = other.is_some_and(|other| other.head.meta.id == array.id);
                    // One of the same key is decided by the head. One that was left by a crash looks like one that is
                    // about to be made, so it is not touched.
                    if taken || known.stem != stem {
                        return Ok(false);
                    }
                    Condition::Is(version)
                }
                Slot::Retired(version) => Condition::Is(version),
                Slot::Absent => Condition::Absent,
            };
        }
    }

    /// Enters the identity of an array that exists.
    pub(crate) async fn enter_id(
        &self,
        place: &Place,
        array: &ArrayMeta,
        stem: &str,
    ) -> Result<()> {
        let key = place.id(array.id);
        let condition = match self.id_slot(&key).await {
            Ok(slot) => slot.vacancy(),
            Err(_) => self.objects.version(&key).await?.map(Condition::Is),
        };
        let condition =
            condition.ok_or_else(|| Error::conflict("another array has its identity"))?;
        let document = to_bytes(&IdDocument::new(stem))?;
        let put = self
            .objects
            .put(&key, document, condition, Durability::Synced);
        put.await.map(drop)
    }

    pub(super) async fn id_slot(&self, key: &str) -> Result<Slot<IdDocument>> {
        read_slot(&*self.objects, key, |bytes| {
            IdDocument::parse(bytes, &format!("{}/{key}", self.objects.url()))
        })
        .await
    }

    /// The state of the identity of an array, if it is entered for this stem.
    pub(crate) async fn held_id(
        &self,
        place: &Place,
        array: &ArrayMeta,
        stem: &str,
    ) -> Result<Option<Version>> {
        if array.key.is_empty() {
            return Ok(None);
        }
        Ok(match self.id_slot(&place.id(array.id)).await? {
            Slot::Held(known, version) if known.stem == stem => Some(version),
            _ => None,
        })
    }

    /// Takes the identity of an array away, if it is in this state.
    pub(crate) async fn release_id(
        &self,
        place: &Place,
        array: &ArrayMeta,
        held: Option<Version>,
        durability: Durability,
    ) -> Result<()> {
        if let Some(version) = held {
            let key = place.id(array.id);
            retire(&*self.objects, &key, &version, durability).await?;
        }
        Ok(())
    }
}
