//! What the contract of locks says, one by one.

use std::sync::Mutex as StdMutex;

use bytes::Bytes;
use hyperslab_core::{Durability, ErrorKind, LeasedLocks};

use super::record::Record;
use super::*;
use crate::objects::Condition;
use crate::objects::failure::Hope;
use crate::objects::faulty::{Fault, Faulty};
use crate::objects::local::LocalObjects;
use crate::objects::remote::RemoteObjects;

const LONG: Duration = Duration::from_secs(300);
const SHORT: Duration = Duration::from_millis(300);

fn manager(objects: &Arc<dyn Objects>) -> LeaseLockManager {
    LeaseLockManager::new(Arc::clone(objects), LeaseOptions::default())
}

fn memory() -> Arc<dyn Objects> {
    Arc::new(RemoteObjects::memory())
}

fn key(name: &str) -> LockKey {
    LockKey::array("weather", name)
}

async fn exclusive(locks: &LeaseLockManager, name: &str, timeout: Duration) -> Result<Lease> {
    locks
        .lease(LockRequest::exclusive(key(name), timeout))
        .await
}

async fn shared(locks: &LeaseLockManager, name: &str, timeout: Duration) -> Result<Lease> {
    locks.lease(LockRequest::shared(key(name), timeout)).await
}

#[tokio::test(start_paused = true)]
async fn readers_share_and_a_writer_excludes_also_between_processes() {
    let objects = memory();
    let (one, two) = (manager(&objects), manager(&objects));
    let readers = (
        shared(&one, "a", SHORT).await.unwrap(),
        shared(&two, "a", SHORT).await.unwrap(),
        shared(&two, "a", SHORT).await.unwrap(),
    );
    for locks in [&one, &two] {
        let refused = exclusive(locks, "a", SHORT).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Locked, "{refused}");
    }
    assert!(
        one.holders().await.unwrap().is_empty(),
        "shared ones are not listed"
    );
    drop(readers);
    let writer = exclusive(&two, "a", SHORT).await.unwrap();
    let refused = shared(&one, "a", Duration::ZERO).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Locked);
    for word in ["array weather/a", &std::process::id().to_string()] {
        assert!(refused.message().contains(word), "{refused}");
    }
    exclusive(&one, "b", Duration::ZERO).await.unwrap();
    writer.ensure_valid().unwrap();
    assert_eq!(writer.tokens(), [4]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_dropped_is_not_shown_and_is_free_at_once() {
    let objects = memory();
    let locks = manager(&objects);
    for round in 1..20 {
        let lease = exclusive(&locks, "a", Duration::ZERO).await.unwrap();
        assert_eq!(lease.tokens(), [round]);
        let holders = locks.holders().await.unwrap();
        assert_eq!(holders.len(), 1);
        assert_eq!((&holders[0].key, holders[0].stale), (&key("a"), false));
        drop(lease);
        assert!(locks.holders().await.unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn all_keys_or_none() {
    let objects = memory();
    let (one, two) = (manager(&objects), manager(&objects));
    let held = exclusive(&one, "b", SHORT).await.unwrap();
    let both = LockRequest {
        keys: vec![key("b"), key("a"), key("a")],
        mode: LockMode::Exclusive,
        timeout: SHORT,
    };
    two.lease(both.clone()).await.unwrap_err();
    two.shared.settle().await;
    exclusive(&one, "a", Duration::ZERO).await.unwrap();
    drop(held);
    one.shared.settle().await;
    let guard = two.acquire(both).await.unwrap();
    assert_eq!(guard.keys(), [key("a"), key("b")]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_renewed_as_long_as_it_is_held() {
    let objects = memory();
    let (one, two) = (manager(&objects), manager(&objects));
    let lease = exclusive(&one, "a", SHORT).await.unwrap();
    let refused = exclusive(&two, "a", LONG).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Locked);
    lease.ensure_valid().unwrap();
    sleep(LONG).await;
    lease.ensure_valid().unwrap();
    let waiter = tokio::spawn(async move { exclusive(&two, "a", LONG).await });
    sleep(SHORT).await;
    let before = Instant::now();
    drop(lease);
    waiter.await.unwrap().unwrap();
    assert!(
        before.elapsed() < Duration::from_secs(2),
        "a free lock is taken soon"
    );
}

/// A process that hangs loses its lock after one lease, and knows it before anybody else has it.
#[tokio::test(start_paused = true)]
async fn a_silent_holder_is_taken_over_after_one_lease() {
    let silent = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flag = Arc::clone(&silent);
    let faulty = Arc::new(Faulty::new(RemoteObjects::memory(), move |_, _, _| {
        if flag.load(std::sync::atomic::Ordering::Relaxed) {
            return Fault::Before(Hope::Passing);
        }
        Fault::None
    }));
    let inner: Arc<dyn Objects> = Arc::new(faulty.inner.clone());
    let (one, two) = (
        manager(&(Arc::new(Arc::clone(&faulty)) as Arc<dyn Objects>)),
        manager(&inner),
    );
    let lease = one.acquire(LockRequest::exclusive(key("a"), SHORT));
    let lease = lease.await.unwrap();
    lease.ensure_valid().unwrap();
    silent.store(true, std::sync::atomic::Ordering::Relaxed);
    let begun = Instant::now();
    let taken = exclusive(&two, "a", LONG).await.unwrap();
    let waited = begun.elapsed();
    let duration = LeaseOptions::default().duration;
    assert!(
        waited >= duration && waited < duration + Duration::from_secs(3),
        "{waited:?}"
    );
    assert_eq!(
        lease.ensure_valid().unwrap_err().kind(),
        ErrorKind::Conflict
    );
    assert_eq!((lease.tokens(), taken.tokens()), (Some(vec![1]), vec![2]));
    // Letting go of what was lost harms nobody.
    silent.store(false, std::sync::atomic::Ordering::Relaxed);
    drop(lease);
    one.shared.settle().await;
    taken.ensure_valid().unwrap();
    assert_eq!(two.holders().await.unwrap().len(), 1);
}

/// The answer to a renewal came late, and then nothing more: the trust ends two thirds after the renewal was sent.
#[tokio::test(start_paused = true)]
async fn a_sign_of_life_counts_from_when_it_was_sent() {
    let second = Duration::from_secs(1);
    let script = move |number: u64, _: &str, _: &str| match number {
        // The look and the put that take the lock.
        0 | 1 => Fault::None,
        2 => Fault::Slow(Duration::ZERO, 9 * second),
        _ => Fault::Never,
    };
    let faulty = Arc::new(Faulty::new(RemoteObjects::memory(), script));
    let locks = manager(&(Arc::new(faulty) as Arc<dyn Objects>));
    let lease = exclusive(&locks, "a", SHORT).await.unwrap();
    let begun = Instant::now();
    while lease.ensure_valid().is_ok() {
        sleep(second / 10).await;
    }
    let trusted = begun.elapsed();
    assert!(
        trusted > 29 * second && trusted <= 30 * second,
        "{trusted:?}"
    );
}

/// Of our own machine one knows at once.
#[tokio::test(start_paused = true)]
async fn the_lock_of_a_process_that_ended_is_free_at_once() {
    let objects = memory();
    let locks = manager(&objects);
    let name = object_key(&key("a"));
    let mut record = Record::new(key("a"));
    record.token = 7;
    record.holders.push(Holder {
        nonce: Uuid::new_v4(),
        mode: LockMode::Exclusive,
        token: 7,
        since: SystemClock.now(),
        duration_ms: 3_600_000,
        heartbeat: 3,
        process: locks.shared.process.with_number(4_194_999),
    });
    let put = locks.shared.put(&name, &mut record, Condition::Absent);
    put.await.unwrap();
    let holders = locks.holders().await.unwrap();
    assert!(holders[0].stale && holders[0].pid == 4_194_999);
    let lease = exclusive(&locks, "a", Duration::ZERO).await.unwrap();
    assert_eq!(lease.tokens(), [8]);
}

#[tokio::test(start_paused = true)]
async fn only_stale_locks_are_broken() {
    let objects = memory();
    let (one, two) = (manager(&objects), manager(&objects));
    let lease = exclusive(&one, "a", SHORT).await.unwrap();
    let info = two.holders().await.unwrap().remove(0);
    let refused = two.break_lock(&info).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Locked);
    lease.ensure_valid().unwrap();
    drop(lease);
    one.shared.settle().await;
    two.break_lock(&info).await.unwrap();
    // Its holder has crashed, somewhere.
    let mut crashed = one.shared.process.with_number(1);
    crashed.host = "elsewhere".to_owned();
    let name = object_key(&key("a"));
    let mut known = one.shared.read(&name).await.unwrap().unwrap();
    known.record.holders.push(Holder {
        nonce: Uuid::new_v4(),
        mode: LockMode::Exclusive,
        token: 2,
        since: SystemClock.now(),
        duration_ms: 30_000,
        heartbeat: 3,
        process: serde_json::from_value(serde_json::json!({
            "pid": 1, "start": 1, "place": "elsewhere", "host": "elsewhere", "program": "gone"
        }))
        .unwrap(),
    });
    let put = one.shared.put(&name, &mut known.record, known.condition);
    put.await.unwrap();
    two.break_lock(&info).await.unwrap();
    assert!(two.holders().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_future_takes_nothing() {
    let objects = memory();
    for yields in 0..40 {
        let (one, two) = (manager(&objects), manager(&objects));
        let held = if yields % 2 == 0 {
            Some(exclusive(&one, "b", SHORT).await.unwrap())
        } else {
            None
        };
        let request = LockRequest {
            keys: vec![key("a"), key("b")],
            mode: LockMode::Exclusive,
            timeout: LONG,
        };
        let waiter = tokio::spawn({
            let two = two.clone();
            async move { two.lease(request).await }
        });
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        waiter.abort();
        let _ = waiter.await;
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        two.shared.settle().await;
        assert!(
            exclusive(&one, "a", Duration::ZERO).await.is_ok(),
            "{yields}"
        );
        drop(held);
        one.shared.settle().await;
        exclusive(&two, "b", Duration::ZERO).await.unwrap();
        two.shared.settle().await;
    }
}

/// Every kind of failure of every early call: the lock is granted once, or refused, and never stuck.
#[tokio::test(start_paused = true)]
async fn lost_answers_do_not_confuse() {
    for failing in 0..6 {
        for fault in [Fault::After, Fault::Before(Hope::Passing)] {
            let faulty = Arc::new(Faulty::new(RemoteObjects::memory(), move |number, _, _| {
                if number == failing {
                    fault
                } else {
                    Fault::None
                }
            }));
            let objects: Arc<dyn Objects> = Arc::new(Arc::clone(&faulty));
            let inner: Arc<dyn Objects> = Arc::new(faulty.inner.clone());
            let (one, two) = (manager(&objects), manager(&inner));
            if let Ok(lease) = exclusive(&one, "a", SHORT).await {
                lease.ensure_valid().unwrap();
                exclusive(&two, "a", Duration::ZERO).await.unwrap_err();
                sleep(LONG).await;
                lease.ensure_valid().unwrap();
            }
            one.shared.settle().await;
            exclusive(&two, "a", Duration::ZERO).await.unwrap();
        }
    }
}

#[tokio::test]
async fn locks_on_a_disk() {
    let folder = tempfile::tempdir().unwrap();
    let objects: Arc<dyn Objects> = Arc::new(LocalObjects::open(folder.path()).unwrap());
    let (one, two) = (manager(&objects), manager(&objects));
    let order = Arc::new(StdMutex::new(Vec::new()));
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let locks = if task % 2 == 0 {
                one.clone()
            } else {
                two.clone()
            };
            let order = Arc::clone(&order);
            tokio::spawn(async move {
                for _ in 0..5 {
                    let lease = exclusive(&locks, "a=1,b=%2F", LONG).await.unwrap();
                    lease.ensure_valid().unwrap();
                    order.lock().unwrap().push(lease.tokens()[0]);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let order = order.lock().unwrap().clone();
    assert_eq!(order, (1..=40).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_none_is_said_to_be_corrupt() {
    let objects = memory();
    let locks = manager(&objects);
    for (text, kind) in [
        ("{}", ErrorKind::Corrupt),
        ("half a rec", ErrorKind::Corrupt),
        (r#"{"format": 2}"#, ErrorKind::Unsupported),
    ] {
        let name = object_key(&key("a"));
        let bytes = Bytes::from(text);
        let put = objects.put(&name, bytes, Condition::None, Durability::Synced);
        put.await.unwrap();
        let error = exclusive(&locks, "a", SHORT).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}
