//! What the engine reads of the files of other programs is what the HDF5 library reads of them.
#![expect(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "a test reports a failure by panicking"
)]

use std::path::Path;
use std::sync::Arc;

use hdf5::filters::blosc_set_nthreads;
use hdf5::plist::dataset_create::{AllocTime, FillTime};
use hdf5::{DatasetBuilderEmpty, File, H5Type};
use hyperslab_cf::foreign::{ForeignGroup, ForeignVariable};
use hyperslab_core::{ArrayBuf, AxisSlab, ErrorKind, Hyperslab, Result};
use hyperslab_engine::Engine;
use hyperslab_hdf5::netcdf;
use num_complex::Complex;

/// Reads through an engine with a cache, without one, and through the library, and compares.
fn compare(path: &Path) -> usize {
    let engine = Engine::new(1 << 22);
    let groups = [
        netcdf::open_through_library(path).unwrap(),
        netcdf::open(path, &engine).unwrap(),
        netcdf::open(path, &Engine::new(0)).unwrap(),
    ];
    let mut count = 0;
    for info in groups[0].variables().unwrap() {
        if info.dtype.is_err() {
            continue;
        }
        let opened = groups
            .each_ref()
            .map(|group| variable(&**group, &info.name));
        for slab in slabs(opened[0].shape()) {
            let [library, cached, uncached] = opened
                .each_ref()
                .map(|variable| read(&**variable, &slab).unwrap());
            let what = format!("{} of {}: {slab}", info.name, path.display());
            assert_eq!(library, cached, "{what}");
            assert_eq!(library, uncached, "{what}");
        }
        count += 1;
    }
    count
}

fn variable(group: &dyn ForeignGroup, name: &str) -> Arc<dyn ForeignVariable> {
    group.variable(name).unwrap().unwrap()
}

fn read(variable: &dyn ForeignVariable, slab: &Hyperslab) -> Result<ArrayBuf> {
    let mut out = ArrayBuf::zeroed(variable.dtype().unwrap(), &slab.shape())?;
    if out.dtype() != hyperslab_core::DType::Bool {
        out.bytes_mut().fill(0x55);
    }
    variable.read_into(slab, out)
}

/// All cells, those of the middle twice, every other one, and the last one.
fn slabs(shape: &[u64]) -> Vec<Hyperslab> {
    let slab = |axis: &dyn Fn(u64) -> AxisSlab| {
        let axes = shape.iter().map(|&size| axis(size)).collect();
        Hyperslab::new(axes, shape).unwrap()
    };
    let of = |start: u64, count: u64, stride: u64| AxisSlab {
        start,
        count,
        stride,
    };
    if shape.contains(&0) {
        return vec![Hyperslab::full(shape)];
    }
    let middle = slab(&|size| of(size / 4, (size / 2).max(1), 1));
    vec![
        Hyperslab::full(shape),
        middle.clone(),
        middle,
        slab(&|size| of(0, size.div_ceil(2), 2)),
        slab(&|size| of(size - 1, 1, 1)),
    ]
}

/// A variable of 5 x 7 x 300 cells, of which the first two rows are written.
fn add<T: H5Type + Copy>(
    file: &File,
    name: &str,
    cells: impl Fn(usize) -> T,
    build: impl FnOnce(DatasetBuilderEmpty) -> DatasetBuilderEmpty,
) {
    let builder = build(file.new_dataset_builder().empty::<T>());
    let dataset = builder.shape((5, 7, 300)).create(name).unwrap();
    let cells: Vec<T> = (0..2 * 7 * 300).map(cells).collect();
    let cells = ndarray::Array3::from_shape_vec((2, 7, 300), cells).unwrap();
    dataset.write_slice(&cells, (0..2, .., ..)).unwrap();
}

fn wave(number: usize) -> f32 {
    ((number as f32 / 50.0).sin() * 100.0).round()
}

#[test]
fn every_layout_and_filter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.h5");
    blosc_set_nthreads(1);
    let file = File::create(&path).unwrap();
    let chunks = (2, 3, 64);
    add(&file, "contiguous", wave, |b| b);
    add(&file, "contiguous_early", wave, |b| {
        b.alloc_time(Some(AllocTime::Early))
    });
    add(&file, "compact", wave, |b| {
        b.layout(hdf5::dataset::Layout::Compact)
    });
    add(&file, "chunked", wave, |b| b.chunk(chunks));
    add(&file, "early", wave, |b| {
        b.chunk(chunks).alloc_time(Some(AllocTime::Early))
    });
    add(&file, "fill", wave, |b| {
        b.chunk(chunks).deflate(3).fill_value(-7.5_f32)
    });
    add(&file, "fill_raw", wave, |b| {
        b.chunk(chunks).fill_value(-7.5_f32)
    });
    add(&file, "fill_never", wave, |b| {
        b.alloc_time(Some(AllocTime::Early))
            .fill_time(FillTime::Never)
            .chunk(chunks)
    });
    add(&file, "shuffle", wave, |b| {
        b.chunk(chunks).shuffle().deflate(1)
    });
    add(&file, "fletcher", wave, |b| {
        b.chunk(chunks).shuffle().deflate(9).fletcher32()
    });
    add(&file, "fletcher_only", wave, |b| {
        b.chunk(chunks).fletcher32()
    });
    add(&file, "lzf", wave, |b| b.chunk(chunks).shuffle().lzf());
    add(&file, "blosc", wave, |b| {
        b.chunk(chunks).blosc_zstd(3, true)
    });
    add(
        &file,
        "nbit",
        |n| wave(n) as i16,
        |b| b.chunk(chunks).nbit(),
    );
    add(
        &file,
        "offset",
        |n| wave(n) as i32,
        |b| {
            b.chunk(chunks)
                .scale_offset(hdf5::filters::ScaleOffset::Integer(0))
        },
    );
    add(
        &file,
        "bytes",
        |n| (n % 251) as u8,
        |b| b.chunk(chunks).shuffle().deflate(2),
    );
    add(
        &file,
        "doubles",
        |n| f64::from(wave(n)),
        |b| b.chunk(chunks).shuffle().deflate(2),
    );
    add(
        &file,
        "bools",
        |n| n % 3 == 0,
        |b| b.chunk(chunks).deflate(2),
    );
    add(&file, "bools_contiguous", |n| n % 3 == 0, |b| b);
    let complex = |n: usize| Complex::new(wave(n), -wave(n));
    add(&file, "complex", complex, |b| {
        b.chunk(chunks).shuffle().deflate(2)
    });
    add(&file, "large", |n| n as i64, |b| b.chunk((5, 7, 300)));
    file.new_dataset_builder()
        .empty::<i32>()
        .shape((4, 5))
        .create("never_written")
        .unwrap();
    file.new_dataset_builder()
        .empty::<i32>()
        .shape((0, 5))
        .chunk((1, 5))
        .create("no_cell")
        .unwrap();
    file.new_dataset_builder()
        .empty::<f64>()
        .create("scalar")
        .unwrap()
        .write_scalar(&2.5)
        .unwrap();
    drop(file);
    assert_eq!(compare(&path), 24);
}

#[test]
fn files_of_other_programs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for folder in [root.join("tests/data"), root.join("../examples/data")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_file = path
                .extension()
                .is_some_and(|end| end == "nc" || end == "h5");
            if is_file && netcdf::open_through_library(&path).is_ok() {
                count += compare(&path);
            }
        }
    }
    assert!(count > 20, "{count} variables");
}

#[test]
fn damage_names_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.h5");
    let file = File::create(&path).unwrap();
    add(&file, "v", wave, |b| {
        b.chunk((5, 7, 300)).shuffle().deflate(4)
    });
    let chunk = file.dataset("v").unwrap().chunk_info(0).unwrap();
    drop(file);
    let mut bytes = std::fs::read(&path).unwrap();
    let start = usize::try_from(chunk.addr).unwrap();
    let end = start + usize::try_from(chunk.size).unwrap();
    bytes[start + 100..end].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let group = netcdf::open(&path, &Engine::new(0)).unwrap();
    let error = read(&*variable(&*group, "v"), &Hyperslab::full(&[5, 7, 300])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let place = format!("the chunk at byte {}", chunk.addr);
    assert!(error.message().contains(&place), "{error}");
}

#[test]
fn a_file_that_was_changed_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.h5");
    let write = |value: f32, compressed: bool| {
        // As another program would, that knows nothing of the handles of this one.
        let elsewhere = folder.path().join("elsewhere.h5");
        let file = File::create(&elsewhere).unwrap();
        add(
            &file,
            "v",
            |n| n as f32 + value,
            |b| match compressed {
                true => b.chunk((2, 3, 64)).deflate(1).fill_value(value),
                false => b,
            },
        );
        drop(file);
        // Into the same file, as `w` of h5py does.
        std::fs::write(&path, std::fs::read(elsewhere).unwrap()).unwrap();
    };
    write(1.0, true);
    let group = netcdf::open(&path, &Engine::new(1 << 20)).unwrap();
    let handle = variable(&*group, "v");
    let part = Hyperslab::full(&[1, 1, 2]);
    let part = Hyperslab::new(part.axes().to_vec(), &[5, 7, 300]).unwrap();
    let first = |handle: &dyn ForeignVariable| {
        let cells = read(handle, &part).unwrap();
        *cells.as_slice::<f32>().unwrap().first().unwrap()
    };
    assert_eq!(first(&*handle), 1.0);
    for (value, compressed) in [(2.0, true), (3.0, false), (4.0, true)] {
        write(value, compressed);
        assert_eq!(first(&*handle), value);
        // And so is one that is opened anew beside it.
        let beside = netcdf::open(&path, &Engine::new(0)).unwrap();
        assert_eq!(first(&*variable(&*beside, "v")), value);
    }
    let elsewhere = folder.path().join("elsewhere.h5");
    let file = File::create(&elsewhere).unwrap();
    file.new_dataset_builder()
        .empty::<f32>()
        .shape(3)
        .create("v")
        .unwrap();
    drop(file);
    std::fs::rename(elsewhere, &path).unwrap();
    let error = read(&*handle, &part).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

/// Two files with an array of the same shape each, one of which links to all of the other.
fn linked(folder: &Path) -> std::path::PathBuf {
    let write = |name: &str, first: i32| {
        let path = folder.join(name);
        let file = File::create(&path).unwrap();
        let group = file.create_group("g").unwrap();
        let numbers: Vec<i32> = (first..first + 100).collect();
        for (name, chunk) in [("whole", None), ("chunks", Some(10)), ("packed", Some(10))] {
            let mut builder = group.new_dataset_builder();
            if let Some(chunk) = chunk {
                builder = builder.chunk(chunk);
            }
            if name == "packed" {
                builder = builder.deflate(2);
            }
            builder.with_data(&numbers).create(name).unwrap();
        }
        path
    };
    write("target.h5", 0);
    let path = write("main.h5", 1000);
    let file = File::open_rw(&path).unwrap();
    for name in ["whole", "chunks", "packed"] {
        let target = format!("/g/{name}");
        file.link_external("target.h5", &target, name).unwrap();
    }
    file.link_external("target.h5", "/g", "group").unwrap();
    file.link_soft("/group/chunks", "soft").unwrap();
    file.link_external("target.h5", "/nothing", "broken")
        .unwrap();
    path
}

#[test]
fn what_is_behind_a_link_is_read_of_the_file_it_lies_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = linked(folder.path());
    let engine = Engine::new(1 << 20);
    for group in [
        netcdf::open(&path, &engine).unwrap(),
        netcdf::open_through_library(&path).unwrap(),
    ] {
        for (name, first) in [
            ("whole", 0),
            ("chunks", 0),
            ("packed", 0),
            ("group/whole", 0),
            ("g/whole", 1000),
            ("g/packed", 1000),
        ] {
            let variable = variable(&*group, name);
            let cells = read(&*variable, &Hyperslab::full(&[100])).unwrap();
            let wanted: Vec<i32> = (first..first + 100).collect();
            assert_eq!(
                cells,
                ArrayBuf::from_slice(&[100], &wanted).unwrap(),
                "{name}"
            );
        }
        let refused = group.variable("soft").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
        assert!(refused.message().contains("target.h5"), "{refused}");
        assert!(!matches!(group.variable("broken"), Ok(Some(_))));
    }
}
