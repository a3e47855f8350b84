//! Writers and readers of one array, all at once, under the eyes of a witness.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use hyperslab_core::{
    ArrayBuf, ArrayHandle, ArrayLocator, CollectionMeta, DType, Durability, ErrorKind, Result,
    Scalar, StorageAdapter, WriteData, WriteOptions,
};

use crate::setup::read;
use crate::witness::{Boxes, Witness, stamp};

/// The shape of the array under stress.
pub(crate) const SHAPE: [u64; 2] = [24, 18];

/// The boxes of the array under stress.
pub(crate) fn boxes() -> Boxes {
    Boxes::overlapping(SHAPE[0], SHAPE[1])
}

/// Who does what for how long.
#[derive(Debug, Clone)]
pub(crate) struct Stress {
    /// The number of this process, from 1.
    pub(crate) process: u64,
    pub(crate) writers: u64,
    pub(crate) readers: u64,
    pub(crate) duration: Duration,
    pub(crate) lock_timeout: Duration,
    pub(crate) durability: Durability,
    pub(crate) seed: u64,
    /// Whether calls may fail with `Unavailable`, because the medium does. Such a write may happen at any time, or never.
    pub(crate) tolerant: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) written: AtomicU64,
    pub(crate) locked: AtomicU64,
    pub(crate) read: AtomicU64,
    pub(crate) unavailable: AtomicU64,
}

impl Stress {
    /// Runs everybody to the end of the time. Each task has an opening of the store of its own where `stores` has enough.
    pub(crate) async fn run(
        &self,
        stores: &[Arc<dyn StorageAdapter>],
        collection: &Arc<CollectionMeta>,
        locator: &ArrayLocator,
        witness: &Arc<Witness>,
    ) -> Arc<Outcome> {
        let outcome = Arc::new(Outcome::default());
        let end = Instant::now() + self.duration;
        let mut tasks = Vec::new();
        for number in 0..self.writers + self.readers {
            let store = &stores[usize::try_from(number).unwrap() % stores.len()];
            let handle = store.open_array(collection, locator).await.unwrap();
            let random = Rng::with_seed(self.seed.wrapping_add(number));
            let (witness, outcome) = (Arc::clone(witness), Arc::clone(&outcome));
            let stress = self.clone();
            tasks.push(tokio::spawn(async move {
                if number < stress.writers {
                    let write = stress.write(number, &*handle, random, end, &witness, &outcome);
                    write.await;
                } else {
                    let tolerant = stress.tolerant;
                    read_until(&*handle, random, end, &witness, &outcome, tolerant).await;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        outcome
    }

    async fn write(
        &self,
        number: u64,
        handle: &dyn ArrayHandle,
        mut random: Rng,
        end: Instant,
        witness: &Witness,
        outcome: &Outcome,
    ) {
        let options = WriteOptions {
            durability: self.durability,
            lock_timeout: self.lock_timeout,
            ..WriteOptions::DEFAULT
        };
        for sequence in 1.. {
            if Instant::now() >= end {
                return;
            }
            // A lock that is refused at once makes nobody wait, and would leave no thread to the readers.
            tokio::task::yield_now().await;
            let number_of_box = random.usize(..witness.boxes.slabs.len());
            let slab = &witness.boxes.slabs[number_of_box];
            let stamp = stamp(self.process, number, number_of_box, sequence);
            let data = if random.bool() {
                WriteData::Scalar(Scalar::UInt64(stamp))
            } else {
                let cells = ArrayBuf::filled(Scalar::UInt64(stamp), &slab.shape());
                WriteData::Cells(cells.unwrap())
            };
            witness.begin(stamp);
            let start = Instant::now();
            match handle.write(slab, data, &options).await {
                Ok(()) => {
                    witness.acknowledge(stamp);
                    outcome.written.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) if self.tolerant && error.kind() == ErrorKind::Unavailable => {
                    outcome.unavailable.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    witness.fail(stamp);
                    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
                    let waited = start.elapsed();
                    assert!(waited >= self.lock_timeout, "{error} after {waited:?}");
                    outcome.locked.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

/// Reads boxes, the whole array as often as all others together, and judges each.
pub(crate) async fn read_until(
    handle: &dyn ArrayHandle,
    mut random: Rng,
    end: Instant,
    witness: &Witness,
    outcome: &Outcome,
    tolerant: bool,
) {
    while Instant::now() < end {
        let number_of_box = if random.bool() {
            0
        } else {
            random.usize(..witness.boxes.slabs.len())
        };
        match try_judge_read(handle, number_of_box, witness).await {
            Ok(()) => outcome.read.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                let excused = tolerant && error.kind() == ErrorKind::Unavailable;
                assert!(excused, "{error}");
                outcome.unavailable.fetch_add(1, Ordering::Relaxed)
            }
        };
        tokio::task::yield_now().await;
    }
}

/// Reads one box and judges it. Box 0 is the whole array.
pub(crate) async fn judge_read(handle: &dyn ArrayHandle, number_of_box: usize, witness: &Witness) {
    let judged = try_judge_read(handle, number_of_box, witness).await;
    judged.unwrap();
}

async fn try_judge_read(
    handle: &dyn ArrayHandle,
    number_of_box: usize,
    witness: &Witness,
) -> Result<()> {
    let before = witness.before();
    let slab = &witness.boxes.slabs[number_of_box];
    let cells = read(handle, DType::UInt64, slab).await?;
    witness.judge(&before, number_of_box, cells.as_slice::<u64>().unwrap());
    Ok(())
}
