use super::*;
use hyperslab_core::{
    ArrayBuf, ArrayMeta, AttributeSchema, AttributeType, AttributeValue, Attributes,
    CollectionMeta, Coordinates, DType, Dimension, ErrorKind, Result, Schema, StorageOptions,
    TimeStart, Timestamp,
};
use num_complex::Complex64;
use serde_json::json;
use uuid::Uuid;

fn collection(schema: Schema) -> CollectionMeta {
    CollectionMeta {
        name: "Wetter 2023".to_owned(),
        id: Uuid::nil(),
        schema,
        storage: StorageOptions::new(),
    }
}

fn array(key: Attributes, custom: Attributes) -> ArrayMeta {
    ArrayMeta {
        id: Uuid::from_u128(7),
        key,
        custom,
    }
}

fn keyless() -> ArrayMeta {
    array(Attributes::new(), Attributes::new())
}

fn times(texts: &[&str]) -> Coordinates {
    Coordinates::Times {
        times: texts.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

fn only_axis(dimension: Dimension, array: &ArrayMeta) -> Result<AxisContent> {
    let schema = Schema::builder(DType::Int8)
        .dimension(dimension)
        .attribute(AttributeSchema::custom("start", AttributeType::DateTime))
        .build()
        .unwrap();
    let mut content = ArrayContent::new(&schema, array)?;
    Ok(content.axes.remove(0))
}

fn numbers_and_units(axis: &AxisContent) -> (Vec<i64>, String) {
    let coordinate = axis.coordinate.as_ref().unwrap();
    let CoordinateCells::Numbers(cells) = &coordinate.values else {
        panic!("times are numbers")
    };
    let units = coordinate.attributes[0].1.as_text().unwrap().to_owned();
    assert_eq!(coordinate.attributes[1].0, "calendar");
    (cells.as_slice().unwrap().to_vec(), units)
}

#[test]
fn times_are_counted_in_the_coarsest_exact_unit() {
    let cases: [(&[&str], &[i64], &str); 8] = [
        (&[], &[], "days since 1970-01-01 00:00:00"),
        (
            &["2023-01-03", "2023-01-05"],
            &[0, 2],
            "days since 2023-01-03 00:00:00",
        ),
        (
            &["2023-01-03T06:00", "2023-01-04T06:00"],
            &[0, 1],
            "days since 2023-01-03 06:00:00",
        ),
        (
            &["2023-01-03", "2023-01-02T18:00"],
            &[0, -6],
            "hours since 2023-01-03 00:00:00",
        ),
        (
            &["2023-01-03", "2023-01-03T00:01"],
            &[0, 1],
            "minutes since 2023-01-03 00:00:00",
        ),
        (
            &["2023-01-03T00:00:00.5"],
            &[500],
            "milliseconds since 2023-01-03 00:00:00",
        ),
        (
            &["1850-01-01", "1850-01-01T00:00:00.000000001"],
            &[0, 1],
            "nanoseconds since 1850-01-01 00:00:00",
        ),
        (&["-000005-03-01"], &[0], "days since -0005-03-01 00:00:00"),
    ];
    for (texts, numbers, units) in cases {
        let size = texts.len() as u64;
        let dimension = Dimension::with_coordinates("t", size, times(texts));
        let axis = only_axis(dimension, &keyless()).unwrap();
        assert_eq!(
            numbers_and_units(&axis),
            (numbers.to_vec(), units.to_owned())
        );
    }
    let far = times(&["1600-01-01", "2023-01-01T00:00:00.000000001"]);
    let dimension = Dimension::with_coordinates("t", 2, far);
    let error = only_axis(dimension, &keyless()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

#[test]
fn a_time_scale_starts_where_its_attribute_says() {
    let start = TimeStart::try_from("$start".to_owned()).unwrap();
    let dimension = Dimension::time_scale("t", 3, start, "-PT90M".parse().unwrap());
    let axis = only_axis(dimension.clone(), &keyless()).unwrap();
    assert_eq!(axis.coordinate, None);
    let noon: Timestamp = "2023-01-03T12:00".parse().unwrap();
    let started = array(Attributes::new(), Attributes::from_iter([("start", noon)]));
    let axis = only_axis(dimension, &started).unwrap();
    let expected = vec![0, -90, -180];
    let units = "minutes since 2023-01-03 12:00:00".to_owned();
    assert_eq!(numbers_and_units(&axis), (expected, units));
}

#[test]
fn metadata_of_a_dimension_do_not_hide_its_unit() {
    let mut dimension = Dimension::scale("lat", 3, -1.0, 1.0, "degrees_north");
    let metadata = json!({"units": "wrong", "long_name": "latitude", "n": 1, "r": [0.5, 2]});
    dimension.metadata = serde_json::from_value(metadata).unwrap();
    let coordinate = only_axis(dimension, &keyless())
        .unwrap()
        .coordinate
        .unwrap();
    let attributes: Vec<_> = coordinate
        .attributes
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(attributes, ["units", "long_name", "n", "r"]);
    assert_eq!(coordinate.attributes[0].1.as_text(), Some("degrees_north"));
    let values = ArrayBuf::from_slice(&[3], &[-1.0, 0.0, 1.0]).unwrap();
    assert_eq!(coordinate.values, CoordinateCells::Numbers(values));
}

#[test]
fn the_data_variable_has_a_name_of_its_own() {
    let name = |collection_name: &str, dimension: &str, chosen: Option<&str>| {
        let schema = Schema::builder(DType::Int8)
            .dimension(Dimension::new(dimension, 1))
            .build()
            .unwrap();
        let mut collection = collection(schema);
        collection.name = collection_name.to_owned();
        variable_name(&collection, chosen)
    };
    assert_eq!(name("Wetter 2023", "x", None), "Wetter_2023");
    assert_eq!(name("2023", "x", None), "v_2023");
    assert_eq!(name("größe", "x", None), "gr__e");
    assert_eq!(name("lat", "lat", None), "lat_data");
    assert_eq!(name("lat", "lat", Some("größe")), "größe");
    assert_eq!(name("lat", "lat", Some("lat")), "lat_data");
}

#[test]
fn every_attribute_type_comes_back() {
    let values: Vec<(&str, AttributeValue)> = vec![
        ("bool", true.into()),
        ("int", i64::MIN.into()),
        ("float", f64::INFINITY.into()),
        ("complex", Complex64::new(1.5, -0.5).into()),
        ("text", "zwölf".into()),
        ("blank", "".into()),
        (
            "time",
            "2023-01-03T00:00:00.000000001Z"
                .parse::<Timestamp>()
                .unwrap()
                .into(),
        ),
        ("uuid", Uuid::from_u128(99).into()),
        (
            "tuple",
            vec![AttributeValue::Int(1), "x".into(), true.into()].into(),
        ),
    ];
    for role in ["key", "custom"] {
        let mut builder = Schema::builder(DType::Int8);
        for (name, value) in &values {
            builder = builder.attribute(match role {
                "key" => AttributeSchema::key(*name, value.kind()),
                _ => AttributeSchema::custom(*name, value.kind()),
            });
        }
        let schema = builder.build().unwrap();
        let attributes: Attributes = values.iter().cloned().collect();
        let array = match role {
            "key" => array(attributes, Attributes::new()),
            _ => array(Attributes::new(), attributes),
        };
        let content = ArrayContent::new(&schema, &array).unwrap();
        let again = array_meta(&schema, &content.attributes, &content.variable_attributes);
        assert_eq!(again.unwrap(), array);
    }
}

#[test]
fn a_lost_or_mistyped_attribute_is_named() {
    let schema = Schema::builder(DType::Int8)
        .attribute(AttributeSchema::key("station", AttributeType::Text))
        .attribute(AttributeSchema::custom("height", AttributeType::Int))
        .build()
        .unwrap();
    let array = array(
        Attributes::from_iter([("station", "north")]),
        Attributes::from_iter([("height", 2)]),
    );
    let content = ArrayContent::new(&schema, &array).unwrap();
    for lost in ["id", "station"] {
        let mut global = content.attributes.clone();
        global.retain(|(name, _)| name != lost);
        let error = array_meta(&schema, &global, &content.variable_attributes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains(lost), "{error}");
    }
    let mistyped = [("height".to_owned(), AttributeContent::text("high"))];
    let error = array_meta(&schema, &content.attributes, &mistyped).unwrap_err();
    assert!(error.to_string().contains("'height'"), "{error}");
}

#[test]
fn what_another_program_added_is_kept() {
    let schema = Schema::builder(DType::Int8)
        .attribute(AttributeSchema::custom("height", AttributeType::Int))
        .build()
        .unwrap();
    let named = |name: &str, text: &str| (name.to_owned(), AttributeContent::text(text));
    let mut next = vec![named("units", "m")];
    let old = [
        named("height", "removed since"),
        named("units", "ft"),
        named("history", "made by hand"),
    ];
    keep_unknown(&schema, &old, &mut next);
    assert_eq!(
        next,
        [named("units", "m"), named("history", "made by hand")]
    );
}

#[test]
fn a_variable_of_another_type_or_shape_disagrees() {
    let schema = Schema::builder(DType::Int8)
        .dimension(Dimension::new("x", 3))
        .build()
        .unwrap();
    assert_eq!(disagreement(&schema, DType::Int8, &[3]), None);
    assert!(disagreement(&schema, DType::UInt8, &[3]).is_some());
    assert!(disagreement(&schema, DType::Int8, &[4]).is_some());
}
