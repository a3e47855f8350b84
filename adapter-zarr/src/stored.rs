//! Which objects of an array hold cells: Zarr does not say which there should be, and one that is lost reads as fill like
//! one that never was.
//!
//! The head has them as ranges, as far as it is put anyway: when the array is made and when a write into several objects is
//! concluded. The first write into one object alone leaves a mark beside, after the object and before it is acknowledged, so
//! that writers of different objects never meet. What is recorded is there; what is there need not be recorded.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::TryStreamExt;
use hyperslab_core::{Durability, Result};
use serde::{Deserialize, Serialize};

use crate::compute::all;
use crate::layout::Place;
use crate::objects::{Condition, Objects};

/// A head stays small: what needs more ranges is marked instead.
const RANGES_MAX: usize = 64;

/// Numbers of objects: ranges `[first, end]` with the end excluded, in order, with gaps between them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Stored(Vec<[u64; 2]>);

impl Stored {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the ranges are what they should be, for an array of so many objects.
    pub(crate) fn is_sound(&self, object_count: u64) -> bool {
        let mut free = 0;
        self.0.iter().all(|&[first, end]| {
            let follows = free <= first && first < end && end <= object_count;
            free = end.saturating_add(1);
            follows
        })
    }

    pub(crate) fn contains(&self, object: u64) -> bool {
        let after = self.0.partition_point(|&[first, _]| first <= object);
        after
            .checked_sub(1)
            .and_then(|index| self.0.get(index))
            .is_some_and(|&[_, end]| object < end)
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|&[first, end]| first..end)
    }

    /// These and more; `None` when that would make a head too large.
    pub(crate) fn with(&self, objects: &[u64]) -> Option<Self> {
        let single = objects.iter().map(|&object| [object, object + 1]);
        let mut ranges: Vec<[u64; 2]> = self.0.iter().copied().chain(single).collect();
        ranges.sort_unstable();
        let mut joined: Vec<[u64; 2]> = Vec::with_capacity(RANGES_MAX + 1);
        for [first, end] in ranges {
            match joined.last_mut() {
                Some(last) if first <= last[1] => last[1] = last[1].max(end),
                _ => joined.push([first, end]),
            }
        }
        (joined.len() <= RANGES_MAX || joined == self.0).then_some(Self(joined))
    }
}

/// Marks objects that the head does not have.
pub(crate) async fn mark(
    objects: &dyn Objects,
    place: &Place,
    folder: &str,
    numbers: &[u64],
) -> Result<()> {
    let puts = numbers.iter().map(|&number| async move {
        // A mark that a crash of the machine takes away was not yet needed.
        let (key, relaxed) = (place.mark(folder, number), Durability::Relaxed);
        let put = objects.put(&key, Bytes::new(), Condition::None, relaxed);
        put.await.map(drop)
    });
    all(puts).await.map(drop)
}

pub(crate) async fn is_marked(
    objects: &dyn Objects,
    place: &Place,
    folder: &str,
    number: u64,
) -> Result<bool> {
    let mark = objects.version(&place.mark(folder, number)).await?;
    Ok(mark.is_some())
}

/// The objects that are marked.
pub(crate) async fn marked(
    objects: &dyn Objects,
    place: &Place,
    folder: &str,
) -> Result<BTreeSet<u64>> {
    let listing = objects.list(&place.marks(folder));
    let number = |key: String| key.rsplit('/').next()?.parse::<u64>().ok();
    listing
        .try_filter_map(async |listed| Ok(number(listed.key)))
        .try_collect()
        .await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_added_is_contained(
            rounds in proptest::collection::vec(proptest::collection::vec(0..60_u64, 0..12), 0..6),
        ) {
            let mut stored = Stored::default();
            let mut model = BTreeSet::new();
            for round in rounds {
                stored = stored.with(&round).unwrap();
                model.extend(round);
                prop_assert!(stored.is_sound(60));
                prop_assert!(stored.numbers().eq(model.iter().copied()));
                prop_assert!((0..62).all(|object| stored.contains(object) == model.contains(&object)));
            }
        }
    }

    #[test]
    fn a_head_stays_small() {
        let odd: Vec<u64> = (0..64).map(|number| 2 * number).collect();
        let stored = Stored::default().with(&odd).unwrap();
        assert_eq!(stored.with(&[1000]), None);
        // What fills a gap makes it smaller.
        assert!(stored.with(&[1]).is_some());
        assert!(!Stored(vec![[0, 2], [2, 3]]).is_sound(9));
        assert!(!Stored(vec![[3, 3]]).is_sound(9));
        assert!(!Stored(vec![[0, 10]]).is_sound(9));
    }
}
