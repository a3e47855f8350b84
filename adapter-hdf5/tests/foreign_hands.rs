//! What other hands do to a store: none of it may hang, leak another file, or pass for sound.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{OPTIONS, Sample, findings, read_cells};
use hyperslab_core::{ArrayLocator, ErrorKind, FindingKind, StorageAdapter};

fn change(sample: &Sample, change: impl FnOnce(&hdf5::File) -> hdf5::Result<()>) {
    let file = hdf5::File::open_rw(&sample.file).unwrap();
    change(&file).unwrap();
    file.close().unwrap();
}

#[tokio::test]
async fn a_pipe_in_place_of_a_file_does_not_stop_a_check() {
    let sample = Sample::new("deflate").await;
    std::fs::remove_file(&sample.file).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(&sample.file)
        .status()
        .unwrap();
    assert!(made.success());
    assert_eq!(
        read_cells(&sample).await.unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    let found = findings(&sample, false).await;
    assert!(
        found
            .iter()
            .any(|fault| fault.kind == FindingKind::ArrayUnreadable),
        "{found:?}"
    );
}

#[tokio::test]
async fn cells_in_another_file_are_not_read() {
    let sample = Sample::new("deflate").await;
    let secret = sample.root().join("secret");
    std::fs::write(&secret, [1; 1200]).unwrap();
    let outside = secret.to_str().unwrap().to_owned();
    change(&sample, |file| {
        file.unlink("c")?;
        let cells = file
            .new_dataset::<i32>()
            .external(&outside, 0, 1200)
            .shape((20, 15));
        cells.create("c").map(drop)
    });
    assert_eq!(
        read_cells(&sample).await.unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    assert!(
        findings(&sample, true)
            .await
            .iter()
            .any(|fault| !fault.repaired)
    );
    assert_eq!(
        read_cells(&sample).await.unwrap_err().kind(),
        ErrorKind::Unsupported
    );
}

#[tokio::test]
async fn a_repair_gives_coordinates_back_as_the_schema_says() {
    let sample = Sample::new("deflate").await;
    change(&sample, |file| {
        let axis = file.dataset("y")?;
        let doubled = axis.read_1d::<f64>()? * 2.0;
        axis.write(&doubled)
    });
    let found = findings(&sample, true).await;
    assert!(found.len() == 1 && found[0].repaired, "{found:?}");
    let file = hdf5::File::open(&sample.file).unwrap();
    let axis = file.dataset("y").unwrap().read_1d::<f64>().unwrap();
    assert_eq!((axis[1], axis[19]), (0.5, 9.5));
    assert_eq!(read_cells(&sample).await.unwrap(), sample.cells);
    assert_eq!(findings(&sample, false).await, []);
}

#[tokio::test]
async fn chunks_without_a_checksum_get_one_by_a_repair() {
    let sample = Sample::new("deflate").await;
    change(&sample, |file| {
        let cells = file.dataset("c")?.read_2d::<i32>()?;
        file.unlink("c")?;
        let builder = file.new_dataset_builder().with_data(&cells);
        builder.chunk((7, 8)).create("c").map(drop)
    });
    assert_eq!(read_cells(&sample).await.unwrap(), sample.cells);
    assert!(findings(&sample, true).await[0].repaired);
    let file = hdf5::File::open(&sample.file).unwrap();
    let filters = file.dataset("c").unwrap().filters();
    assert!(
        filters.contains(&hdf5::filters::Filter::Fletcher32),
        "{filters:?}"
    );
    assert_eq!(read_cells(&sample).await.unwrap(), sample.cells);
    assert_eq!(findings(&sample, false).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deleting_twice_at_once_leaves_no_false_alarm() {
    let sample = Sample::new("none").await;
    let (store, collection) = (&sample.store, &sample.collection);
    for _ in 0..100 {
        let by_key = ArrayLocator::Key(sample.array.key.clone());
        let by_id = ArrayLocator::Id(sample.array.id);
        let outcomes = tokio::join!(
            store.delete_array(collection, &by_key, &OPTIONS),
            store.delete_array(collection, &by_id, &OPTIONS),
            store.open_array(collection, &by_id),
        );
        let deleted = [outcomes.0, outcomes.1];
        assert_eq!(deleted.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for outcome in deleted {
            assert!(outcome.map_or_else(|error| error.kind() == ErrorKind::NotFound, |()| true));
        }
        assert_eq!(findings(&sample, false).await, []);
        store
            .create_array(collection, &sample.array, None, &OPTIONS)
            .await
            .unwrap();
    }
}
