//! Importing from a format of twenty lines.

mod common;

use hyperslab_cf::foreign::{ForeignArray, ImportOptions, plan_import};
use hyperslab_core::{
    AttributeValue, AxisSlab, Coordinates, DType, ErrorKind, Hyperslab, Result, Scalar, TimeStart,
};

use common::weather;

fn open(name: &str, packed: bool) -> Result<ForeignArray> {
    ForeignArray::open(&weather(), name, ImportOptions { packed })
}

#[test]
fn a_variable_becomes_a_schema() {
    let plan = plan_import(&open("/day/t", false).unwrap()).unwrap();
    let schema = &plan.schema;
    assert_eq!(schema.dtype(), DType::Float64);
    assert!(schema.fill_value().as_f64().unwrap().is_nan());
    let [time, station] = schema.dimensions() else {
        panic!("{:?}", schema.dimensions())
    };
    let start = TimeStart::Fixed("2023-01-03".parse().unwrap());
    let step = "PT6H".parse().unwrap();
    let scale = Coordinates::TimeScale { start, step };
    assert_eq!(time.coordinates, Some(scale));
    let labels = vec!["north".to_owned(), "south".to_owned()];
    assert_eq!(station.coordinates, Some(Coordinates::Labels { labels }));
    let path = AttributeValue::Text("day/t".to_owned());
    assert_eq!(plan.key.get("variable"), Some(&path));
    let custom: Vec<&str> = plan.custom.iter().map(|(name, _)| name).collect();
    assert_eq!(custom, ["units"]);
    assert_eq!(schema.metadata()["title"], "inner");
    assert_eq!(schema.metadata()["source"], "a map");
    assert_eq!(schema.metadata()["height"], "2.5 m");
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
}

#[test]
fn the_cells_of_a_hyperslab_come_out_unpacked() {
    let array = open("day/t", false).unwrap();
    let axis = |start, count, stride| AxisSlab {
        start,
        count,
        stride,
    };
    let slab = Hyperslab::new(vec![axis(1, 2, 2), axis(0, 2, 1)], array.shape()).unwrap();
    let block = array.read_block(&slab).unwrap();
    assert_eq!(block.shape(), [2, 2]);
    let found = block.as_slice::<f64>().unwrap();
    assert_eq!([found[0], found[2], found[3]], [11.0, 13.0, 13.5]);
    assert!(found[1].is_nan());

    let packed = open("day/t", true).unwrap();
    assert_eq!(packed.dtype(), DType::Int16);
    assert_eq!(packed.fill_value(), Some(Scalar::Int16(-1)));
    let block = packed.read_block(&slab).unwrap();
    assert_eq!(block.as_slice::<i16>().unwrap(), [2, -1, 6, 7]);
}

#[test]
fn what_cannot_be_imported_is_refused_by_name() {
    let error = open("day/u", false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let message = error.to_string();
    assert!(
        message.contains("map:weather has no variable 'day/u'; there are: day/t"),
        "{message}"
    );
    let error = open("station", false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("made of text"), "{error}");
}
