use super::*;
use hyperslab_core::{AttributeType, Coordinates, Dimension, TimeStart, TimeStep};
use uuid::Uuid;

const DOCUMENT: &str = r#"{"name":"varray_time","type":"varray","schema":{"dimensions":[{"name":"t","size":8,"type":"time","start_value":"$dt","step":{"days":-1,"seconds":82800,"microseconds":0}},{"name":"x","size":9,"labels":null,"scale":{"start_value":0.0,"step":0.5,"name":null},"type":"generic"}],"dtype":"numpy.int64","attributes":[{"name":"dt","dtype":"datetime","primary":true}],"fill_value":"-9223372036854775808","vgrid":[2,3]},"options":{"chunks":{"mode":"manual","size":[2,3]},"compression":{"compression":"gzip","options":["4"]}},"storage_adapter":"HDF5StorageAdapter","metadata_version":"0.2"}"#;

fn with(change: impl Fn(&mut Value)) -> Result<Layout> {
    let mut value = json::parse(DOCUMENT).unwrap();
    change(&mut value);
    Layout::from_document(&json::to_text(&value))
}

#[test]
fn a_document_reads_back() {
    let layout = Layout::from_document(DOCUMENT).unwrap();
    assert_eq!(layout.schema.tile_shape(), Some(&[4, 3][..]));
    assert_eq!(layout.schema.fill_value(), Scalar::Int64(i64::MIN));
    let Some(Coordinates::TimeScale { start, step }) =
        layout.schema.dimensions()[0].coordinates.clone()
    else {
        panic!("no time");
    };
    assert_eq!(start, TimeStart::Attribute("dt".to_owned()));
    assert_eq!(step, "-PT1H".parse::<TimeStep>().unwrap());
    let again = layout.to_document("varray_time").unwrap();
    let parsed = |text: &str| json::parse(text).unwrap();
    assert_eq!(parsed(&again), parsed(DOCUMENT));
}

#[test]
fn a_schema_of_ours_becomes_a_document() {
    let schema = Schema::builder(DType::Float32)
        .attribute(AttributeSchema::custom("note", AttributeType::List))
        .dimension(Dimension::labels("layer", ["a", "ü"]))
        .dimension(Dimension::values("level", [1.0, 0.5], ""))
        .build()
        .unwrap();
    let mut collection = CollectionMeta {
        name: "c".to_owned(),
        id: Uuid::nil(),
        schema,
        storage: hyperslab_core::StorageOptions::new(),
    };
    let layout = Layout::of_collection(&collection).unwrap();
    let text = layout.to_document("c").unwrap();
    assert_eq!(Layout::from_document(&text).unwrap(), layout);
    assert!(text.contains(r#""labels":["a","\u00fc"]"#), "{text}");
    for refused in [
        Dimension::values("level", [1.0, 0.5], "hPa"),
        Dimension::new("none", 0),
    ] {
        let schema = Schema::builder(DType::Float32).dimension(refused);
        collection.schema = schema.build().unwrap();
        let error = Layout::of_collection(&collection).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn versions_are_compared_by_number() {
    let of_version = |text: &str| with(|value| value["metadata_version"] = text.into());
    assert!(of_version("0.1").is_ok());
    for newer in ["0.3", "0.10", "1.0"] {
        assert_eq!(
            of_version(newer).unwrap_err().kind(),
            ErrorKind::Unsupported
        );
    }
    assert_eq!(of_version("x").unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn what_deker_lets_pass_and_cannot_use_is_named() {
    for (pointer, bad) in [
        ("/schema/dimensions/1/size", json!(-9)),
        ("/schema/dimensions/1/labels", json!([1, 2])),
        ("/schema/dimensions/1/labels", json!(["a"])),
        ("/schema/dimensions/1/scale/step", json!(0.0)),
        ("/schema/dimensions/0/start_value", json!("soon")),
        ("/schema/fill_value", json!("seven")),
        ("/schema/vgrid", json!([3, 3])),
        ("/type", json!("tensor")),
        ("/schema/dtype", json!("numpy.str_")),
    ] {
        let error = with(|value| *value.pointer_mut(pointer).unwrap() = bad.clone());
        assert_eq!(
            error.unwrap_err().kind(),
            ErrorKind::Corrupt,
            "{pointer} {bad}"
        );
    }
}
