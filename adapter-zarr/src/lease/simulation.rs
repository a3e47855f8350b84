//! A thousand seeded schedules: machines whose clocks differ, that pause, crash and lose answers. No two leases overlap.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hyperslab_core::LeasedLocks;
use tokio::time::sleep_until;

use super::keeper::Tenure;
use super::*;
use crate::objects::failure::Hope;
use crate::objects::faulty::{Fault, Faulty};
use crate::objects::remote::RemoteObjects;

const LEASE: Duration = Duration::from_secs(9);
const MACHINES: usize = 4;
const END: Duration = Duration::from_secs(120);

/// What all machines of one schedule share.
#[derive(Debug, Default)]
struct World {
    /// Every lease that was granted, in this order.
    granted: Mutex<Vec<(usize, u64, Arc<Tenure>)>>,
    overlaps: AtomicU64,
}

impl World {
    fn valid_count(&self) -> usize {
        let granted = self.granted.lock().unwrap();
        granted
            .iter()
            .filter(|(_, _, tenure)| tenure.is_valid())
            .count()
    }

    fn check(&self) {
        if self.valid_count() > 1 {
            self.overlaps.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Machine {
    locks: LeaseLockManager,
    dead: Arc<AtomicBool>,
    rng: Arc<Mutex<fastrand::Rng>>,
}

fn milliseconds(rng: &mut fastrand::Rng, longest: u64) -> Duration {
    Duration::from_millis(rng.u64(0..longest))
}

fn machine(seed: u64, number: usize, store: &RemoteObjects) -> Machine {
    let number = u64::try_from(number).unwrap();
    let rng = fastrand::Rng::with_seed(seed.wrapping_mul(1000) + number);
    let rng = Arc::new(Mutex::new(rng));
    let dead = Arc::new(AtomicBool::new(false));
    let (script_rng, script_dead) = (Arc::clone(&rng), Arc::clone(&dead));
    let script = move |_: u64, _: &str, _: &str| {
        if script_dead.load(Ordering::Relaxed) {
            return Fault::Slow(Duration::from_secs(86400), Duration::ZERO);
        }
        let mut rng = script_rng.lock().unwrap();
        // Every other schedule is harsh: most answers come late, many requests later still.
        if seed % 2 == 1 {
            return match rng.u32(0..100) {
                0..50 => Fault::Slow(Duration::ZERO, milliseconds(&mut rng, 4_000)),
                50..75 => Fault::Slow(milliseconds(&mut rng, 16_000), Duration::ZERO),
                _ => Fault::None,
            };
        }
        match rng.u32(0..100) {
            0..5 => Fault::Before(Hope::Passing),
            5..10 => Fault::After,
            // The request, or its answer, travels longer than a lease.
            10..13 => Fault::Slow(milliseconds(&mut rng, 14_000), Duration::ZERO),
            13..16 => Fault::Slow(Duration::ZERO, milliseconds(&mut rng, 14_000)),
            16..60 => Fault::Slow(milliseconds(&mut rng, 300), milliseconds(&mut rng, 300)),
            _ => Fault::None,
        }
    };
    let objects = Arc::new(Faulty::new(store.clone(), script));
    let (pace, chance) = {
        let mut rng = rng.lock().unwrap();
        // Up to a fifth slow or fast: 1.2 / 0.8 is the half that two thirds leave.
        let by_chance = 0.81 + 0.38 * rng.f64();
        let pace = match (seed % 2, number % 2) {
            (0, _) => by_chance,
            (_, 0) => 0.81,
            _ => 1.19,
        };
        (pace, Mutex::new(rng.fork()))
    };
    let options = LeaseOptions {
        duration: LEASE.div_f64(pace),
        chance: Arc::new(move || chance.lock().unwrap().u32(..)),
        ..LeaseOptions::default()
    };
    let mut locks = LeaseLockManager::new(Arc::new(objects), options);
    let shared = Arc::get_mut(&mut locks.shared).unwrap();
    shared.announced = LEASE;
    shared.sightings.get_mut().unwrap().pace = Some(pace);
    Machine { locks, dead, rng }
}

/// Takes the lock again and again, holds it for a while, sometimes crashes.
async fn live(machine: &Machine, number: usize, world: &World, end: Instant) {
    while Instant::now() < end {
        let (timeout, hold, crashes) = {
            let mut rng = machine.rng.lock().unwrap();
            let hold = if rng.u32(0..3) == 0 { 40_000 } else { 3_000 };
            (
                milliseconds(&mut rng, 40_000),
                milliseconds(&mut rng, hold),
                number > 0 && rng.u32(0..12) == 0,
            )
        };
        let request = LockRequest::exclusive(LockKey::store(), timeout);
        // Sometimes the caller gives up in the middle.
        let given_up = timeout.mul_f64(0.7);
        let lease = match tokio::time::timeout(given_up, machine.locks.lease(request)).await {
            Ok(Ok(lease)) => lease,
            Ok(Err(_)) | Err(_) => {
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let token = lease.tokens()[0];
        world
            .granted
            .lock()
            .unwrap()
            .push((number, token, lease.tenure()));
        world.check();
        if crashes {
            machine.dead.store(true, Ordering::Relaxed);
            // The process is gone: nobody lets go.
            std::mem::forget(lease);
            return;
        }
        sleep(hold).await;
        world.check();
    }
}

async fn schedule(seed: u64) -> (usize, usize) {
    let store = RemoteObjects::memory();
    let world = Arc::new(World::default());
    let end = Instant::now() + END;
    let machines: Vec<_> = (0..MACHINES)
        .map(|number| machine(seed, number, &store))
        .collect();
    let tasks: Vec<_> = machines
        .into_iter()
        .enumerate()
        .map(|(number, machine)| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                live(&machine, number, &world, end).await;
            })
        })
        .collect();
    let mut tick = Instant::now();
    while tick < end {
        tick += Duration::from_millis(250);
        sleep_until(tick).await;
        world.check();
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(
        world.overlaps.load(Ordering::Relaxed),
        0,
        "seed {seed}: two leases overlap"
    );
    let tokens: Vec<_> = {
        let granted = world.granted.lock().unwrap();
        granted.iter().map(|(_, token, _)| *token).collect()
    };
    assert!(tokens.is_sorted_by(|a, b| a < b), "seed {seed}: {tokens:?}");
    // Whoever comes last gets the lock after one lease at most, on a healthy machine.
    let begun = Instant::now();
    let last = LeaseLockManager::new(
        Arc::new(store),
        LeaseOptions {
            duration: LEASE,
            ..LeaseOptions::default()
        },
    );
    let request = LockRequest::exclusive(LockKey::store(), Duration::from_secs(3600));
    let lease = last.lease(request).await.unwrap();
    assert!(lease.tokens() > vec![tokens.last().copied().unwrap_or(0)]);
    let waited = begun.elapsed();
    assert!(waited <= LEASE * 5, "seed {seed}: waited {waited:?}");
    (tokens.len(), usize::from(waited >= LEASE))
}

#[test]
fn no_two_leases_overlap_in_a_thousand_schedules() {
    let (mut granted, mut taken_over) = (0, 0);
    for seed in 0..1000 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (grants, crashed) = runtime.block_on(schedule(seed));
        granted += grants;
        taken_over += crashed;
    }
    // The schedules must not all be stuck at their first step.
    assert!(granted > 8_000, "{granted} leases were granted");
    assert!(taken_over > 10, "{taken_over} schedules ended with a crash");
}
