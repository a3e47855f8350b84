//! Stores by URL: which adapter a new one gets, and that one that is there knows its own.
#![cfg(all(feature = "hdf5", feature = "zarr"))]

use hyperslab::prelude::*;
use hyperslab::{ADAPTERS, ErrorKind, StoreOptions};
use tempfile::TempDir;

fn asking_for(adapter: &str) -> StoreOptions {
    StoreOptions {
        adapter: Some(adapter.to_owned()),
        ..StoreOptions::default()
    }
}

#[tokio::test]
async fn a_new_store_gets_the_adapter_asked_for_and_an_old_one_knows_it() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let url = |name: &str| format!("file://{}", path(name));
    for (name, at, adapter, expected) in [
        ("a", path("a"), None, "hdf5"),
        ("b", path("b"), Some("zarr"), "zarr"),
        ("c", url("c"), None, "hdf5"),
        ("d", format!("{}?adapter=zarr", url("d")), None, "zarr"),
        (
            "e",
            format!("{}?adapter=zarr", url("e")),
            Some("zarr"),
            "zarr",
        ),
    ] {
        let options = adapter.map(asking_for).unwrap_or_default();
        let made = Store::create_with(&at, options).await.unwrap().info();
        assert_eq!(made.adapter, expected, "{at}");
        for at in [path(name), url(name)] {
            assert_eq!(Store::open(&at).await.unwrap().info().id, made.id);
            let other = ["hdf5", "zarr"]
                .into_iter()
                .find(|&other| other != expected);
            let refused = Store::open_with(&at, asking_for(other.unwrap())).await;
            let refused = refused.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Unsupported);
            assert!(refused.message().contains(expected), "{refused}");
            for adapter in ["hdf5", "zarr"] {
                let again = Store::create_with(&at, asking_for(adapter))
                    .await
                    .unwrap_err();
                assert_eq!(again.kind(), ErrorKind::AlreadyExists, "{again}");
            }
        }
    }
}

#[tokio::test]
async fn memory_has_its_own_adapter_unless_zarr_is_asked_for() {
    let memory = Store::create("memory://").await.unwrap();
    assert_eq!(memory.info().adapter, "memory");
    let zarr = Store::open("memory://?adapter=zarr").await.unwrap();
    assert_eq!(zarr.info().adapter, "zarr");
    assert!(zarr.collections().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("s").display().to_string();
    for (at, adapter, kind) in [
        (path.as_str(), "tape", ErrorKind::InvalidInput),
        (path.as_str(), "memory", ErrorKind::Unsupported),
        ("memory://", "hdf5", ErrorKind::Unsupported),
        ("memory://?adapter=zarr", "memory", ErrorKind::InvalidInput),
    ] {
        let refused = Store::create_with(at, asking_for(adapter))
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), kind, "{at} {adapter}: {refused}");
    }
    assert!(!folder.path().join("s").exists());
    let nothing = Store::open_with(&path, asking_for("zarr"))
        .await
        .unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::NotFound, "{nothing}");
    std::fs::create_dir(folder.path().join("tape")).unwrap();
    std::fs::write(
        folder.path().join("tape/hyperslab.json"),
        r#"{"adapter": "tape"}"#,
    )
    .unwrap();
    let tape = folder.path().join("tape").display().to_string();
    let unknown = Store::open(&tape).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Unsupported);
    assert!(unknown.message().contains("'tape'"), "{unknown}");
    assert_eq!(ADAPTERS, ["hdf5", "zarr", "deker", "memory"]);
}

#[tokio::test]
async fn a_cloud_that_is_not_built_in_names_its_feature() {
    for (url, feature, built) in [
        ("s3://b/p?region=x", "aws", cfg!(feature = "aws")),
        ("gs://b/p", "gcp", cfg!(feature = "gcp")),
        ("az://b/p", "azure", cfg!(feature = "azure")),
    ] {
        if !built {
            for refused in [Store::open(url).await, Store::create(url).await] {
                let refused = refused.unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::Unsupported);
                assert!(
                    refused.message().contains(&format!("'{feature}'")),
                    "{refused}"
                );
            }
        }
        let refused = Store::open_with(url, asking_for("hdf5")).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
        assert!(refused.message().contains("a bucket"), "{refused}");
    }
}

#[tokio::test]
async fn every_adapter_explains_how_it_would_store() {
    let folder = TempDir::new().unwrap();
    let schema = Schema::builder(DType::Float32)
        .dimension(Dimension::new("t", 365))
        .dimension(Dimension::new("y", 721))
        .dimension(Dimension::new("x", 1440))
        .build()
        .unwrap();
    for adapter in ["hdf5", "zarr", "memory"] {
        let store = match adapter {
            "memory" => Store::create("memory://").await.unwrap(),
            disk => {
                let path = folder.path().join(disk).display().to_string();
                Store::create_with(&path, asking_for(disk)).await.unwrap()
            }
        };
        let asked = store.explain_collection("big", schema.clone(), serde_json::Map::new());
        let asked = asked.await.unwrap();
        assert!(store.collections().await.unwrap().is_empty());
        let made = store
            .create_collection("big", schema.clone())
            .await
            .unwrap();
        assert_eq!(made.explain().await.unwrap(), asked);
        assert!(!asked.reasons.is_empty());
        let unit = asked.write_unit().unwrap();
        assert_eq!(unit.len(), 3);
        match adapter {
            "hdf5" => assert_eq!(asked.objects_per_array, 1),
            "zarr" => {
                let objects: u64 = [365, 721, 1440]
                    .iter()
                    .zip(unit)
                    .map(|(size, unit): (&u64, _)| size.div_ceil(*unit))
                    .product();
                assert_eq!(asked.objects_per_array, objects);
                assert!(asked.shard_shape.is_some() && asked.object_bytes >= 16 << 20);
            }
            _ => assert_eq!((asked.objects_per_array, unit), (0, &[365, 721, 1440][..])),
        }
        let options = serde_json::Map::from_iter([("speed".to_owned(), "high".into())]);
        let refused = store
            .explain_collection("other", schema.clone(), options)
            .await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn what_another_program_wrote_is_a_store_unless_an_adapter_is_asked_for() {
    let sample = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/data/coads_climatology.nc"
    );
    for at in [sample.to_owned(), format!("file://{sample}")] {
        let file = Store::open(&at).await.unwrap();
        assert_eq!(file.info().adapter, "foreign");
        assert_eq!(file.collections().await.unwrap(), ["AIRT", "SLP", "SST"]);
        let sst = file.collection("SST").await.unwrap().only().await.unwrap();
        assert_eq!(sst.shape(), [12, 90, 180]);
        for adapter in ["hdf5", "zarr"] {
            let refused = Store::open_with(&at, asking_for(adapter)).await;
            assert_eq!(
                refused.unwrap_err().kind(),
                ErrorKind::NotFound,
                "{adapter}"
            );
            let refused = Store::create_with(&at, asking_for(adapter)).await;
            let kind = refused.unwrap_err().kind();
            assert_eq!(kind, ErrorKind::AlreadyExists, "{adapter}");
        }
        let unknown = Store::open_with(&at, asking_for("foreign")).await;
        assert_eq!(unknown.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
