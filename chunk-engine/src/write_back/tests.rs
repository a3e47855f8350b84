use super::*;
use hyperslab_core::DType;
use std::sync::atomic::AtomicBool;

/// An array that notes how many writes were published at a time.
#[derive(Debug, Default)]
struct Noted {
    published: Mutex<Vec<usize>>,
    looks: AtomicUsize,
    is_broken: AtomicBool,
}

#[async_trait]
impl Publish for Noted {
    fn name(&self) -> String {
        "noted".to_owned()
    }

    async fn look(&self) -> Result<()> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn publish(&self, writes: &[Arc<SlabWrite>], options: &WriteOptions) -> Result<()> {
        assert_eq!(options.durability, Durability::Synced);
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(Error::corrupt("a chunk"));
        }
        self.published.lock().unwrap().push(writes.len());
        Ok(())
    }
}

const BUFFERED: WriteOptions = WriteOptions {
    durability: Durability::Buffered,
    lock_timeout: Duration::from_secs(1),
    ..WriteOptions::DEFAULT
};

/// Writes so many cells of one byte.
async fn write(kept: &WriteBack<Noted>, count: u64, options: &WriteOptions) -> Result<bool> {
    let data = WriteData::Cells(ArrayBuf::zeroed(DType::UInt8, &[count])?);
    let left = kept
        .accept(&Hyperslab::full(&[count]), data, options)
        .await?;
    Ok(left.is_none())
}

fn published(target: &Noted) -> Vec<usize> {
    target.published.lock().unwrap().clone()
}

#[tokio::test]
async fn many_writes_are_flushed_before_more_are_accepted() {
    let target = Arc::new(Noted::default());
    let kept = WriteBack::new(Arc::clone(&target));
    for _ in 0..=COUNT_MAX {
        assert!(write(&kept, 3, &BUFFERED).await.unwrap());
    }
    assert_eq!(published(&target), [COUNT_MAX]);
    assert_eq!(kept.writes().len(), 1);
    kept.flush().await.unwrap();
    assert_eq!(published(&target), [COUNT_MAX, 1]);
    // Whether the array is still there is asked before the first of each.
    assert_eq!(target.looks.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn what_is_published_at_once_comes_after_what_is_kept() {
    let target = Arc::new(Noted::default());
    let kept = WriteBack::new(Arc::clone(&target));
    let large = BYTES_MAX as u64 / 2 + 1;
    for (count, options) in [(3, &WriteOptions::default()), (large, &BUFFERED)] {
        assert!(write(&kept, 3, &BUFFERED).await.unwrap());
        assert!(!write(&kept, count, options).await.unwrap());
        assert!(kept.writes().is_empty());
    }
    assert_eq!(published(&target), [1, 1]);
}

#[tokio::test]
async fn what_cannot_be_flushed_is_kept_until_it_is_discarded() {
    let target = Arc::new(Noted::default());
    let kept = WriteBack::new(Arc::clone(&target));
    write(&kept, 5, &BUFFERED).await.unwrap();
    target.is_broken.store(true, Ordering::Relaxed);
    assert!(kept.flush().await.is_err());
    assert!(write(&kept, 6, &BUFFERED).await.unwrap());
    assert!(kept.flush().await.is_err());
    assert_eq!(kept.writes().len(), 2);
    assert_eq!(kept.discard().await, 2);
    kept.flush().await.unwrap();
    assert!(published(&target).is_empty());
}

#[tokio::test]
async fn what_all_keep_is_counted_and_given_back() {
    let before = BYTES_OF_ALL.load(Ordering::Relaxed);
    let kept = WriteBack::new(Arc::new(Noted::default()));
    write(&kept, 1000, &BUFFERED).await.unwrap();
    assert_eq!(BYTES_OF_ALL.load(Ordering::Relaxed), before + 1000);
    kept.flush().await.unwrap();
    assert_eq!(BYTES_OF_ALL.load(Ordering::Relaxed), before);
    write(&kept, 1000, &BUFFERED).await.unwrap();
    kept.discard().await;
    assert_eq!(BYTES_OF_ALL.load(Ordering::Relaxed), before);
}

#[tokio::test]
async fn nothing_more_is_kept_when_all_keep_too_much() {
    let target = Arc::new(Noted::default());
    let (first, kept) = (
        WriteBack::new(Arc::clone(&target)),
        WriteBack::new(Arc::clone(&target)),
    );
    assert!(write(&first, 3, &BUFFERED).await.unwrap());
    // Those of others.
    BYTES_OF_ALL.fetch_add(BYTES_OF_ALL_MAX, Ordering::Relaxed);
    // Not even by one that keeps nothing; what one keeps goes first.
    assert!(!write(&kept, 3, &BUFFERED).await.unwrap());
    assert!(published(&target).is_empty());
    assert!(!write(&first, 3, &BUFFERED).await.unwrap());
    assert_eq!(published(&target), [1]);
    BYTES_OF_ALL.fetch_sub(BYTES_OF_ALL_MAX, Ordering::Relaxed);
    assert!(write(&kept, 3, &BUFFERED).await.unwrap());
}
