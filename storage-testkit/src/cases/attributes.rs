//! Custom attributes: every type, set, changed, removed.

use std::sync::Arc;

use hyperslab_core::{
    ArrayHandle, ArrayLocator, ArrayMeta, AttributeSchema, AttributeType, AttributeValue,
    Attributes, DType, Schema, Timestamp,
};
use num_complex::Complex64;
use uuid::Uuid;

use crate::Fixture;
use crate::setup::{
    OPTIONS, create_array, create_collection, key, keyed, meta, read_all, write_all,
};

fn tuple(parts: Vec<AttributeValue>) -> AttributeValue {
    AttributeValue::Tuple(parts)
}

/// Values that a format may find hard to keep, by type.
pub(crate) fn values() -> Vec<AttributeValue> {
    let time = |text: &str| AttributeValue::DateTime(text.parse::<Timestamp>().unwrap());
    let mut values: Vec<AttributeValue> = vec![true.into(), false.into()];
    values.extend([0, 1, -1, i64::MIN, i64::MAX].map(AttributeValue::from));
    values.push(AttributeValue::List(vec![
        1.into(),
        "a;(b)".into(),
        0.5.into(),
        Complex64::new(1.0, -2.5).into(),
        AttributeValue::List(vec![false.into()]),
    ]));
    let floats = [
        0.0,
        -0.0,
        0.1,
        1e-300,
        5e-324,
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::MIN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    values.extend(floats.map(AttributeValue::from));
    values.extend(
        [
            (0.0, 0.0),
            (1.5, -2.5),
            (f64::NAN, f64::INFINITY),
            (-0.0, 1e-300),
        ]
        .map(|(re, im)| Complex64::new(re, im).into()),
    );
    values.extend(texts().into_iter().map(AttributeValue::from));
    values.extend([
        time("1970-01-01"),
        time("2023-01-03T12:30:00.123456789Z"),
        time("1582-10-14T23:59:59.999999999Z"),
        time("-009999-01-03"),
        time("9999-12-30T22:00:00.999999999Z"),
        Uuid::nil().into(),
        Uuid::max().into(),
        Uuid::new_v4().into(),
        tuple(vec![1.into()]),
        tuple(vec![1.into(), "a, b".into(), 0.5.into(), true.into()]),
        tuple(vec![
            tuple(vec!["]".into(), tuple(vec![(-1).into()])]),
            time("2023-01-03"),
        ]),
        tuple(vec![Complex64::new(1.0, 2.0).into(), Uuid::nil().into()]),
    ]);
    values
}

/// Text that a file name, a path or a list of values may find hard to keep.
pub(crate) fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "a",
        "A",
        "../../x",
        "..",
        ".",
        "/",
        "//",
        "/etc/passwd",
        "a/b",
        "a%2Fb",
        "a%252Fb",
        "%",
        "%%",
        "%2",
        "%2f",
        "a\\b",
        "C:\\x",
        "a:b",
        "a*b?",
        "\"quoted\"",
        "'",
        "<>|",
        "a\nb",
        "\n",
        "\r\n",
        "\t",
        "\u{7f}",
        "\u{1b}[31m",
        "CON",
        "con",
        "nul.txt",
        "trailing.",
        "trailing ",
        " leading",
        "a=b",
        "a,b",
        "=",
        ",",
        "a=1,b=2",
        ".hidden",
        "-",
        "--help",
        "~",
        "$HOME",
        "`id`",
        "a.nc",
        ".lock",
        "collection",
        "id=00000000-0000-0000-0000-000000000000",
        "é",
        "e\u{301}",
        "übung",
        "天気",
        "🌦️",
        "\u{202e}abc",
        "\u{feff}",
        "\u{fffd}",
        "ß",
        "SS",
        "ﬁ",
        "null",
        "true",
        "1",
        "1.0",
        "NaN",
    ]
    .map(str::to_owned)
    .to_vec();
    // As long as text may be; some differ only at the end, or only in the middle.
    texts.extend(["a", "b", "/", "%", "ü"].map(|last| format!("{}{last}", "x".repeat(4000))));
    texts.push("y".repeat(4096));
    texts.push(format!("{}b{}", "y".repeat(2000), "y".repeat(2095)));
    texts.push("/".repeat(4096));
    texts.push("天".repeat(1365));
    texts.extend([200, 240, 250, 255, 256].map(|length| "n".repeat(length)));
    texts
}

fn assert_value(handle_meta: &ArrayMeta, name: &str, expected: &AttributeValue) {
    let read = handle_meta.custom.get(name).unwrap();
    // By text, since NaN does not equal itself, and minus zero equals zero.
    assert_eq!(format!("{read:?}"), format!("{expected:?}"));
}

/// Every value of every type comes back, set at creation or later.
pub async fn of_every_type_come_back(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let values = values();
    let name = |number| format!("attribute_{number}");
    let schema = values
        .iter()
        .enumerate()
        .fold(Schema::builder(DType::Int8), |builder, (number, value)| {
            builder.attribute(AttributeSchema::custom(name(number), value.kind()))
        })
        .build()
        .unwrap();
    let collection = create_collection(&*store, "all", schema).await;
    let custom = Attributes::from_iter(
        values
            .iter()
            .enumerate()
            .map(|(number, value)| (name(number), value.clone())),
    );
    let custom = collection.schema.check_custom(&custom).unwrap();
    let at_creation = ArrayMeta {
        custom: custom.clone(),
        ..meta(Attributes::new())
    };
    let later = meta(Attributes::new());
    create_array(&*store, &collection, &at_creation).await;
    let handle = create_array(&*store, &collection, &later).await;
    handle
        .update_attributes(&custom, &[], &OPTIONS)
        .await
        .unwrap();
    let other = fixture.open().await;
    for id in [at_creation.id, later.id] {
        let locator = ArrayLocator::Id(id);
        let handle = other.open_array(&collection, &locator).await.unwrap();
        let read = handle.meta().await.unwrap();
        assert_eq!(read.id, id);
        assert_eq!(read.custom.len(), values.len());
        for (number, value) in values.iter().enumerate() {
            assert_value(&read, &name(number), value);
        }
        let order: Vec<_> = read.custom.iter().map(|(name, _)| name).collect();
        let schema_order = collection.schema.attributes().iter();
        assert_eq!(
            order,
            schema_order.map(|known| &known.name).collect::<Vec<_>>()
        );
    }
}

/// Set, changed and removed attributes; what is not named stays; so do the cells.
pub async fn are_set_changed_and_removed(fixture: &dyn Fixture) {
    let (store, other) = (fixture.open().await, fixture.open().await);
    let collection = create_collection(&*store, "weather", keyed(DType::Int32, &[2])).await;
    let array = meta(key(1));
    let handle = create_array(&*store, &collection, &array).await;
    let locator = ArrayLocator::Id(array.id);
    let reader = other.open_array(&collection, &locator).await.unwrap();
    let cells = hyperslab_core::ArrayBuf::from_slice(&[2], &[7, 8]).unwrap();
    write_all(&*handle, &collection, &cells).await.unwrap();
    let text = |note: &str| (String::from("note"), AttributeValue::from(note));
    let level = |level: i64| (String::from("level"), AttributeValue::from(level));
    let no: Vec<String> = Vec::new();
    let steps: [(Vec<_>, Vec<String>, Vec<_>); 7] = [
        (vec![level(1)], no.clone(), vec![level(1)]),
        (vec![text("x")], no.clone(), vec![text("x"), level(1)]),
        (vec![level(2)], vec!["note".into()], vec![level(2)]),
        (vec![], vec!["note".into()], vec![level(2)]),
        (vec![text("")], no.clone(), vec![text(""), level(2)]),
        (vec![], no.clone(), vec![text(""), level(2)]),
        (vec![], vec!["level".into(), "note".into()], vec![]),
    ];
    for (changed, removed, expected) in steps {
        let changed = Attributes::from_iter(changed);
        let expected = ArrayMeta {
            custom: Attributes::from_iter(expected),
            ..array.clone()
        };
        let updated = handle.update_attributes(&changed, &removed, &OPTIONS);
        assert_eq!(updated.await.unwrap(), expected);
        assert_eq!(reader.meta().await.unwrap(), expected);
        assert_eq!(read_all(&*reader, &collection).await.unwrap(), cells);
    }
}

/// Two who change different attributes of one array, and a third its cells, do not undo each other.
pub async fn are_not_lost_among_writers(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let collection = create_collection(&*store, "weather", keyed(DType::Int64, &[3])).await;
    let array = meta(key(1));
    create_array(&*store, &collection, &array).await;
    let locator = ArrayLocator::Id(array.id);
    let mut tasks = Vec::new();
    for name in ["a", "b", "level"] {
        let handle = open(fixture, &collection, &locator).await;
        tasks.push(tokio::spawn(async move {
            for n in 0..25_i64 {
                let changed = Attributes::from_iter([(name, n)]);
                let updated = handle.update_attributes(&changed, &[], &OPTIONS).await;
                assert_eq!(updated.unwrap().custom.get(name), Some(&n.into()));
            }
        }));
    }
    for cell in 0..3 {
        let handle = open(fixture, &collection, &locator).await;
        tasks.push(tokio::spawn(async move {
            let axis = hyperslab_core::AxisSlab::at(cell);
            let slab = hyperslab_core::Hyperslab::new(vec![axis], &[3]).unwrap();
            for n in 0..25_i64 {
                let data = hyperslab_core::WriteData::Scalar(n.into());
                handle.write(&slab, data, &OPTIONS).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let handle = open(fixture, &collection, &locator).await;
    let custom = handle.meta().await.unwrap().custom;
    let last = [("level", 24), ("a", 24), ("b", 24)];
    assert_eq!(custom, Attributes::from_iter(last));
    let cells = read_all(&*handle, &collection).await.unwrap();
    assert_eq!(cells.as_slice::<i64>().unwrap(), [24, 24, 24]);
}

async fn open(
    fixture: &dyn Fixture,
    collection: &Arc<hyperslab_core::CollectionMeta>,
    locator: &ArrayLocator,
) -> Arc<dyn ArrayHandle> {
    let store = fixture.open().await;
    store.open_array(collection, locator).await.unwrap()
}

/// One key attribute of each type, for the cases about keys.
pub(crate) fn key_types() -> Vec<AttributeType> {
    let mut types: Vec<AttributeType> = Vec::new();
    for value in values() {
        if !types.contains(&value.kind()) {
            types.push(value.kind());
        }
    }
    types
}
