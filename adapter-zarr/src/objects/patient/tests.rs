//! Patience in paused time, with a medium that fails by a script.

use std::sync::atomic::Ordering;

use futures::TryStreamExt;
use hyperslab_core::ErrorKind;
use tokio::time::timeout;

use super::super::contract_tests::check_contract;
use super::super::faulty::{Fault, Faulty};
use super::super::remote::RemoteObjects;
use super::*;

type Tested = Patient<Arc<Faulty<RemoteObjects>>>;

fn patience() -> Patience {
    let state = std::sync::atomic::AtomicU32::new(1);
    Patience {
        chance: Arc::new(move || {
            state
                .fetch_add(0x9e37_79b9, Ordering::Relaxed)
                .wrapping_mul(0x85eb_ca6b)
        }),
        first_answer: Duration::from_secs(60),
        ..Patience::default()
    }
}

fn patient(
    script: impl Fn(u64, &str, &str) -> Fault + Send + Sync + 'static,
) -> (Tested, Arc<Faulty<RemoteObjects>>) {
    let faulty = Arc::new(Faulty::new(RemoteObjects::memory(), script));
    (Patient::new(Arc::clone(&faulty), patience()), faulty)
}

async fn put(objects: &dyn Objects, bytes: &'static str, condition: Condition) -> Result<Put> {
    let bytes = Bytes::from_static(bytes.as_bytes());
    objects.put("a", bytes, condition, Durability::Synced).await
}

#[tokio::test]
async fn a_patient_medium_keeps_the_contract() {
    check_contract(Arc::new(patient(|_, _, _| Fault::None).0)).await;
}

#[tokio::test(start_paused = true)]
async fn objects_come_through_while_every_third_call_fails() {
    let fails = |number: u64, operation: &str, _: &str| match number % 3 {
        1 if operation == "list" => Fault::Cut(1),
        1 => [
            Fault::After,
            Fault::Before(Hope::Throttled),
            Fault::Before(Hope::Passing),
        ][usize::try_from(number / 3 % 3).unwrap()],
        _ => Fault::None,
    };
    let faulty = Arc::new(Faulty::new(RemoteObjects::memory(), fails));
    let objects = Patient::new(Arc::clone(&faulty), patience());
    let version = put(&objects, "first", Condition::Absent).await.unwrap();
    assert!(matches!(version, Put::Done(_)));
    for round in 0..50 {
        let key = format!("k{round}");
        let bytes = Bytes::from(key.clone());
        let put = objects.put(&key, bytes.clone(), Condition::Absent, Durability::Synced);
        let Put::Done(version) = put.await.unwrap() else {
            panic!("refused");
        };
        let object = objects.get(&key).await.unwrap().unwrap();
        assert_eq!((object.bytes, object.version), (bytes, version));
    }
    let listed: Vec<_> = objects.list("").try_collect().await.unwrap();
    assert_eq!(listed.len(), 51);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_put_is_not_a_refusal() {
    for fault in [Fault::After, Fault::Never] {
        let (objects, faulty) =
            patient(move |number, _, _| if number == 0 { fault } else { Fault::None });
        let Put::Done(version) = put(&objects, "mine", Condition::Absent).await.unwrap() else {
            panic!("refused by itself");
        };
        assert_eq!(objects.version("a").await.unwrap(), Some(version.clone()));
        // The put, its repetition, the look, and the version.
        assert_eq!(faulty.count(), 4);
        let (swaps, _) = patient(move |number, operation, _| match (number, operation) {
            (1, "put") => fault,
            _ => Fault::None,
        });
        let Put::Done(first) = put(&swaps, "one", Condition::Absent).await.unwrap() else {
            panic!("refused");
        };
        let swapped = put(&swaps, "two", Condition::Is(first)).await.unwrap();
        assert!(matches!(swapped, Put::Done(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_nobody_knows_is_an_error() {
    let (objects, faulty) = patient(|number, _, _| match number {
        0 => Fault::After,
        _ => Fault::None,
    });
    let first = {
        let objects = Arc::new(objects);
        let task = tokio::spawn({
            let objects = Arc::clone(&objects);
            async move { put(&*objects, "mine", Condition::Absent).await }
        });
        // While the first writer pauses, another one replaces what it put.
        while faulty.inner.version("a").await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        put(&faulty.inner, "theirs", Condition::None).await.unwrap();
        task.await.unwrap()
    };
    assert_eq!(first.unwrap_err().kind(), ErrorKind::Unavailable);
    // Without a lost answer a refusal is a refusal.
    let (objects, _) = patient(|_, _, _| Fault::None);
    put(&objects, "x", Condition::None).await.unwrap();
    let refused = put(&objects, "y", Condition::Absent).await.unwrap();
    assert_eq!(refused, Put::Refused);
}

#[tokio::test(start_paused = true)]
async fn there_is_a_deadline() {
    for fault in [
        Fault::Never,
        Fault::Before(Hope::Passing),
        Fault::Before(Hope::Throttled),
    ] {
        let (objects, faulty) = patient(move |_, _, _| fault);
        let begun = Instant::now();
        let error = objects.version("a").await.unwrap_err();
        let waited = begun.elapsed();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("cannot "), "{error}");
        assert!(waited <= Duration::from_secs(60), "{waited:?}");
        assert!(waited >= Duration::from_secs(35), "{waited:?}");
        assert!(
            (2..60).contains(&faulty.count()),
            "{} calls",
            faulty.count()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_has_never_answered_is_given_up_sooner() {
    let faulty = |number, _: &str, _: &str| match number {
        2 => Fault::None,
        _ => Fault::Never,
    };
    let faulty = Faulty::new(RemoteObjects::memory(), faulty);
    let objects = Patient::new(Arc::new(faulty), Patience::default());
    let mut waited = Vec::new();
    for _ in 0..3 {
        let begun = Instant::now();
        let _ = objects.version("a").await;
        waited.push(begun.elapsed().as_secs());
    }
    // Two attempts; an answer; nothing more.
    assert!((5..=10).contains(&waited[0]), "{waited:?}");
    assert_eq!(waited[1], 0);
    assert!((40..=60).contains(&waited[2]), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn what_will_not_pass_is_not_tried_again() {
    let (objects, faulty) = patient(|_, _, _| Fault::Before(Hope::None));
    objects.get("a").await.unwrap_err();
    assert_eq!(faulty.count(), 1);
    let (objects, faulty) = patient(|_, _, _| Fault::None);
    let error = objects.get("a//b").await.unwrap_err();
    assert_eq!((error.kind(), faulty.count()), (ErrorKind::InvalidInput, 1));
}

#[tokio::test(start_paused = true)]
async fn a_broken_listing_begins_again_and_shows_each_object_once() {
    let (objects, faulty) = patient(|number, operation, _| match (number % 4, operation) {
        (0, "list") => Fault::Cut(7),
        (1, "list") => Fault::Cut(0),
        (2, "list") => Fault::Cut(12),
        _ => Fault::None,
    });
    let mut expected = Vec::new();
    for index in 0..20 {
        let key = format!("c/{index:02}");
        let put = faulty
            .inner
            .put(&key, Bytes::new(), Condition::None, Durability::Synced);
        put.await.unwrap();
        expected.push(key);
    }
    let listed: Vec<_> = objects.list("c").try_collect().await.unwrap();
    let mut listed: Vec<_> = listed.into_iter().map(|listed| listed.key).collect();
    listed.sort();
    assert_eq!(listed, expected);
    assert_eq!(faulty.count(), 4);
}

/// A store that says no to more than five calls at once is found out, and every call gets through.
#[tokio::test(start_paused = true)]
async fn a_throttling_store_is_asked_less() {
    let inside = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let second = Duration::from_secs(1);
    let counted = Arc::clone(&inside);
    let (objects, _) = patient(move |_, _, _| {
        if counted.fetch_add(1, Ordering::Relaxed) >= 5 {
            counted.fetch_sub(1, Ordering::Relaxed);
            return Fault::Before(Hope::Throttled);
        }
        let counted = Arc::clone(&counted);
        tokio::spawn(async move {
            sleep(second).await;
            counted.fetch_sub(1, Ordering::Relaxed);
        });
        Fault::Slow(second, Duration::ZERO)
    });
    let objects = Arc::new(objects);
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let objects = Arc::clone(&objects);
            tokio::spawn(async move { objects.version("a").await })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += u32::from(task.await.unwrap().is_ok());
    }
    assert_eq!(done, 100);
    assert!(objects.gate.limit() <= 16, "{}", objects.gate.limit());
}

#[tokio::test]
async fn the_gate_halves_once_per_burst_and_grows_slowly() {
    let gate = Gate::new(8);
    let passes = futures::future::join_all((0..8).map(|_| gate.enter())).await;
    for pass in &passes {
        gate.throttled(pass);
    }
    assert_eq!(gate.limit(), 4);
    drop(passes);
    let passes = futures::future::join_all((0..4).map(|_| gate.enter())).await;
    assert!(
        timeout(Duration::from_millis(5), gate.enter())
            .await
            .is_err()
    );
    drop(passes);
    for _ in 0..4 {
        gate.succeeded();
    }
    assert_eq!(gate.limit(), 5);
    let passes = futures::future::join_all((0..5).map(|_| gate.enter())).await;
    assert!(
        timeout(Duration::from_millis(5), gate.enter())
            .await
            .is_err()
    );
    drop(passes);
    for _ in 0..1000 {
        gate.succeeded();
    }
    assert_eq!(gate.limit(), 8);
    for _ in 0..10 {
        let pass = gate.enter().await;
        gate.throttled(&pass);
    }
    assert_eq!(gate.limit(), 1);
    drop(gate.enter().await);
}
