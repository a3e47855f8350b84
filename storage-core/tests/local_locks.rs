//! Locks of a store on a disk, within a process and among processes.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyperslab_core::{ErrorKind, LocalLockManager, LockGuard, LockKey, LockManager, LockRequest};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);

/// Carries the work and the store of a child process: `ROLE PATH`.
const WORKER: &str = "HYPERSLAB_LOCK_WORKER";

fn store() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("weather")).unwrap();
    folder
}

fn key(array: &str) -> LockKey {
    LockKey::array("weather", array)
}

fn exclusive(array: &str, timeout: Duration) -> LockRequest {
    LockRequest::exclusive(key(array), timeout)
}

fn lock_file(root: &Path, array: &str) -> PathBuf {
    root.join("weather/.hyperslab/locks")
        .join(format!("{array}.lock"))
}

#[tokio::test]
async fn readers_share_and_a_writer_excludes() {
    let folder = store();
    // Two managers know of each other only through the files, as two processes do.
    let (here, there) = (
        LocalLockManager::new(folder.path()),
        LocalLockManager::new(folder.path()),
    );
    let shared = LockRequest::shared(key("a=1"), SHORT);
    let readers = (
        here.acquire(shared.clone()).await.unwrap(),
        there.acquire(shared.clone()).await.unwrap(),
    );
    for locks in [&here, &there] {
        let refused = locks.acquire(exclusive("a=1", SHORT)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Locked);
    }
    drop(readers);
    let writer = here.acquire(exclusive("a=1", SHORT)).await.unwrap();
    there.acquire(shared.clone()).await.unwrap_err();
    there.acquire(exclusive("a=2", SHORT)).await.unwrap();
    drop(writer);
    there.acquire(shared).await.unwrap();
}

#[tokio::test]
async fn a_timeout_names_the_holder_and_comes_in_time() {
    let folder = store();
    let (here, there) = (
        LocalLockManager::new(folder.path()),
        LocalLockManager::new(folder.path()),
    );
    let _held = here.acquire(exclusive("a=1", SHORT)).await.unwrap();
    for locks in [&here, &there] {
        let start = Instant::now();
        let refused = locks.acquire(exclusive("a=1", SHORT)).await.unwrap_err();
        assert!(start.elapsed() >= SHORT);
        assert_eq!(refused.kind(), ErrorKind::Locked);
        let message = refused.message();
        let pid = format!("array weather/a=1 is locked by pid {}", std::process::id());
        assert!(message.contains(&pid), "{message}");
        assert!(message.contains("waited 0.100 s"), "{message}");
    }
    let holders = there.holders().await.unwrap();
    assert_eq!(holders.len(), 1);
    assert_eq!(holders[0].key, key("a=1"));
    assert!(!holders[0].stale);
    let refused = there.break_lock(&holders[0]).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Locked);
}

#[tokio::test]
async fn a_released_lock_leaves_no_record_and_no_queue() {
    let folder = store();
    let locks = LocalLockManager::new(folder.path());
    let held = locks.acquire(exclusive("a=1", SHORT)).await.unwrap();
    assert_ne!(
        fs::metadata(lock_file(folder.path(), "a=1")).unwrap().len(),
        0
    );
    let other = LocalLockManager::new(folder.path());
    other.acquire(exclusive("a=1", SHORT)).await.unwrap_err();
    drop(held);
    assert_eq!(
        fs::metadata(lock_file(folder.path(), "a=1")).unwrap().len(),
        0
    );
    let files: Vec<_> = fs::read_dir(folder.path().join("weather/.hyperslab/locks"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(files, ["a=1.lock"]);
    let held = locks.acquire(exclusive("a=1", SHORT)).await.unwrap();
    locks.forget(held);
    assert!(!lock_file(folder.path(), "a=1").exists());
    other.acquire(exclusive("a=1", SHORT)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn crossed_keys_do_not_deadlock() {
    let folder = store();
    let managers = [
        Arc::new(LocalLockManager::new(folder.path())),
        Arc::new(LocalLockManager::new(folder.path())),
    ];
    let mut tasks = Vec::new();
    for (number, keys) in [["a=1", "a=2"], ["a=2", "a=1"]].into_iter().enumerate() {
        for locks in &managers {
            let locks = Arc::clone(locks);
            let request = LockRequest {
                keys: keys.map(key).to_vec(),
                ..exclusive("", LONG)
            };
            tasks.push(tokio::spawn(async move {
                for _ in 0..50 + number {
                    let guard = locks.acquire(request.clone()).await.unwrap();
                    assert_eq!(guard.keys(), [key("a=1"), key("a=2")]);
                    tokio::task::yield_now().await;
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_cancelled_wait_leaves_nothing_behind() {
    let folder = store();
    let (here, there) = (
        LocalLockManager::new(folder.path()),
        LocalLockManager::new(folder.path()),
    );
    let held = here.acquire(exclusive("a=2", SHORT)).await.unwrap();
    let both = LockRequest {
        keys: vec![key("a=1"), key("a=2")],
        ..exclusive("", LONG)
    };
    tokio::time::timeout(SHORT, there.acquire(both))
        .await
        .unwrap_err();
    here.acquire(exclusive("a=1", Duration::ZERO))
        .await
        .unwrap();
    drop(held);
    here.acquire(exclusive("a=2", Duration::ZERO))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_deleted_collection_stays_deleted() {
    let folder = store();
    let locks = LocalLockManager::new(folder.path());
    let refused = locks
        .acquire(LockRequest::exclusive(LockKey::array("gone", "a=1"), SHORT))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert!(
        refused.message().contains("collection gone does not exist"),
        "{refused}"
    );
    assert!(!folder.path().join("gone").exists());

    // Deleted while somebody waits.
    let held = locks.acquire(exclusive("a=1", SHORT)).await.unwrap();
    let waiter = tokio::spawn({
        let locks = LocalLockManager::new(folder.path());
        async move { locks.acquire(exclusive("a=1", LONG)).await }
    });
    let queue = folder.path().join("weather/.hyperslab/locks/a=1.queue");
    while !queue.exists() {
        tokio::task::yield_now().await;
    }
    fs::rename(
        folder.path().join("weather"),
        folder.path().join(".deleted"),
    )
    .unwrap();
    let refused = waiter.await.unwrap().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert!(!folder.path().join("weather").exists());
    drop(held);
}

#[tokio::test]
async fn a_store_that_cannot_be_written_says_so() {
    let locks = LocalLockManager::new("/proc");
    let refused = locks
        .acquire(LockRequest::exclusive(LockKey::store(), SHORT))
        .await
        .unwrap_err();
    // A folder of the kernel, where not even the superuser makes files.
    assert!(
        matches!(refused.kind(), ErrorKind::Denied | ErrorKind::NotFound),
        "{refused}"
    );
    let missing = LocalLockManager::new("/proc/self/no-store");
    let refused = missing
        .acquire(LockRequest::exclusive(LockKey::store(), SHORT))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
}

/// Adds 1 to the number in a file in a way that loses updates unless it is done under a lock.
fn increment(path: &Path) {
    let count: u64 = fs::read_to_string(path).unwrap().parse().unwrap();
    std::thread::yield_now();
    fs::write(path, (count + 1).to_string()).unwrap();
}

/// `threads` tasks, each with a runtime of its own as in a program of many threads, increment `times` each.
fn increment_under_lock(root: &Path, threads: usize, times: usize) {
    let locks = Arc::new(LocalLockManager::new(root));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                runtime().block_on(async {
                    for _ in 0..times {
                        let _guard = locks.acquire(exclusive("a=1", LONG)).await.unwrap();
                        increment(&root.join("counter"));
                    }
                });
            });
        }
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}

#[test]
fn no_update_is_lost_among_threads() {
    let folder = store();
    fs::write(folder.path().join("counter"), "0").unwrap();
    increment_under_lock(folder.path(), 8, 250);
    let count = fs::read_to_string(folder.path().join("counter")).unwrap();
    assert_eq!(count, "2000");
}

#[test]
fn no_update_is_lost_among_processes_and_none_starves() {
    let folder = store();
    fs::write(folder.path().join("counter"), "0").unwrap();
    let start = Instant::now();
    let mut children: Vec<_> = (0..2).map(|_| spawn("increment", folder.path())).collect();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let count = fs::read_to_string(folder.path().join("counter")).unwrap();
    assert_eq!(count, (2 * 4 * 100).to_string());
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
}

#[test]
fn a_busy_process_does_not_starve_another() {
    let folder = store();
    let mut busy = spawn("busy", folder.path());
    let mut lines = BufReader::new(busy.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("busy")));
    let locks = LocalLockManager::new(folder.path());
    runtime().block_on(async {
        for _ in 0..20 {
            locks
                .acquire(exclusive("a=1", Duration::from_secs(1)))
                .await
                .unwrap();
        }
    });
    busy.kill().unwrap();
    busy.wait().unwrap();
}

#[test]
fn the_lock_of_a_killed_process_is_free_at_once() {
    let folder = store();
    let mut child = spawn("hold", folder.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("holding")));
    let locks = LocalLockManager::new(folder.path());
    runtime().block_on(async {
        let holders = locks.holders().await.unwrap();
        assert_eq!((holders[0].pid, holders[0].stale), (child.id(), false));
        let refused = locks
            .acquire(exclusive("a=1", Duration::ZERO))
            .await
            .unwrap_err();
        assert!(refused.message().contains(&child.id().to_string()));

        child.kill().unwrap();
        child.wait().unwrap();

        let holders = locks.holders().await.unwrap();
        assert_eq!((holders[0].pid, holders[0].stale), (child.id(), true));
        let guard: LockGuard = locks
            .acquire(exclusive("a=1", Duration::ZERO))
            .await
            .unwrap();
        drop(guard);
        assert_eq!(locks.holders().await.unwrap(), []);
    });
}

#[test]
fn a_stale_record_can_be_removed() {
    let folder = store();
    let mut child = spawn("hold", folder.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("holding")));
    child.kill().unwrap();
    child.wait().unwrap();
    // What a crash of the machine may leave of a record.
    let half = lock_file(folder.path(), "a=2");
    fs::write(&half, "{\"key\":").unwrap();
    let locks = LocalLockManager::new(folder.path());
    runtime().block_on(async {
        let stale = locks.holders().await.unwrap();
        let keys: Vec<_> = stale.iter().map(|lock| lock.key.clone()).collect();
        assert_eq!(keys, [key("a=1"), key("a=2")]);
        for lock in &stale {
            assert!(lock.stale);
            locks.break_lock(lock).await.unwrap();
            locks.break_lock(lock).await.unwrap();
        }
        assert_eq!(locks.holders().await.unwrap(), []);
    });
}

fn spawn(role: &str, root: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "worker", "--nocapture"])
        .env(WORKER, format!("{role} {}", root.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Does nothing, unless this process was started by one of the tests above.
#[test]
fn worker() {
    let Ok(work) = std::env::var(WORKER) else {
        return;
    };
    let (role, root) = work.split_once(' ').unwrap();
    let root = Path::new(root);
    match role {
        "increment" => increment_under_lock(root, 4, 100),
        "busy" => runtime().block_on(async {
            let locks = LocalLockManager::new(root);
            for turn in 0.. {
                let _guard = locks.acquire(exclusive("a=1", LONG)).await.unwrap();
                if turn == 0 {
                    println!("busy");
                    std::io::stdout().flush().unwrap();
                }
                // Almost always held, as by a writer of large arrays.
                std::thread::sleep(Duration::from_millis(5));
            }
        }),
        "hold" => runtime().block_on(async {
            let locks = LocalLockManager::new(root);
            let _guard = locks.acquire(exclusive("a=1", LONG)).await.unwrap();
            println!("holding");
            std::io::stdout().flush().unwrap();
            std::future::pending::<()>().await;
        }),
        other => panic!("unknown role {other}"),
    }
}
