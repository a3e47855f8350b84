//! Writers that are killed at any moment.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;

use super::operations::{Content, KINDS, perform, random_operation};
use super::{Persistent, next_message};
use crate::fixture::{long, random, runtime};
use crate::setup::check;

/// Kills a process that changes a store, again and again: every acknowledged change is there, the one in flight is whole
/// or absent, `check` finds nothing that it cannot mend, and mends it.
///
/// # Panics
/// When the adapter is wrong.
#[expect(clippy::print_stderr, reason = "shown for a failed test")]
pub fn killed_writers_leave_whole_changes(persistent: Persistent) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut random = random();
    let mut content = Content::default();
    let (mut acknowledged, mut in_flight) = (0, 0);
    let rounds = long(25, 200);
    runtime().block_on(async {
        persistent.open(&path).await;
        for round in 0..rounds {
            let seed = random.u64(..);
            let told = change_and_be_killed(persistent, &path, seed, &mut random);
            eprintln!("round {round}: {} messages", told.len());
            let (before, after) = replay(persistent, seed, &told, content);
            acknowledged += told.len() / 2;
            in_flight += usize::from(after.is_some());
            content = inspect(persistent, &path, &mut random, before, after).await;
        }
    });
    // Otherwise nothing was tried.
    assert!(acknowledged > rounds, "{acknowledged} changes");
    assert!(in_flight > 0, "no change was ever interrupted");
}

/// Starts a worker, has it killed, and returns all that it has told.
fn change_and_be_killed(
    persistent: Persistent,
    path: &Path,
    seed: u64,
    random: &mut Rng,
) -> Vec<Vec<String>> {
    let mut work = json!({"role": "change", "path": path, "seed": seed});
    let aimed = random.u8(..8) < 5;
    if aimed {
        let longest = 1 << random.u32(3..14);
        // In the middle of a change of a certain kind, the seldom ones as often as the others. The worker kills itself:
        // a message to somebody else would often take longer than the change.
        work["die_in"] = json!({
            "kind": random.choice(KINDS).unwrap(),
            "times_before": random.u64(..3),
            "after_microseconds": random.u64(..longest),
        });
    }
    let mut worker = persistent.spawn(&work);
    let mut lines = worker.messages.take().unwrap();
    if aimed {
        return std::iter::from_fn(|| next_message(&mut lines)).collect();
    }
    let (sender, messages) = mpsc::channel();
    let listener = std::thread::spawn(move || {
        while let Some(message) = next_message(&mut lines) {
            sender.send(message).unwrap();
        }
    });
    // While it starts, or at any moment of its work.
    let first = random.bool().then(|| messages.recv().unwrap());
    std::thread::sleep(Duration::from_micros(random.u64(..40_000)));
    drop(worker);
    listener.join().unwrap();
    first.into_iter().chain(messages).collect()
}

/// Makes the acknowledged changes on the known content. Returns what the store must hold now, or with the change in
/// flight.
fn replay(
    persistent: Persistent,
    seed: u64,
    told: &[Vec<String>],
    mut content: Content,
) -> (Content, Option<Content>) {
    let mut random = Rng::with_seed(seed);
    let mut told = told.iter();
    while let Some(begin) = told.next() {
        assert_eq!(begin[0], "begin");
        let operation = random_operation(&mut random, persistent.layouts);
        let mut after = content.clone();
        let expected = after.apply(&operation);
        let Some(end) = told.next() else {
            return (content, Some(after));
        };
        assert_eq!((&end[0][..], &end[1]), ("end", &begin[1]));
        let expected = expected.map_or_else(|kind| kind.name(), |()| "ok");
        assert_eq!(end[2], expected, "{operation:?}");
        content = after;
    }
    (content, None)
}

/// Opens the store after the kill. Returns what it holds.
pub(crate) async fn inspect(
    persistent: Persistent,
    path: &Path,
    random: &mut Rng,
    before: Content,
    after: Option<Content>,
) -> Content {
    let store = persistent.open(path).await;
    // Before anything is mended.
    let found = Content::of(&*store).await;
    let mut content = match after {
        Some(after) if found == after => after,
        Some(after) => {
            let (is_before, is_after) = (found.difference(&before), found.difference(&after));
            assert!(
                found == before,
                "neither before: {is_before}; nor after: {is_after}"
            );
            before
        }
        None => {
            let difference = found.difference(&before);
            assert!(found == before, "{difference}");
            before
        }
    };
    // The dead are in nobody's way, mended or not.
    if random.bool() {
        for _ in 0..3 {
            let operation = random_operation(random, persistent.layouts);
            let done = perform(&*store, &operation).await;
            let done = done.map_err(|error| error.kind());
            assert_eq!(done, content.apply(&operation), "{operation:?}");
        }
    }
    for finding in check(&*store, false).await {
        assert!(finding.repairable, "{finding:?}");
    }
    for finding in check(&*store, true).await {
        assert!(finding.repaired, "{finding:?}");
    }
    assert_eq!(check(&*store, false).await, []);
    for store in [&store, &persistent.open(path).await] {
        let difference = Content::of(&**store).await.difference(&content);
        assert_eq!(difference, "", "after the repair");
    }
    content
}
