//! The number of threads, which is set once for a process.

use hyperslab::blocking::Store;
use hyperslab::{DType, Dimension, ErrorKind, Schema, key, set_workers};

#[test]
fn workers_are_set_once_before_work_begins() {
    assert_eq!(set_workers(0).unwrap_err().kind(), ErrorKind::InvalidInput);
    set_workers(2).unwrap();
    assert_eq!(set_workers(3).unwrap_err().kind(), ErrorKind::Conflict);
    let schema = Schema::builder(DType::Int32)
        .dimension(Dimension::new("x", 4))
        .build()
        .unwrap();
    let store = Store::create("memory://?adapter=zarr").unwrap();
    let series = store.create_collection("series", schema).unwrap();
    let array = series.create(key! {}).unwrap();
    array.all().fill(7).unwrap();
    assert_eq!(array.all().read::<i32>().unwrap().sum(), 28);
}
