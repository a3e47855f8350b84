//! What the recorded process does.

use fastrand::Rng;
use hyperslab_core::{Durability, StorageOptions};
use serde_json::Value;

use crate::campaign::{
    Content, KINDS, Operation, Persistent, path_of, perform, random_operation, tell,
};

/// Every kind of change at least once, in an order that makes arrays before it takes them away.
const SCHEDULE: [&str; 18] = [
    "create_collection",
    "create_array",
    "write",
    "create_array",
    "write",
    "update",
    "create_array",
    "delete_array",
    "write",
    "create_array",
    "clear_collection",
    "create_array",
    "update",
    "create_collection",
    "create_array",
    "write",
    "delete_collection",
    "create_array",
];

/// Changes that all succeed, and are all to be synced.
pub(super) fn operations(
    seed: u64,
    rounds: usize,
    layouts: fn(&[u64]) -> Vec<StorageOptions>,
) -> Vec<Operation> {
    assert!(KINDS.iter().all(|kind| SCHEDULE.contains(kind)));
    let mut random = Rng::with_seed(seed);
    let mut content = Content::default();
    let mut operations = Vec::new();
    for kind in SCHEDULE.iter().cycle().take(rounds * SCHEDULE.len()) {
        // There may be nothing left of which one of this kind can be made.
        let found = (0..2000).find_map(|_| {
            let mut operation = random_operation(&mut random, layouts);
            if operation.options.durability == Durability::Relaxed {
                operation.options.durability = Durability::Synced;
            }
            let mut after = content.clone();
            let fits = operation.kind() == *kind && after.apply(&operation).is_ok();
            fits.then_some((operation, after))
        });
        if let Some((operation, after)) = found {
            content = after;
            operations.push(operation);
        }
    }
    operations
}

/// Opens the store, then makes the changes, and tells each before and after.
pub(crate) async fn change(persistent: Persistent, work: &Value) {
    tell("opening");
    let store = persistent.open(&path_of(work)).await;
    tell(&format!("opened {}", store.info().id));
    let number = |name: &str| work[name].as_u64().unwrap();
    let rounds = usize::try_from(number("rounds")).unwrap();
    let operations = operations(number("seed"), rounds, persistent.layouts);
    for (number, operation) in operations.iter().enumerate() {
        tell(&format!("begin {number}"));
        let done = perform(&*store, operation).await;
        if let Err(error) = done {
            panic!("{operation:?}: {error:?}");
        }
        tell(&format!("end {number}"));
    }
}
