//! Export: what is written can be read back, and a failure leaves nothing behind.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;

use half::f16;
use hyperslab_core::{
    ArrayBuf, AttributeSchema, AttributeType, AttributeValue, Attributes, AxisSlab, Coordinates,
    DType, Dimension, Element, Error, ErrorKind, Hyperslab, Metadata, Scalar, Schema, TimeStart,
};
use hyperslab_hdf5::netcdf::{
    CoordinateValues, ExportContent, ForeignArray, ImportOptions, list_variables, plan_import,
    read, write, write_cells,
};
use num_complex::Complex32;
use support::coads;

fn open(path: &Path, name: &str) -> ForeignArray {
    read(path, &[name], ImportOptions::default())
        .unwrap()
        .remove(0)
}

fn whole(schema: &Schema) -> ExportContent {
    let slab = Hyperslab::full(&schema.shape());
    let none = Attributes::new();
    ExportContent::new(schema, &none, &none, &slab, &[], "data").unwrap()
}

fn slab(axes: &[(u64, u64, u64)], schema: &Schema) -> Hyperslab {
    let axes = axes.iter().map(|&(start, count, stride)| AxisSlab {
        start,
        count,
        stride,
    });
    Hyperslab::new(axes.collect(), &schema.shape()).unwrap()
}

#[test]
fn an_import_exported_and_imported_again_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.nc");
    for name in ["SST", "AIRT", "SLP"] {
        let first = open(&coads(), name);
        let plan = plan_import(&first).unwrap();
        let all = Hyperslab::full(first.shape());
        let content =
            ExportContent::new(&plan.schema, &plan.key, &plan.custom, &all, &[], "x").unwrap();
        write(&path, &content, |slab| first.read_block(slab)).unwrap();
        let second = open(&path, name);
        let mut again = plan_import(&second).unwrap();
        let metadata = again.schema.metadata();
        assert_eq!(metadata["Conventions"], "CF-1.11");
        assert_eq!(again.schema.dimensions(), plan.schema.dimensions());
        assert_eq!(again.schema.fill_value(), plan.schema.fill_value());
        assert_eq!(again.custom, plan.custom);
        assert_eq!(again.key, plan.key);
        again.notes.retain(|note| !plan.notes.contains(note));
        assert_eq!(again.notes, Vec::<String>::new());
        assert_eq!(
            second.read_block(&all).unwrap(),
            first.read_block(&all).unwrap()
        );
    }
}

#[test]
fn a_selection_takes_its_coordinates_with_it() {
    let schema = Schema::builder(DType::Int16)
        .dimension(Dimension::time_scale(
            "time",
            10,
            TimeStart::Attribute("dt".to_owned()),
            "PT6H".parse().unwrap(),
        ))
        .dimension(Dimension::labels("layer", ["t", "u", "v"]))
        .dimension(Dimension::scale("x", 5, 0.1, 0.1, "m"))
        .dimension(Dimension::new("member", 2))
        .attribute(AttributeSchema::key("dt", AttributeType::DateTime))
        .attribute(AttributeSchema::custom(
            "pair",
            AttributeType::Tuple(vec![AttributeType::Int; 2]),
        ))
        .build()
        .unwrap();
    let key: Attributes = [(
        "dt",
        AttributeValue::DateTime("2023-01-03".parse().unwrap()),
    )]
    .into_iter()
    .collect();
    let custom: Attributes = [("pair", AttributeValue::Tuple(vec![1.into(), 2.into()]))]
        .into_iter()
        .collect();
    let selected = slab(&[(1, 3, 4), (2, 1, 1), (3, 1, 1), (0, 2, 1)], &schema);
    let content = ExportContent::new(&schema, &key, &custom, &selected, &[1, 2], "wind").unwrap();
    assert_eq!(content.shape(), [3, 2]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.nc");
    let cells = ArrayBuf::from_slice(&[3, 2], &[1i16, 2, 3, 4, 5, i16::MIN]).unwrap();
    write_cells(&path, &content, &cells).unwrap();

    let found = open(&path, "wind");
    assert_eq!(found.read_block(&Hyperslab::full(&[3, 2])).unwrap(), cells);
    let plan = plan_import(&found).unwrap();
    let times = [
        "2023-01-03T06:00Z",
        "2023-01-04T06:00Z",
        "2023-01-05T06:00Z",
    ];
    assert_eq!(
        plan.schema.dimensions()[0].coordinates,
        Some(Coordinates::TimeScale {
            start: TimeStart::Fixed(times[0].parse().unwrap()),
            step: "P1D".parse().unwrap(),
        })
    );
    assert_eq!(plan.schema.dimensions()[1], Dimension::new("member", 2));
    assert_eq!(plan.custom.get("layer"), Some(&"v".into()));
    assert_eq!(plan.custom.get("pair"), custom.get("pair"));
    assert_eq!(plan.schema.metadata()["dt"], "2023-01-03T00:00:00Z");
    let x = &found.auxiliary()[0];
    assert_eq!(
        (x.name.as_str(), x.attributes.text("units")),
        ("x", Some("m"))
    );
    assert_eq!(x.values, CoordinateValues::Floats(vec![0.1 + 3.0 * 0.1]));
}

#[test]
fn numbers_of_a_calendar_go_out_as_they_came() {
    let mut time = Dimension::values("time", [0.0, 59.0, 365.5], "days since 2000-01-01");
    time.metadata.insert("calendar".to_owned(), "noleap".into());
    let schema = Schema::builder(DType::Float32)
        .dimension(time)
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noleap.nc");
    let cells = ArrayBuf::from_slice(&[3], &[1f32, 2.0, 3.0]).unwrap();
    write_cells(&path, &whole(&schema), &cells).unwrap();
    let found = open(&path, "data");
    let attributes = &found.dimensions()[0]
        .coordinate
        .as_ref()
        .unwrap()
        .attributes;
    assert_eq!(attributes.text("units"), Some("days since 2000-01-01"));
    assert_eq!(attributes.text("calendar"), Some("noleap"));
    let plan = plan_import(&found).unwrap();
    assert_eq!(plan.schema.dimensions(), schema.dimensions());
}

fn round_trip<T: Element>(cells: &[T], shape: &[u64]) -> ArrayBuf {
    let mut builder = Schema::builder(T::DTYPE);
    for (number, &size) in shape.iter().enumerate() {
        builder = builder.dimension(Dimension::new(format!("d{number}"), size));
    }
    let schema = builder.build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("types.nc");
    let cells = ArrayBuf::from_slice(shape, cells).unwrap();
    write_cells(&path, &whole(&schema), &cells).unwrap();
    let found = open(&path, "data");
    assert_eq!(found.shape(), shape);
    found.read_block(&Hyperslab::full(shape)).unwrap()
}

#[test]
fn every_type_and_shape_survives() {
    assert_eq!(
        round_trip(&[true, false], &[2]).as_slice::<bool>().unwrap(),
        [true, false]
    );
    assert_eq!(
        round_trip(&[1u64, u64::MAX], &[2, 1])
            .as_slice::<u64>()
            .unwrap(),
        [1, u64::MAX]
    );
    let complex = [Complex32::new(1.0, -2.0)];
    assert_eq!(
        round_trip(&complex, &[1]).as_slice::<Complex32>().unwrap(),
        complex
    );
    // netCDF has no half precision.
    assert_eq!(
        round_trip(&[f16::from_f32(1.5)], &[1])
            .as_slice::<f32>()
            .unwrap(),
        [1.5]
    );
    assert_eq!(round_trip(&[7i8], &[]).as_slice::<i8>().unwrap(), [7]);
    assert_eq!(round_trip::<f64>(&[], &[0, 4]).cell_count(), 0);
    let large: Vec<i32> = (0..3_000_000).collect();
    assert_eq!(
        round_trip(&large, &[3, 1000, 1000])
            .as_slice::<i32>()
            .unwrap(),
        large
    );
}

#[test]
fn names_that_clash_are_set_apart() {
    let schema = Schema::builder(DType::Float64)
        .dimension(Dimension::values("t", [1.0], ""))
        .attribute(AttributeSchema::key("variable", AttributeType::Text))
        .attribute(AttributeSchema::custom("history", AttributeType::Text))
        .attribute(AttributeSchema::custom("calendar_", AttributeType::Text))
        .metadata(Metadata::from_iter([(
            "global_history".to_owned(),
            "made".into(),
        )]))
        .build()
        .unwrap();
    let key: Attributes = [("variable", "inner/t")].into_iter().collect();
    let custom: Attributes = [("history", "changed"), ("calendar_", "noleap")]
        .into_iter()
        .collect();
    let content =
        ExportContent::new(&schema, &key, &custom, &Hyperslab::full(&[1]), &[], "x").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.nc");
    write_cells(
        &path,
        &content,
        &ArrayBuf::from_slice(&[1], &[2.0]).unwrap(),
    )
    .unwrap();
    let names: Vec<String> = list_variables(&path)
        .unwrap()
        .into_iter()
        .map(|v| v.name)
        .collect();
    assert_eq!(names, ["t", "t_values"]);
    let found = open(&path, "t_values");
    assert_eq!(found.attributes().text("calendar"), Some("noleap"));
    assert_eq!(found.attributes().text("history"), Some("changed"));
    assert_eq!(found.globals().text("history"), Some("made"));
}

#[test]
fn a_failure_leaves_the_old_file_and_nothing_else() {
    let schema = Schema::builder(DType::UInt8)
        .dimension(Dimension::new("d", 4))
        .build()
        .unwrap();
    let content = whole(&schema);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.nc");
    std::fs::write(&path, "old").unwrap();
    let failed = write(&path, &content, |_| Err(Error::unavailable("gone")));
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Unavailable);
    let short = ArrayBuf::filled(Scalar::UInt8(1), &[3]).unwrap();
    assert_eq!(
        write_cells(&path, &content, &short).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    let failed = write(&path, &content, |_| Ok(short.clone()));
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let nowhere = folder.path().join("no/out.nc");
    let cells = ArrayBuf::filled(Scalar::UInt8(1), &[4]).unwrap();
    assert_eq!(
        write_cells(&nowhere, &content, &cells).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    write_cells(&path, &content, &cells).unwrap();
    assert_eq!(
        open(&path, "data")
            .read_block(&Hyperslab::full(&[4]))
            .unwrap(),
        cells
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_selection_that_does_not_fit_is_refused() {
    let schema = Schema::builder(DType::UInt8)
        .dimension(Dimension::new("d", 4))
        .build()
        .unwrap();
    let none = Attributes::new();
    for (slab, dropped) in [
        (Hyperslab::full(&[5]), &[][..]),
        (Hyperslab::full(&[4]), &[0]),
    ] {
        let refused = ExportContent::new(&schema, &none, &none, &slab, dropped, "x");
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
