//! The facade over the memory adapter: what a user of the library sees.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use futures::TryStreamExt;
use hyperslab_core::{
    Array, ArrayBuf, AttributeSchema, AttributeType, Collection, CoordinateValue, DType, Dimension,
    ErrorKind, MemoryAdapter, MemoryLimit, Schema, Store, StoreOptions, TimeStart, key, select,
};
use ndarray::{Array2, ArrayD, IxDyn};

fn schema() -> Schema {
    Schema::builder(DType::Float32)
        .dimension(Dimension::time_scale(
            "time",
            4,
            TimeStart::Attribute("dt".into()),
            "PT6H".parse().unwrap(),
        ))
        .dimension(Dimension::labels("layer", ["temperature", "pressure"]))
        .dimension(Dimension::scale("lat", 11, 0.0, 0.1, "degrees_north"))
        .attribute(AttributeSchema::key("dt", AttributeType::DateTime))
        .attribute(AttributeSchema::key("station", AttributeType::Text))
        .attribute(AttributeSchema::custom("height", AttributeType::Float))
        .build()
        .unwrap()
}

fn store() -> Store {
    Store::new(Arc::new(MemoryAdapter::new()), StoreOptions::default())
}

async fn weather() -> Collection {
    store()
        .create_collection("weather", schema())
        .await
        .unwrap()
}

/// Cells that tell their position: `time * 100 + layer * 20 + lat`.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn ramp() -> ArrayD<f32> {
    ArrayD::from_shape_fn(IxDyn(&[4, 2, 11]), |at| {
        (at[0] * 100 + at[1] * 20 + at[2]) as f32
    })
}

#[tokio::test]
async fn labels_select_what_they_name() {
    let weather = weather().await;
    let array = weather
        .create(key! { dt: "2023-01-03", station: "north" })
        .data(ArrayBuf::from_ndarray(&ramp().view()))
        .await
        .unwrap();

    let subset = array
        .sel("layer", "pressure")
        .unwrap()
        .sel("lat", 0.3..=0.5)
        .unwrap();
    let subset = subset.sel("time", "2023-01-03T12:00").unwrap();
    assert_eq!(subset.shape(), [3]);
    let cells: ArrayD<f32> = subset.read().await.unwrap();
    assert_eq!(cells.into_raw_vec_and_offset().0, [223.0, 224.0, 225.0]);

    let all = array.select(&select![-1, .., 0.7]).unwrap();
    assert_eq!(
        all.read::<f32>().await.unwrap().into_raw_vec_and_offset().0,
        [307.0, 327.0]
    );

    let error = array.sel("lat", 0.35).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(
        array
            .sel("height", 1.0)
            .unwrap_err()
            .message()
            .contains("time, layer, lat")
    );
    assert!(array.isel("lat", 3).unwrap().isel("lat", 0).is_err());
}

#[tokio::test]
async fn a_description_names_coordinates_before_any_read() {
    let weather = weather().await;
    let array = weather
        .create(key! { dt: "2023-01-03", station: "north" })
        .await
        .unwrap();
    let subset = array
        .isel("lat", 1..3)
        .unwrap()
        .sel("layer", "temperature")
        .unwrap();
    let description = subset.describe().unwrap();
    let lat = &description.dimensions[2];
    assert_eq!(
        (lat.name.as_str(), lat.unit.as_deref()),
        ("lat", Some("degrees_north"))
    );

    assert_eq!(
        lat.coordinates,
        [CoordinateValue::Number(0.1), CoordinateValue::Number(0.2)]
    );
    assert!(description.dimensions[1].dropped);
    let text = description.to_string();
    assert!(
        text.contains("2023-01-03T18:00:00Z") && text.contains("temperature"),
        "{text}"
    );
}

#[tokio::test]
async fn writes_are_checked_before_anything_changes() {
    let weather = weather().await;
    let array = weather
        .create(key! { dt: "2023-01-03", station: "north" })
        .await
        .unwrap();
    let plane = array.isel("time", 0).unwrap();
    assert_eq!(
        plane
            .write(&Array2::<f64>::zeros((2, 11)))
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(
        plane
            .write(&Array2::<f32>::zeros((11, 2)))
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(
        plane.fill(1_i32).await.unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert!(
        array
            .all()
            .read::<f32>()
            .await
            .unwrap()
            .iter()
            .all(|cell| cell.is_nan())
    );

    plane.write(&Array2::<f32>::ones((2, 11))).await.unwrap();
    array.isel("lat", 5..).unwrap().fill(7.0_f32).await.unwrap();
    plane
        .sel("layer", "pressure")
        .unwrap()
        .clear()
        .await
        .unwrap();
    let cells = array.all().read::<f32>().await.unwrap();
    assert_eq!(
        (cells[[0, 0, 0]], cells[[0, 0, 10]], cells[[3, 1, 5]]),
        (1.0, 7.0, 7.0)
    );
    assert!(cells[[0, 1, 10]].is_nan() && cells[[1, 0, 4]].is_nan());
}

#[tokio::test]
async fn arrays_are_found_sorted_counted_and_paged() {
    let weather = weather().await;
    for day in (1..=5).rev() {
        for station in ["b", "a"] {
            let key = key! { dt: format!("2023-01-{day:02}"), station: station };
            weather
                .create(key)
                .custom(key! { height: f64::from(day) })
                .await
                .unwrap();
        }
    }
    let names = async |query: hyperslab_core::Query| -> Vec<String> {
        query
            .entries()
            .await
            .unwrap()
            .iter()
            .map(|entry| entry.key.to_string())
            .collect()
    };
    let found = weather.find("dt >= 2023-01-04 and station in (a)").sorted();
    assert_eq!(
        names(found).await,
        [
            "dt=2023-01-04T00:00:00Z, station=a",
            "dt=2023-01-05T00:00:00Z, station=a"
        ]
    );
    let page = weather
        .find("")
        .sorted_by("station")
        .sorted_by("dt")
        .descending()
        .offset(4)
        .limit(2);
    assert_eq!(
        names(page).await,
        [
            "dt=2023-01-01T00:00:00Z, station=b",
            "dt=2023-01-05T00:00:00Z, station=a"
        ]
    );
    assert_eq!(weather.find("height > 3.5").count().await.unwrap(), 4);
    let one = weather
        .find("dt = 2023-01-02 and station = b")
        .first()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(one.custom().to_string(), "height=2");
    assert!(
        weather
            .find("dt = 2022-01-02 and station = b")
            .first()
            .await
            .unwrap()
            .is_none()
    );
    let streamed: Vec<_> = weather
        .find("station = a")
        .stream()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(streamed.len(), 5);
    for query in [
        weather.find("colour = red"),
        weather.find("").sorted_by("height"),
    ] {
        assert_eq!(
            query.entries().await.unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }
}

#[tokio::test]
async fn keys_are_unique_and_complete() {
    let weather = weather().await;
    let key = key! { dt: "2023-01-03", station: "north" };
    let array = weather.create(key.clone()).await.unwrap();
    assert_eq!(
        weather.create(key.clone()).await.unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    for bad in [
        key! { dt: "2023-01-03" },
        key! { dt: "tomorrow", station: "north" },
        key! { dt: "2023-01-03", station: 7 },
        key! { dt: "2023-01-03", station: "north", height: 1.0 },
    ] {
        assert_eq!(
            weather.create(bad).await.unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }
    assert_eq!(weather.get(key.clone()).await.unwrap().id(), array.id());
    assert_eq!(
        weather.get_by_id(array.id()).await.unwrap().name(),
        array.name()
    );
    assert_eq!(weather.only().await.unwrap().id(), array.id());
    array.delete().await.unwrap();
    assert_eq!(
        weather.get(key).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn attributes_change_one_by_one() {
    let weather = weather().await;
    let mut array = weather
        .create(key! { dt: "2023-01-03", station: "north" })
        .await
        .unwrap();
    array.update(key! { height: 12 }).await.unwrap();
    assert_eq!(array.custom().to_string(), "height=12");
    assert_eq!(
        array
            .update(key! { station: "south" })
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(
        array
            .update(key! { height: "tall" })
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::InvalidInput
    );
    let refused = async |array: &mut Array, custom, removed: &[&str]| {
        let error = array.change(custom, removed).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        array.refresh().await.unwrap();
        assert_eq!(array.custom().to_string(), "height=12");
        error.to_string()
    };
    let both = refused(&mut array, key! { height: 13 }, &["height"]).await;
    assert!(both.contains("choose one"), "{both}");
    let unknown = refused(&mut array, key! { height: 13 }, &["width"]).await;
    assert!(unknown.contains("there are: height"), "{unknown}");
    array.unset(&["height"]).await.unwrap();
    assert!(array.custom().is_empty());
}

#[tokio::test]
async fn a_read_above_the_memory_limit_is_refused_with_the_numbers() {
    let options = StoreOptions {
        memory_limit: MemoryLimit::new(100),
        ..StoreOptions::default()
    };
    let weather = store()
        .with_options(options)
        .create_collection("weather", schema())
        .await
        .unwrap();
    let array = weather
        .create(key! { dt: "2023-01-03", station: "north" })
        .await
        .unwrap();
    let error = array.all().read::<f32>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(
        error.message().contains("352 bytes") && error.message().contains("100 bytes"),
        "{error}"
    );
    array.isel("time", 0).unwrap().read::<f32>().await.unwrap();
}

#[tokio::test]
async fn coordinates_above_the_memory_limit_are_refused_too() {
    let schema = Schema::builder(DType::Int8)
        .dimension(Dimension::new("x", 1 << 20))
        .build()
        .unwrap();
    let options = StoreOptions {
        memory_limit: MemoryLimit::new(2 << 20),
        ..StoreOptions::default()
    };
    let store = store().with_options(options);
    let collection = store.create_collection("long", schema).await.unwrap();
    let array = collection.create(key! {}).await.unwrap();
    assert_eq!(
        array.all().describe().unwrap_err().kind(),
        ErrorKind::TooLarge
    );
    array.isel("x", 5..8).unwrap().describe().unwrap();
}

#[tokio::test]
async fn an_array_whose_start_is_not_set_is_read_by_position() {
    let schema = Schema::builder(DType::Int8)
        .dimension(Dimension::time_scale(
            "time",
            3,
            TimeStart::Attribute("begin".into()),
            "P1D".parse().unwrap(),
        ))
        .attribute(AttributeSchema::custom("begin", AttributeType::DateTime))
        .build()
        .unwrap();
    let collection = store().create_collection("c", schema).await.unwrap();
    let array = collection.create(key! {}).await.unwrap();
    assert!(array.sel("time", "2023-01-01").is_err());
    let subset = array.isel("time", 1..).unwrap();
    assert_eq!(
        subset.describe().unwrap().dimensions[0].coordinates,
        [CoordinateValue::Position(1), CoordinateValue::Position(2)]
    );
    subset.read::<i8>().await.unwrap();
}
