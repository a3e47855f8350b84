use super::*;
use hyperslab_core::{AttributeSchema, AttributeValue, Attributes, StorageOptions, Timestamp};
use num_complex::Complex64;
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
        let collection = collection(schema.clone());
        let content = content(&collection, &array, "v", VariableStorage::Whole).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("array.nc");
        let bytes = crate::file::ImageWriter::new(&content, None)
            .unwrap()
            .finish()
            .unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let open = || {
            let opened = crate::file::ArrayFile::begin_open(&path, "v").unwrap();
            opened.finish().unwrap()
        };
        let own = open();
        assert_eq!(array_meta(&schema, own.header()).unwrap(), array);
        // And so it is when another program has written the file.
        std::fs::write(&path, &bytes[..bytes.len() - 32]).unwrap();
        let foreign = open();
        assert!(!foreign.is_stamped());
        assert_eq!(array_meta(&schema, foreign.header()).unwrap(), array);
    }
}
