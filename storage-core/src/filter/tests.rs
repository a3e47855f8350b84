//! Text and look-ups.

use super::*;
use crate::{AttributeSchema, AttributeType, DType};

fn schema() -> Schema {
    Schema::builder(DType::Float32)
        .attribute(AttributeSchema::key("dt", AttributeType::DateTime))
        .attribute(AttributeSchema::key("station", AttributeType::Text))
        .attribute(AttributeSchema::custom("height", AttributeType::Float))
        .build()
        .unwrap()
}

fn attributes(dt: &str, station: &str) -> Attributes {
    schema()
        .check_key(&[("dt", dt), ("station", station)].into_iter().collect())
        .unwrap()
}

#[test]
fn text_filters_select_what_they_say() {
    let key = attributes("2023-01-03", "north");
    for (text, expected) in [
        ("", true),
        ("dt = 2023-01-03", true),
        ("dt=2023-01-03T00:00Z and station=north", true),
        ("dt > 2023-01-03", false),
        ("dt >= 2023-01-01 and dt < 2023-03-01", true),
        ("station in (south, 'north')", true),
        ("station not in (south, north)", false),
        ("not station = south", true),
        (
            "station = south or (dt < 2024-01-01 and station != \"x y\")",
            true,
        ),
        ("height > 0", false),
        ("height != 0", false),
        ("not height = 0", true),
    ] {
        let filter = Filter::parse(text, &schema()).unwrap();
        assert_eq!(
            filter.matches(&[&key, &Attributes::new()]),
            expected,
            "{text}"
        );
    }
}

#[test]
fn bad_text_is_refused_with_its_place() {
    for text in [
        "dt",
        "dt =",
        "dt = soon",
        "dt == 2023-01-01",
        "colour = red",
        "station in (a",
        "station in a",
        "(dt = 2023-01-01",
        "dt = 2023-01-01 station = a",
        "station = 'open",
        "and",
        "height = 1 and",
    ] {
        let error = Filter::parse(text, &schema()).unwrap_err();
        assert_eq!(
            error.kind(),
            crate::ErrorKind::InvalidInput,
            "{text}: {error}"
        );
    }
}

#[test]
fn a_full_key_needs_no_listing() {
    let schema = schema();
    let full = Filter::parse("station = a and dt = 2023-01-03 and height > 2", &schema).unwrap();
    assert_eq!(full.full_key(&schema), Some(attributes("2023-01-03", "a")));
    assert!(full.needs_custom(&schema));
    let partial = Filter::parse("station = a and dt >= 2023-01-03", &schema).unwrap();
    assert_eq!(partial.full_key(&schema), None);
    assert!(!partial.needs_custom(&schema));
}

#[test]
fn an_identity_is_looked_up() {
    let schema = schema();
    let ids = [uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2)];
    let one = Filter::parse(&format!("id = {} and height > 2", ids[0]), &schema).unwrap();
    assert_eq!(one.ids(), Some(vec![ids[0]]));
    assert!(one.needs_custom(&schema) && one.is_look_up(&schema));
    let several = format!("station = a and id in ({}, {}, {})", ids[1], ids[0], ids[1]);
    let several = Filter::parse(&several, &schema).unwrap();
    assert_eq!(several.ids(), Some(vec![ids[1], ids[0]]));
    for text in [
        "id != 00000000-0000-0000-0000-000000000001",
        "id = 00000000-0000-0000-0000-000000000001 or height = 1",
        "not id = 00000000-0000-0000-0000-000000000001",
    ] {
        let scan = Filter::parse(text, &schema).unwrap();
        assert!(
            !scan.is_look_up(&schema) && scan.needs_custom(&schema),
            "{text}"
        );
    }
    let built = Filter::equal("id", ids[0].to_string())
        .checked(&schema)
        .unwrap();
    assert_eq!(built, Filter::equal("id", ids[0]));
    for bad in ["id = 7", "id = north"] {
        assert!(Filter::parse(bad, &schema).is_err(), "{bad}");
    }
}
