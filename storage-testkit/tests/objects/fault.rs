//! Faults come as often as the plan says, and the same way twice.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use hyperslab_testkit::objects::{Fault, FaultCounts, FaultPlan, FaultStore, RequestCounts};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, integration};
use tokio::time::{Instant, timeout};

fn over_memory(plan: FaultPlan, seed: u64) -> (Arc<InMemory>, FaultStore) {
    let memory = Arc::new(InMemory::new());
    let inner = Arc::clone(&memory) as Arc<dyn ObjectStore>;
    (memory, FaultStore::new(inner, plan, seed))
}

fn everything() -> FaultPlan {
    FaultPlan {
        latency: Duration::from_millis(20),
        delay: 0.1,
        longest_delay: Duration::from_millis(500),
        burst: 0.02,
        burst_length: 3,
        error_before: 0.05,
        lost_response: 0.02,
        error_after: 0.1,
        cut_body: 0.1,
        stale_list: 0.2,
    }
}

/// One thousand requests in one order, and what became of each.
async fn thousand_requests(store: &FaultStore) -> Vec<String> {
    let mut seen = Vec::new();
    let limit = Duration::from_secs(10);
    for number in 0..1000 {
        let key = Path::from(format!("{}", number % 7));
        let outcome = timeout(limit, async {
            match number % 5 {
                0 => format!("{:?}", store.put(&key, number.to_string().into()).await),
                1 => format!("{:?}", store.head(&key).await.map(|meta| meta.size)),
                2 => match store.get(&key).await {
                    Ok(found) => format!("{:?}", found.bytes().await),
                    Err(error) => format!("{error:?}"),
                },
                3 => {
                    let listed: Result<Vec<_>, _> = store.list(None).try_collect().await;
                    format!("{:?}", listed.map(|listed| listed.len()))
                }
                _ => format!("{:?}", store.delete(&key).await),
            }
        });
        seen.push(outcome.await.unwrap_or_else(|_| "no answer".to_owned()));
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_faults() {
    let (_, one) = over_memory(everything(), 11);
    let (_, two) = over_memory(everything(), 11);
    let (_, other) = over_memory(everything(), 12);
    let seen = thousand_requests(&one).await;
    assert_eq!(seen, thousand_requests(&two).await);
    assert_eq!(one.fault_counts(), two.fault_counts());
    assert_ne!(seen, thousand_requests(&other).await);
    let FaultCounts {
        delay,
        burst,
        error_before,
        lost_response,
        error_after,
        cut_body,
        stale_list,
    } = one.fault_counts();
    let counts = [
        delay,
        burst,
        error_before,
        lost_response,
        error_after,
        cut_body,
        stale_list,
    ];
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    assert_eq!(one.request_counts().total(), 1000);
}

/// A count of trials stays within five standard deviations.
fn assert_rate(count: u64, trials: u64, probability: f64) {
    let (count, expected) = (count as f64, trials as f64 * probability);
    let deviation = (expected * (1.0 - probability)).sqrt();
    assert!(
        (count - expected).abs() <= 5.0 * deviation,
        "{count} of {trials}, not {expected}"
    );
}

#[tokio::test(start_paused = true)]
async fn rates_are_those_of_the_plan() {
    const TRIALS: u64 = 4000;
    let plan = FaultPlan {
        error_before: 0.1,
        ..FaultPlan::default()
    };
    let (memory, store) = over_memory(plan, fastrand::u64(..));
    let key = Path::from("a");
    let mut failed = 0;
    for _ in 0..TRIALS {
        failed += u64::from(store.put(&key, "1".into()).await.is_err());
    }
    assert_eq!(store.fault_counts().error_before, failed);
    assert_rate(failed, TRIALS, 0.1);

    store.set_plan(FaultPlan {
        cut_body: 0.3,
        delay: 0.2,
        ..FaultPlan::default()
    });
    memory.put(&key, vec![1; 100].into()).await.unwrap();
    let (mut short, mut errors) = (0, 0);
    for _ in 0..TRIALS {
        match store.get(&key).await.unwrap().bytes().await {
            Ok(bytes) => short += u64::from(bytes.len() < 100),
            Err(error) => {
                assert_eq!(Fault::of(&error), Some(Fault::CutBody));
                errors += 1;
            }
        }
    }
    assert_eq!(store.fault_counts().cut_body, short + errors);
    assert_rate(short, TRIALS, 0.15);
    assert_rate(errors, TRIALS, 0.15);
    assert_rate(store.fault_counts().delay, TRIALS, 0.2);
    assert_eq!(
        store.request_counts(),
        RequestCounts {
            put: TRIALS,
            get: TRIALS,
            ..RequestCounts::default()
        }
    );
}

#[tokio::test]
async fn an_error_after_success_has_changed_the_store() {
    let (memory, store) = over_memory(
        FaultPlan {
            error_after: 1.0,
            ..FaultPlan::default()
        },
        1,
    );
    let key = Path::from("a");
    let told = store.put(&key, "1".into()).await.unwrap_err();
    assert_eq!(Fault::of(&told), Some(Fault::ErrorAfter));
    assert!(memory.head(&key).await.is_ok());
    // A reader is not concerned.
    assert_eq!(store.get(&key).await.unwrap().bytes().await.unwrap(), "1");
    store.delete(&key).await.unwrap_err();
    assert!(memory.head(&key).await.is_err());
    // What has failed anyway says why.
    let told = store.copy(&key, &Path::from("b")).await.unwrap_err();
    assert!(
        matches!(told, object_store::Error::NotFound { .. }),
        "{told}"
    );
    assert_eq!(store.fault_counts().error_after, 2);
}

#[tokio::test]
async fn an_error_before_has_changed_nothing() {
    let (memory, store) = over_memory(
        FaultPlan {
            error_before: 1.0,
            ..FaultPlan::default()
        },
        1,
    );
    let key = Path::from("a");
    store.put(&key, "1".into()).await.unwrap_err();
    assert!(memory.is_empty().await);
    store.switch(false);
    store.put(&key, "1".into()).await.unwrap();
    store.switch(true);
    store.delete(&key).await.unwrap_err();
    assert!(memory.head(&key).await.is_ok());
}

trait IsEmpty {
    async fn is_empty(&self) -> bool;
}

impl IsEmpty for InMemory {
    async fn is_empty(&self) -> bool {
        self.list(None).try_next().await.unwrap().is_none()
    }
}

#[tokio::test]
async fn a_burst_refuses_requests_in_a_row() {
    let plan = FaultPlan {
        burst: 0.05,
        burst_length: 4,
        ..FaultPlan::default()
    };
    let (_, store) = over_memory(plan, 5);
    let mut runs = vec![0];
    for _ in 0..2000 {
        match store.put(&Path::from("a"), "1".into()).await {
            Ok(_) => runs.push(0),
            Err(_) => *runs.last_mut().unwrap() += 1,
        }
    }
    assert!(runs.contains(&4));
    // Bursts can follow on each other, but none is shorter.
    assert!(runs.iter().all(|run| run % 4 == 0), "{runs:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_never_comes() {
    let (memory, store) = over_memory(
        FaultPlan {
            lost_response: 1.0,
            ..FaultPlan::default()
        },
        3,
    );
    let limit = Duration::from_secs(3600);
    for number in 0..100 {
        let key = Path::from(number.to_string());
        let answer = timeout(limit, store.put(&key, "1".into())).await;
        assert!(answer.is_err());
    }
    let there = memory.list(None).try_collect::<Vec<_>>().await.unwrap();
    // Half of them were carried out.
    assert_rate(there.len() as u64, 100, 0.5);
    assert!(timeout(limit, store.head(&Path::from("1"))).await.is_err());
    assert_eq!(store.fault_counts().lost_response, 101);
}

#[tokio::test(start_paused = true)]
async fn latency_is_that_of_each_request() {
    let (_, store) = over_memory(FaultPlan::latency(Duration::from_millis(20)), 1);
    let key = Path::from("a");
    let started = Instant::now();
    store.put(&key, vec![0; 4 << 20].into()).await.unwrap();
    store.get(&key).await.unwrap().bytes().await.unwrap();
    store.list(None).try_collect::<Vec<_>>().await.unwrap();
    store.list_with_delimiter(None).await.unwrap();
    // Too far apart to be read at once; the requests wait side by side.
    store
        .get_ranges(&key, &[0..10, (3 << 20)..(3 << 20) + 10])
        .await
        .unwrap();
    store.copy(&key, &Path::from("b")).await.unwrap();
    store.delete(&key).await.unwrap();
    assert_eq!(started.elapsed(), Duration::from_millis(7 * 20));
    assert_eq!(
        store.request_counts(),
        RequestCounts {
            put: 1,
            get: 1,
            get_range: 2,
            list: 2,
            copy: 1,
            delete: 1,
            ..RequestCounts::default()
        }
    );
    assert_eq!(store.fault_counts(), FaultCounts::default());
}

#[tokio::test]
async fn a_stale_listing_is_one_that_was_true() {
    let (_, store) = over_memory(
        FaultPlan {
            stale_list: 0.5,
            ..FaultPlan::default()
        },
        9,
    );
    let mut stale = 0;
    for number in 1..200 {
        let key = Path::from(format!("{number:03}"));
        store.put(&key, "1".into()).await.unwrap();
        let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
        assert!(!listed.is_empty() && listed.len() <= number);
        stale += u64::from(listed.len() < number);
    }
    assert_eq!(store.fault_counts().stale_list, stale);
    assert_rate(stale, 199, 0.5);
}

#[tokio::test]
async fn without_faults_it_is_the_store_below() {
    let (_, store) = over_memory(FaultPlan::default(), 1);
    integration::put_get_delete_list(&store).await;
    integration::list_uses_directories_correctly(&store).await;
    integration::list_with_delimiter(&store).await;
    integration::rename_and_copy(&store).await;
    integration::copy_if_not_exists(&store).await;
    integration::stream_get(&store).await;
    integration::put_opts(&store, true).await;
    integration::get_opts(&store).await;
    assert_eq!(store.fault_counts(), FaultCounts::default());
}
