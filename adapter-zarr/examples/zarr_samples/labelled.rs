//! Collections with coordinates, keys and attributes of every kind. The tests know what is in them.

use hyperslab_core::{
    ArrayBuf, AttributeSchema, AttributeType, AttributeValue, Attributes, Coordinates, DType,
    Dimension, Error, Result, Scalar, Schema, StorageOptions, TimeStart, TimeStep, Timestamp,
};
use serde_json::{Value, json};

use crate::Samples;

const HOUR: i128 = 3_600_000_000_000;

pub(crate) async fn add(samples: &mut Samples) -> Result<()> {
    stations(samples).await?;
    hourly(samples).await?;
    odd_times(samples).await
}

fn time(text: &str) -> Result<Timestamp> {
    text.parse()
}

/// Every kind of coordinate and of attribute.
async fn stations(samples: &mut Samples) -> Result<()> {
    let times = [
        "2020-02-28T12:00:00Z",
        "2020-02-29T12:00:00Z",
        "1969-12-31T00:00:00Z",
    ];
    let times = times.into_iter().map(time).collect::<Result<_>>()?;
    let mut latitude = Dimension::scale("lat", 3, 10.0, -0.1, "degrees_north");
    let name = ("standard_name".to_owned(), json!("latitude"));
    latitude.metadata.extend([name]);
    let pair = AttributeType::Tuple(vec![AttributeType::Int, AttributeType::Text]);
    let schema = Schema::builder(DType::Float32)
        .fill_value(f32::NAN)
        .attribute(AttributeSchema::key("run", AttributeType::DateTime))
        .attribute(AttributeSchema::key("place", AttributeType::Text))
        .attribute(AttributeSchema::key("member", AttributeType::Int))
        .attribute(AttributeSchema::custom("long_name", AttributeType::Text))
        .attribute(AttributeSchema::custom("units", AttributeType::Text))
        .attribute(AttributeSchema::custom("height", AttributeType::Float))
        .attribute(AttributeSchema::custom("missing", AttributeType::Float))
        .attribute(AttributeSchema::custom("count", AttributeType::Int))
        .attribute(AttributeSchema::custom("valid", AttributeType::Bool))
        .attribute(AttributeSchema::custom("phase", AttributeType::Complex))
        .attribute(AttributeSchema::custom("seen", AttributeType::DateTime))
        .attribute(AttributeSchema::custom("sensor", AttributeType::Uuid))
        .attribute(AttributeSchema::custom("pair", pair))
        .dimension(Dimension::labels("station", ["north", "süd", "", "東"]))
        .dimension(Dimension::with_coordinates(
            "time",
            3,
            Coordinates::Times { times },
        ))
        .dimension(Dimension::values(
            "level",
            vec![1000.0, 850.5, 1e-300],
            "hPa",
        ))
        .dimension(latitude)
        .dimension(Dimension::new("bare", 2))
        .metadata(
            [
                ("title".to_owned(), json!("Stations")),
                ("version".to_owned(), json!(3)),
            ]
            .into_iter()
            .collect(),
        )
        .build()?;
    let mut custom = Attributes::from_iter([("long_name", "temperature of air"), ("units", "K")]);
    let values = [
        ("height", AttributeType::Float, json!(2.5)),
        ("missing", AttributeType::Float, json!("NaN")),
        ("count", AttributeType::Int, json!(-7)),
        ("valid", AttributeType::Bool, json!(true)),
        ("phase", AttributeType::Complex, json!([1.0, -2.0])),
        (
            "seen",
            AttributeType::DateTime,
            json!("2020-02-29T00:00:00.5Z"),
        ),
        (
            "sensor",
            AttributeType::Uuid,
            json!("9f2c1f0e-3a52-4d0c-9d61-0f4f5f7c7a11"),
        ),
        (
            "pair",
            AttributeType::Tuple(vec![AttributeType::Int, AttributeType::Text]),
            json!([4, "four"]),
        ),
    ];
    for (name, kind, value) in values {
        custom.insert(name, AttributeValue::from_json(&kind, &value)?);
    }
    let mut arrays = Vec::new();
    for (place, member) in [("Zürich/Nord", 1), ("a=b,c", -2)] {
        let mut key = Attributes::new();
        key.insert("run", time("2023-01-03T00:00:00Z")?);
        key.insert("place", place);
        key.insert("member", i64::from(member));
        arrays.push((key, custom.clone(), Some(counted(&schema)?)));
    }
    let storage = options(&json!({"chunks": [2, 3, 2, 2, 1]}));
    samples.add("stations", schema, storage, arrays).await
}

/// Times that start at an attribute.
async fn hourly(samples: &mut Samples) -> Result<()> {
    let schema = Schema::builder(DType::Int16)
        .fill_value(Scalar::Int16(-9))
        .attribute(AttributeSchema::key("dt", AttributeType::DateTime))
        .dimension(Dimension::time_scale(
            "time",
            6,
            TimeStart::Attribute("dt".to_owned()),
            TimeStep::from_nanoseconds(HOUR)?,
        ))
        .dimension(Dimension::scale("x", 5, 0.0, 0.25, ""))
        .build()?;
    let mut arrays = Vec::new();
    for day in ["2023-01-01T00:00:00Z", "2023-01-02T06:30:00Z"] {
        let mut key = Attributes::new();
        key.insert("dt", time(day)?);
        arrays.push((key, Attributes::new(), Some(counted(&schema)?)));
    }
    // All fill: no chunk is stored.
    let mut key = Attributes::new();
    key.insert("dt", time("2023-01-03T00:00:00Z")?);
    arrays.push((key, Attributes::new(), None));
    let storage = options(&json!({"variable": "rain", "chunks": [4, 2], "shards": [4, 4]}));
    samples.add("hourly", schema, storage, arrays).await
}

/// Times to the nanosecond, before the year 1900, and no labels at all.
async fn odd_times(samples: &mut Samples) -> Result<()> {
    let times = ["1815-06-18T11:35:00Z", "1815-06-18T11:35:00.000000001Z"];
    let times = times.into_iter().map(time).collect::<Result<_>>()?;
    let schema = Schema::builder(DType::Float64)
        .dimension(Dimension::with_coordinates(
            "time",
            2,
            Coordinates::Times { times },
        ))
        .dimension(Dimension::labels("none", Vec::<String>::new()))
        .build()?;
    let arrays = vec![(Attributes::new(), Attributes::new(), None)];
    samples
        .add("odd times", schema, StorageOptions::new(), arrays)
        .await
}

/// 0, 1, 2 ... with every seventh cell missing.
fn counted(schema: &Schema) -> Result<ArrayBuf> {
    let (dtype, fill) = (schema.dtype(), schema.fill_value().to_bytes());
    let mut cells = ArrayBuf::zeroed(dtype, &schema.shape())?;
    let size = dtype.size();
    for (number, cell) in (0_i32..).zip(cells.bytes_mut().chunks_exact_mut(size)) {
        let value = match dtype {
            DType::Float32 => Scalar::from_f64(dtype, f64::from(number)),
            _ => Scalar::from_int(dtype, i64::from(number)),
        };
        let value = value.ok_or_else(|| Error::internal("a sample has too many cells"))?;
        let bytes = if number % 7 == 6 {
            fill.clone()
        } else {
            value.to_bytes()
        };
        cell.copy_from_slice(&bytes);
    }
    Ok(cells)
}

fn options(options: &Value) -> StorageOptions {
    options.as_object().cloned().unwrap_or_default()
}
