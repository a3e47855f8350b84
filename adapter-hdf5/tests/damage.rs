//! Damaged and foreign files: never a panic, never wrong cells without a word.

mod common;

use common::{Sample, change_last_chunk, findings, flip, read_cell, read_cells};
use hyperslab_core::{ErrorKind, FindingKind};

#[tokio::test]
async fn a_truncated_file_is_refused() {
    let sample = Sample::new("deflate").await;
    let whole = std::fs::read(&sample.file).unwrap();
    for length in (0..whole.len()).step_by(64) {
        std::fs::write(&sample.file, &whole[..length]).unwrap();
        match read_cells(&sample).await {
            Ok(cells) => assert_eq!(cells, sample.cells, "{length} of {} bytes", whole.len()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{length}: {error}"),
        }
        let found = findings(&sample, false).await;
        assert!(!found.is_empty(), "{length} of {} bytes", whole.len());
    }
}

#[tokio::test]
async fn a_flipped_bit_is_found_wherever_it_is() {
    for codec in ["deflate", "none", "zstd", "blosc"] {
        let sample = Sample::new(codec).await;
        let whole = std::fs::read(&sample.file).unwrap();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..300 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let bit = usize::try_from(state >> 20).unwrap() % (whole.len() * 8);
            std::fs::write(&sample.file, flip(&whole, bit)).unwrap();
            // What is read is right, or it is refused.
            match read_cells(&sample).await {
                Ok(cells) => assert_eq!(cells, sample.cells, "{codec}, bit {bit}"),
                Err(error) => assert!(
                    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported),
                    "{codec}, bit {bit}: {error}"
                ),
            }
            let found = findings(&sample, false).await;
            assert!(
                !found.is_empty(),
                "{codec}, bit {bit} of {}",
                whole.len() * 8
            );
        }
    }
}

/// What a disk may hold when it has lost the last pages of a file, but not its length. A checksum of zeros may be zero.
#[tokio::test]
async fn a_tail_of_zeros_is_found_and_not_vouched_for() {
    for codec in ["none", "deflate", "zstd", "blosc"] {
        let sample = Sample::new(codec).await;
        let whole = std::fs::read(&sample.file).unwrap();
        for kept in (0..whole.len()).step_by(40) {
            let mut bytes = whole.clone();
            bytes[kept..].fill(0);
            std::fs::write(&sample.file, &bytes).unwrap();
            let what = format!("{codec}, {kept} of {} bytes", whole.len());
            match read_cells(&sample).await {
                Ok(cells) => assert_eq!(cells, sample.cells, "{what}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}"),
            }
            assert!(!findings(&sample, true).await.is_empty(), "{what}");
            assert!(!findings(&sample, false).await.is_empty(), "{what}");
        }
    }
}

#[tokio::test]
async fn a_file_without_a_footer_is_vouched_for_again() {
    let sample = Sample::new("deflate").await;
    let whole = std::fs::read(&sample.file).unwrap();
    // As another program leaves it: HDF5 cuts off what lies behind the end it knows.
    std::fs::write(&sample.file, &whole[..whole.len() - 32]).unwrap();
    assert_eq!(read_cells(&sample).await.unwrap(), sample.cells);
    let found = findings(&sample, false).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind, FindingKind::Unverified);
    assert!(found[0].repairable && !found[0].repaired);
    assert!(findings(&sample, true).await[0].repaired);
    assert_eq!(findings(&sample, false).await, []);
    assert_eq!(read_cells(&sample).await.unwrap(), sample.cells);
    let stamped = std::fs::read(&sample.file).unwrap();
    std::fs::write(&sample.file, flip(&stamped, stamped.len() * 4)).unwrap();
    let found = findings(&sample, false).await;
    assert!(
        matches!(
            found[0].kind,
            FindingKind::Corrupt | FindingKind::ArrayUnreadable
        ),
        "{found:?}"
    );
}

/// A change copies the chunks that stay as they are stored, damaged ones too, and none becomes sound by it.
#[tokio::test]
async fn a_change_elsewhere_vouches_for_no_damaged_page() {
    for is_stripped in [false, true] {
        let sample = Sample::of_shape("none", [200, 100], [100, 50]).await;
        let mut bytes = std::fs::read(&sample.file).unwrap();
        let chunks = 4 * 20_004;
        let sums = (4 * 3 + 1) * 4;
        let start = bytes.len() - 32 - sums - chunks;
        if is_stripped {
            // As another program leaves it, without checksums of pages.
            bytes.truncate(start + chunks);
        }
        // The second page of the first chunk, and another chunk.
        bytes[start + 10_000] ^= 1;
        std::fs::write(&sample.file, &bytes).unwrap();
        let damaged = || read_cell(&sample, [60, 0]);
        assert_eq!(damaged().await.unwrap_err().kind(), ErrorKind::Corrupt);
        change_last_chunk(&sample).await;
        assert_eq!(
            std::fs::metadata(&sample.file).unwrap().len(),
            u64::try_from(start + chunks + sums + 32).unwrap()
        );
        let error = damaged().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(!findings(&sample, false).await.is_empty());
    }
}

/// A checksum of a page that is itself damaged is told, and gone with the next change.
#[tokio::test]
async fn a_damaged_checksum_of_a_page_is_told_and_made_anew() {
    let sample = Sample::of_shape("none", [200, 100], [100, 50]).await;
    let mut bytes = std::fs::read(&sample.file).unwrap();
    let first = bytes.len() - 32 - (4 * 3 + 1) * 4;
    bytes[first] ^= 1;
    std::fs::write(&sample.file, &bytes).unwrap();
    assert!(!findings(&sample, false).await.is_empty());
    change_last_chunk(&sample).await;
    assert_eq!(findings(&sample, false).await, []);
    read_cell(&sample, [0, 0]).await.unwrap();
}

#[tokio::test]
async fn a_newer_version_is_refused_by_name() {
    let sample = Sample::new("deflate").await;
    for (path, reopen) in [
        (sample.root().join("hyperslab.json"), true),
        (sample.root().join("c/collection.json"), false),
    ] {
        let text = std::fs::read_to_string(&path).unwrap();
        let newer = text.replacen("\"version\": 1", "\"version\": 2, \"new\": []", 1);
        assert_ne!(text, newer);
        std::fs::write(&path, newer).unwrap();
        let outcome = if reopen {
            hyperslab_hdf5::Hdf5Adapter::open(&sample.root())
                .await
                .map(drop)
        } else {
            let reopened = hyperslab_hdf5::Hdf5Adapter::open(&sample.root())
                .await
                .unwrap();
            hyperslab_core::StorageAdapter::read_collection(&reopened, "c")
                .await
                .map(drop)
        };
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.message().contains("version 2"), "{error}");
        std::fs::write(&path, text).unwrap();
    }
}

#[tokio::test]
async fn strays_and_leftovers_are_found() {
    let sample = Sample::new("deflate").await;
    let collection = sample.root().join("c");
    std::fs::write(collection.join("arrays/notes.txt"), "x").unwrap();
    std::fs::write(collection.join(".hyperslab/tmp/4294967295-0-0.tmp"), "x").unwrap();
    std::fs::write(sample.root().join("readme"), "x").unwrap();
    let index = std::fs::read_dir(collection.join(".hyperslab/ids"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::remove_file(&index).unwrap();
    let mut kinds: Vec<FindingKind> = findings(&sample, true)
        .await
        .iter()
        .map(|found| found.kind)
        .collect();
    kinds.sort_by_key(|kind| format!("{kind:?}"));
    assert_eq!(
        kinds,
        [
            FindingKind::IndexDisagrees,
            FindingKind::Leftover,
            FindingKind::Stray,
            FindingKind::Stray
        ]
    );
    let left = findings(&sample, false).await;
    assert!(
        left.iter().all(|found| found.kind == FindingKind::Stray),
        "{left:?}"
    );

    std::fs::remove_file(&sample.file).unwrap();
    let lost = findings(&sample, false).await;
    assert!(
        lost.iter()
            .any(|found| found.kind == FindingKind::ArrayLost),
        "{lost:?}"
    );
}

#[tokio::test]
async fn a_damaged_file_of_another_program_is_no_crash() {
    let sample = Sample::new("deflate").await;
    let whole = std::fs::read(&sample.file).unwrap();
    let foreign = &whole[..whole.len() - 32];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..400 {
        let mut damaged = foreign.to_vec();
        for _ in 0..3 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let bit = usize::try_from(state >> 20).unwrap() % (foreign.len() * 8);
            damaged = flip(&damaged, bit);
        }
        std::fs::write(&sample.file, damaged).unwrap();
        // Nothing vouches for such a file, so that no more can be asked than an end without harm.
        if let Err(error) = read_cells(&sample).await {
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::TooLarge
                ),
                "{error}"
            );
        }
        assert!(!findings(&sample, false).await.is_empty());
    }
}
