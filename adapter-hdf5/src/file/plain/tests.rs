use std::path::{Path, PathBuf};

use hdf5::types::FixedAscii;
use hdf5::{DatasetBuilderEmpty, File, FileBuilder, H5Type};
use proptest::prelude::*;

use super::*;
use crate::cache::FileIdentity;
use crate::file::BareFile;

const NAMES: BareNames = BareNames {
    text: "meta",
    number: "empty_cells",
    variable: "data",
};

/// Which cells are written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    None,
    Some,
    All,
}

/// Files as h5py makes them, each with a variable of ten times twelve.
struct Files {
    folder: tempfile::TempDir,
    is_newer: bool,
    count: usize,
}

impl Files {
    fn new(is_newer: bool) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            is_newer,
            count: 0,
        }
    }

    fn create(&mut self) -> (PathBuf, File) {
        self.count += 1;
        let path = self.folder.path().join(format!("{}.h5", self.count));
        let mut builder = FileBuilder::new();
        if self.is_newer {
            builder.with_fapl(|access| access.libver_v18());
        }
        let file = builder.create(&path).unwrap();
        let text = FixedAscii::<512>::from_ascii(r#"{"id": "it"}"#).unwrap();
        let meta = file.new_dataset::<FixedAscii<512>>().create("meta");
        meta.unwrap().write_scalar(&text).unwrap();
        let number = file.new_dataset::<i64>().create("empty_cells");
        number.unwrap().write_scalar(&-7).unwrap();
        (path, file)
    }

    fn write<T: H5Type + Clone>(
        &mut self,
        part: Part,
        cell: &T,
        build: impl FnOnce(DatasetBuilderEmpty) -> DatasetBuilderEmpty,
    ) -> PathBuf {
        let (path, file) = self.create();
        let builder = build(file.new_dataset_builder().empty::<T>());
        let data = builder.shape((10, 12)).create("data").unwrap();
        let cells = |shape| ndarray::Array2::from_elem(shape, cell.clone());
        match part {
            Part::None => {}
            Part::Some => data.write_slice(&cells((2, 3)), (4..6, 7..10)).unwrap(),
            Part::All => data.write(&cells((10, 12))).unwrap(),
        }
        path
    }
}

fn parse(bytes: &[u8]) -> Option<Plain> {
    super::parse(bytes, NAMES)
}

/// Makes sure that the library says the same of a file; gives what both say.
fn agree(path: &Path) -> Plain {
    let bytes = std::fs::read(path).unwrap();
    let found = parse(&bytes).expect("it is plain");
    let identity = FileIdentity::of(&std::fs::metadata(path).unwrap());
    let known = BareFile::open_by_library(path, identity, NAMES).unwrap();
    let variable = known.cells.map(|cells| {
        let variable = cells.header().variable.clone();
        (variable, cells.fill().to_vec())
    });
    let known = Plain {
        text: known.text,
        number: known.number,
        variable,
    };
    assert_eq!(found, known, "{}", path.display());
    found
}

#[test]
fn what_the_library_says_is_said_without_it() {
    for is_newer in [false, true] {
        let mut files = Files::new(is_newer);
        for part in [Part::Some, Part::All] {
            let path = files.write(part, &1.5_f64, |b| b);
            assert!(agree(&path).variable.is_some());
        }
        for part in [Part::None, Part::Some, Part::All] {
            let chunks = (4, 5);
            let paths = [
                files.write(part, &1.5_f64, |b| b.chunk(chunks)),
                files.write(part, &-3_i16, |b| b.chunk(chunks).deflate(4)),
                files.write(part, &7_u8, |b| b.chunk(chunks).shuffle().deflate(9)),
                files.write(part, &7_u64, |b| b.chunk(chunks).fletcher32()),
                files.write(part, &0.5_f32, |b| b.chunk(chunks).fill_value(-7.5_f32)),
                files.write(part, &1_i32, |b| b.chunk((1, 1)).deflate(1)),
                files.write(part, &1_i32, |b| b.chunk((10, 12)).deflate(1)),
            ];
            for path in paths {
                let (variable, fill) = agree(&path).variable.unwrap();
                assert_eq!(variable.shape, [10, 12]);
                assert_eq!(fill.len(), variable.dtype.size());
            }
        }
        let (path, file) = files.create();
        drop(file);
        assert_eq!(agree(&path).variable, None);
    }
}

#[test]
fn what_is_not_plain_is_left_to_the_library() {
    let mut files = Files::new(false);
    let path = files.write(Part::None, &1.5_f64, |b| b);
    // No cell has a place yet.
    assert_eq!(parse(&std::fs::read(path).unwrap()), None);
    let (path, file) = files.create();
    file.link_soft("/empty_cells", "data").unwrap();
    drop(file);
    assert_eq!(parse(&std::fs::read(path).unwrap()), None);
    let path = files.write(Part::All, &true, |b| b);
    assert_eq!(parse(&std::fs::read(path).unwrap()), None);
    assert_eq!(parse(b""), None);
    assert_eq!(parse(&[0; 4096]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn damaged_files_are_taken(
        is_newer: bool,
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut files = Files::new(is_newer);
        let path = files.write(Part::Some, &-3_i16, |b| b.chunk((4, 5)).deflate(4));
        let mut bytes = std::fs::read(path).unwrap();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        // Anything will do.
        drop(parse(&bytes));
    }
}
