//! Files of other programs: what is read, what a schema is made of, what is refused.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "helpers of tests, and small numbers"
)]

mod support;

use std::path::Path;

use half::f16;
use hyperslab_core::{
    AttributeValue, AxisSlab, Coordinates, DType, ErrorKind, Hyperslab, Scalar, TimeStart,
};
use hyperslab_hdf5::netcdf::{
    CoordinateValues, ForeignArray, ImportOptions, ImportPlan, list_variables, plan_import, read,
};
use num_complex::{Complex32, Complex64};
use support::{Foreign, coads, data};

fn open(path: &Path, name: &str) -> ForeignArray {
    read(path, &[name], ImportOptions::default())
        .unwrap()
        .remove(0)
}

fn plan(path: &Path, name: &str) -> ImportPlan {
    plan_import(&open(path, name)).unwrap()
}

#[test]
fn a_climatology_keeps_its_numbers() {
    let plan = plan(&coads(), "SST");
    let schema = &plan.schema;
    assert_eq!(schema.shape(), [12, 90, 180]);
    assert_eq!(schema.dtype(), DType::Float32);
    assert_eq!(schema.fill_value(), Scalar::Float32(-1e34));
    let time = &schema.dimensions()[0];
    assert_eq!(
        time.coordinates,
        Some(Coordinates::Scale {
            start: 366.0,
            step: 730.485,
            unit: Some("hour since 0000-01-01 00:00:00".to_owned()),
        })
    );
    assert_eq!(time.metadata["time_origin"], "1-JAN-0000 00:00:00");
    assert!(!time.metadata.contains_key("CLASS"), "{:?}", time.metadata);
    assert_eq!(
        schema.dimensions()[1].coordinates,
        Some(Coordinates::Scale {
            start: -89.0,
            step: 2.0,
            unit: Some("degrees_north".to_owned()),
        })
    );
    assert_eq!(plan.key.get("variable"), Some(&"SST".into()));
    assert_eq!(plan.custom.get("units"), Some(&"Deg C".into()));
    assert_eq!(plan.custom.get("missing_value"), None);
    assert_eq!(
        schema.metadata()["title"],
        "COADS monthly climatology, 2 degree"
    );
    assert!(plan.notes.iter().any(|note| note.contains("year 0")));
}

#[test]
fn attributes_are_those_of_the_conventions_and_of_the_user() {
    let foreign = open(&coads(), "SST");
    let names: Vec<&str> = foreign.attributes().iter().map(|(name, _)| name).collect();
    for kept in ["_FillValue", "missing_value", "long_name", "units"] {
        assert!(names.contains(&kept), "{kept} is not in {names:?}");
    }
    let time = foreign.dimensions()[0].coordinate.as_ref().unwrap();
    assert_eq!(
        time.attributes.text("time_origin"),
        Some("1-JAN-0000 00:00:00")
    );
    let machinery = ["CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST"];
    for attributes in [foreign.attributes(), &time.attributes, foreign.globals()] {
        for name in machinery {
            assert_eq!(attributes.get(name), None);
        }
    }
}

#[test]
fn blocks_and_hyperslabs_read_the_same_cells() {
    let foreign = open(&coads(), "SST");
    let all = foreign
        .read_block(&Hyperslab::full(foreign.shape()))
        .unwrap();
    let all = all.to_ndarray::<f32>().unwrap();
    let mut count = 0;
    for slab in foreign.blocks(200_000).iter() {
        let block = foreign
            .read_block(&slab)
            .unwrap()
            .to_ndarray::<f32>()
            .unwrap();
        let start = slab.axes()[0].start as usize;
        for (offset, month) in block.outer_iter().enumerate() {
            assert_eq!(month, all.index_axis(ndarray::Axis(0), start + offset));
        }
        count += block.len();
    }
    assert_eq!(count, all.len());
    let axes = vec![
        AxisSlab {
            start: 1,
            count: 3,
            stride: 5,
        },
        AxisSlab {
            start: 89,
            count: 1,
            stride: 1,
        },
        AxisSlab {
            start: 0,
            count: 0,
            stride: 1,
        },
    ];
    let empty = Hyperslab::new(axes, foreign.shape()).unwrap();
    assert_eq!(foreign.read_block(&empty).unwrap().shape(), [3, 1, 0]);
    let axes = vec![
        AxisSlab {
            start: 1,
            count: 3,
            stride: 5,
        },
        AxisSlab {
            start: 40,
            count: 2,
            stride: 7,
        },
        AxisSlab {
            start: 9,
            count: 2,
            stride: 100,
        },
    ];
    let strided = Hyperslab::new(axes, foreign.shape()).unwrap();
    let strided = foreign
        .read_block(&strided)
        .unwrap()
        .to_ndarray::<f32>()
        .unwrap();
    assert_eq!(
        strided,
        all.slice(ndarray::s![1..12;5, 40..48;7, 9..110;100])
            .into_dyn()
    );
}

#[test]
fn packed_numbers_are_unpacked_or_left() {
    let file = Foreign::create("packed.nc");
    let packed = file.variable("t", &[3], &[100i16, -32768, 50]);
    support::attribute(&packed, "scale_factor", 0.5f32);
    support::attribute(&packed, "add_offset", 10f32);
    support::attribute(&packed, "_FillValue", i16::MIN);
    let path = file.close();

    let foreign = open(&path, "t");
    assert_eq!(foreign.fill_value(), Some(Scalar::Float32(f32::NAN)));
    let cells = foreign.read_block(&Hyperslab::full(&[3])).unwrap();
    let cells = cells.as_slice::<f32>().unwrap();
    assert_eq!((cells[0], cells[2]), (60.0, 35.0));
    assert!(cells[1].is_nan());
    assert!(plan_import(&foreign).unwrap().custom.is_empty());

    let raw = read(&path, &["t"], ImportOptions { packed: true })
        .unwrap()
        .remove(0);
    assert_eq!(raw.fill_value(), Some(Scalar::Int16(i16::MIN)));
    let cells = raw.read_block(&Hyperslab::full(&[3])).unwrap();
    assert_eq!(cells.as_slice::<i16>().unwrap(), [100, i16::MIN, 50]);
    let plan = plan_import(&raw).unwrap();
    assert_eq!(plan.custom.get("scale_factor_"), Some(&0.5.into()));
    assert!(
        plan.notes.iter().any(|note| note.contains("float32")),
        "{:?}",
        plan.notes
    );
}

#[test]
fn coordinates_are_kept_only_where_they_are_coordinates() {
    let file = Foreign::create("coordinates.nc");
    let texts = |attribute: &'static str, text: &'static str| (attribute, text);
    file.scale(
        "day",
        &[0i32, 1, 2],
        &[texts("units", "days since 2000-02-28")],
    );
    file.scale(
        "month",
        &[0i64, 31, 60],
        &[texts("units", "days since 2000-01-01")],
    );
    file.scale(
        "model day",
        &[0i64, 59, 60],
        &[
            texts("units", "days since 2000-01-01"),
            texts("calendar", "noleap"),
        ],
    );
    file.scale("twice", &[1.0, 1.0, 2.0], &[]);
    file.scale("gap", &[1.0, f64::NAN, 2.0], &[]);
    file.scale("large", &[1i64 << 60, 1, 2], &[]);
    file.scale(
        "single",
        &[0.1f32, 0.2, 0.3],
        &[texts("units", "m"), texts("bounds", "b")],
    );
    file.labels("station", &["a", "ü", ""]);
    let names = [
        "day",
        "month",
        "model day",
        "twice",
        "gap",
        "large",
        "single",
        "station",
    ];
    let variable = file.variable("v", &[3; 8], &vec![1.5f64; 3usize.pow(8)]);
    file.attach(&variable, &names);
    let plan = plan(&file.close(), "v");
    let found: Vec<_> = plan.schema.dimensions().iter().collect();
    let instant = |text: &str| text.parse().unwrap();
    assert_eq!(
        found[0].coordinates,
        Some(Coordinates::TimeScale {
            start: TimeStart::Fixed(instant("2000-02-28")),
            step: "P1D".parse().unwrap(),
        })
    );
    assert_eq!(
        found[1].coordinates,
        Some(Coordinates::Times {
            times: ["2000-01-01", "2000-02-01", "2000-03-01"]
                .map(instant)
                .to_vec(),
        })
    );
    assert!(!found[1].metadata.contains_key("units"));
    assert_eq!(found[2].name, "model_day");
    assert_eq!(
        found[2].coordinates.as_ref().unwrap().unit(),
        Some("days since 2000-01-01")
    );
    assert_eq!(found[2].metadata["calendar"], "noleap");
    for (index, word) in [(3, "twice"), (4, "NaN"), (5, "exact float64")] {
        assert_eq!(found[index].coordinates, None);
        assert!(
            plan.notes.iter().any(|note| note.contains(word)),
            "{word}: {:?}",
            plan.notes
        );
    }
    assert_eq!(
        found[6].coordinates,
        Some(Coordinates::Values {
            values: [0.1f32, 0.2, 0.3].map(f64::from).to_vec(),
            unit: Some("m".to_owned()),
        })
    );
    assert!(plan.notes.iter().any(|note| note.contains("'bounds'")));
    let labels = ["a", "ü", ""].map(str::to_owned).to_vec();
    assert_eq!(found[7].coordinates, Some(Coordinates::Labels { labels }));
}

#[test]
fn attributes_are_kept_by_value_and_scalar_coordinates_as_metadata() {
    let file = Foreign::create("attributes.nc");
    let variable = file.variable("v", &[2], &[1i32, 2]);
    support::attribute(&variable, "valid_min", -5i16);
    support::attribute(&variable, "calendar", 7i32);
    support::attribute(&variable, "sea level", 1.5f64);
    support::attribute(&variable, "history", 2i8);
    support::text(&variable, "coordinates", "height time missing wide");
    support::text(&file.file, "history", "made");
    support::text(&file.file, "_NCProperties", "version=2");
    let height = file.variable("height", &[], &[2.0f64]);
    support::text(&height, "units", "m");
    let time = file.variable("time", &[], &[36i64]);
    support::text(&time, "units", "hours since 2000-01-01");
    file.variable("wide", &[2], &[1.0f64, 2.0]);
    let plan = plan(&file.close(), "v");
    assert_eq!(plan.custom.get("valid_min"), Some(&AttributeValue::Int(-5)));
    assert_eq!(plan.custom.get("calendar_"), Some(&AttributeValue::Int(7)));
    assert_eq!(
        plan.custom.get("sea_level"),
        Some(&AttributeValue::Float(1.5))
    );
    assert_eq!(plan.custom.get("coordinates"), None);
    let metadata = plan.schema.metadata();
    assert_eq!(metadata["global_history"], "made");
    assert_eq!(metadata["height"], "2.0 m");
    assert_eq!(metadata["time"], "2000-01-02T12:00:00Z");
    assert!(!metadata.contains_key("_NCProperties"));
    assert_eq!(plan.schema.dimensions()[0].name, "dim_0");
    assert!(
        plan.notes.iter().any(|note| note.contains("'wide'")),
        "{:?}",
        plan.notes
    );
    assert!(
        plan.notes.iter().any(|note| note.contains("fill value")),
        "{:?}",
        plan.notes
    );
}

#[test]
fn every_type_of_number_is_read() {
    let path = data("foreign_types.h5");
    let cells = |name: &str| {
        let foreign = open(&path, name);
        foreign
            .read_block(&Hyperslab::full(foreign.shape()))
            .unwrap()
    };
    let wide = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
    assert_eq!(
        cells("big_f4").as_slice::<f32>().unwrap(),
        wide.map(|cell| cell as f32)
    );
    assert_eq!(
        cells("big_i2").as_slice::<i16>().unwrap(),
        [0, 1, 2, 3, 4, 5]
    );
    assert_eq!(
        cells("half").as_slice::<f16>().unwrap(),
        wide.map(f16::from_f64)
    );
    assert_eq!(
        cells("single").as_slice::<Complex32>().unwrap(),
        wide.map(|cell| Complex32::new(cell as f32, 0.0))
    );
    assert_eq!(
        cells("double").as_slice::<Complex64>().unwrap(),
        wide.map(|cell| Complex64::new(cell, 0.0))
    );
    assert_eq!(
        cells("bool").as_slice::<bool>().unwrap(),
        [false, false, false, true, true, true]
    );
    assert_eq!(cells("inner/gzip").as_slice::<f64>().unwrap(), wide);
    assert_eq!(cells("/gzip").as_slice::<f64>().unwrap(), wide);
    let partly = cells("inner/partly");
    let partly = partly.as_slice::<f32>().unwrap();
    assert_eq!(partly[..6], wide.map(|cell| cell as f32));
    assert_eq!(partly[6..], [9.0; 6]);
}

#[test]
fn a_file_that_begins_behind_a_user_block_is_read() {
    let path = data("foreign_user_block.h5");
    for name in ["chunked", "gzip"] {
        let cells = open(&path, name)
            .read_block(&Hyperslab::full(&[2, 3]))
            .unwrap();
        assert_eq!(
            cells.as_slice::<f64>().unwrap(),
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
        );
    }
}

#[test]
fn attributes_of_every_kind_are_read() {
    let plan = plan(&data("foreign_types.h5"), "half");
    assert_eq!(plan.custom.get("latin"), Some(&"50°".into()));
    assert_eq!(plan.custom.get("flag"), Some(&true.into()));
    assert_eq!(
        plan.custom.get("big"),
        Some(&vec![1.into(), 2.into()].into())
    );
    assert_eq!(
        plan.custom.get("texts"),
        Some(&vec!["a".into(), "ü".into()].into())
    );
    assert_eq!(
        plan.custom.get("largest"),
        Some(&18_446_744_073_709_551_615.0.into())
    );
    assert_eq!(plan.custom.get("reference"), None);
    assert!(
        plan.notes.iter().any(|note| note.contains("'reference'")),
        "{:?}",
        plan.notes
    );
}

#[test]
fn the_lzf_codec_of_h5py_is_read() {
    let foreign = open(&data("foreign_types.h5"), "inner/lzf");
    let cells = foreign.read_block(&Hyperslab::full(&[64, 8])).unwrap();
    assert_eq!(cells.as_slice::<f64>().unwrap(), [0.0; 512]);
}

#[test]
fn what_is_not_made_of_numbers_is_refused_by_name() {
    let path = data("foreign_types.h5");
    for (name, word) in [
        ("enum", "enum"),
        ("record", "compound"),
        ("text", "text"),
        ("fixed_text", "text"),
        ("ragged", "empty"),
        ("list", "vlen"),
    ] {
        let error = read(&path, &[name], ImportOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(
            error.message().contains(word) && error.message().contains(name),
            "{error}"
        );
    }
    let error = read(&path, &["nothing"], ImportOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("big_f4, "), "{error}");
}

#[test]
fn what_is_no_such_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.nc");
    let kind = || list_variables(&path).unwrap_err();
    assert_eq!(kind().kind(), ErrorKind::NotFound);
    for (bytes, word) in [
        (&b"CDF\x01rest"[..], "nccopy -k nc4"),
        (b"", "netCDF-4"),
        (b"text", "netCDF-4"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        assert!(kind().message().contains(word), "{}", kind());
    }
}

#[test]
fn a_listing_names_every_variable_once() {
    let found = list_variables(&data("foreign_types.h5")).unwrap();
    let names: Vec<&str> = found
        .iter()
        .map(|variable| variable.name.as_str())
        .collect();
    assert!(
        names.contains(&"inner/gzip") && names.contains(&"gzip"),
        "{names:?}"
    );
    // A circle of links is not followed.
    assert!(names.iter().all(|name| !name.contains("up/")), "{names:?}");
    let coads = list_variables(&coads()).unwrap();
    let sst = coads
        .iter()
        .find(|variable| variable.name == "SST")
        .unwrap();
    let named = |name: &str, size| (name.to_owned(), size);
    assert_eq!(
        sst.dimensions,
        [named("TIME", 12), named("COADSY", 90), named("COADSX", 180)]
    );
    assert_eq!(sst.dtype, Ok(DType::Float32));
    assert!(
        coads
            .iter()
            .any(|variable| variable.name == "TIME" && variable.is_coordinate)
    );
}

#[test]
fn a_coordinate_variable_can_be_imported_itself() {
    let foreign = open(&coads(), "COADSX");
    assert_eq!(foreign.dimensions()[0].name, "COADSX");
    let coordinate = foreign.dimensions()[0].coordinate.as_ref().unwrap();
    assert!(matches!(&coordinate.values, CoordinateValues::Floats(values) if values[1] == 23.0));
    assert_eq!(plan_import(&foreign).unwrap().schema.shape(), [180]);
}

#[test]
fn a_foreign_array_may_cross_threads() {
    fn crosses<T: Send + Sync + 'static>(_: &T) {}
    let foreign = open(&coads(), "SST");
    crosses(&foreign);
    let read = std::thread::spawn(move || foreign.read_block(&Hyperslab::full(foreign.shape())));
    assert_eq!(read.join().unwrap().unwrap().shape(), [12, 90, 180]);
}

/// A variable of which the header is damaged is named, and the others are read.
#[test]
fn a_damaged_variable_hides_no_other() {
    let original = std::fs::read(coads()).unwrap();
    let headers: Vec<usize> = (original.windows(4).enumerate())
        .filter_map(|(at, window)| (window == b"OHDR").then_some(at))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.nc");
    let mut named = Vec::new();
    for at in headers {
        let mut damaged = original.clone();
        damaged[at + 24] ^= 0x20;
        std::fs::write(&path, damaged).unwrap();
        // Without its root there is no file.
        let Ok(variables) = list_variables(&path) else {
            continue;
        };
        let (readable, lost): (Vec<_>, Vec<_>) =
            (variables.into_iter()).partition(|variable| variable.dtype.is_ok());
        let [lost] = lost.as_slice() else { continue };
        assert_eq!(readable.len(), 5, "{lost:?}");
        let error = read(&path, &[&lost.name], ImportOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        named.push(lost.name.clone());
    }
    named.sort_unstable();
    assert_eq!(named, ["AIRT", "COADSX", "COADSY", "SLP", "SST", "TIME"]);
}
