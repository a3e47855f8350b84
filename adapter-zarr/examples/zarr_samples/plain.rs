//! Every dtype, shape, layout and codec, without coordinates.

use hyperslab_core::{
    ArrayBuf, Attributes, DType, Dimension, Result, Scalar, Schema, StorageOptions,
};
use serde_json::{Value, json};

use crate::Samples;

pub(crate) async fn add(samples: &mut Samples) -> Result<()> {
    for dtype in DType::ALL {
        for codec in ["zstd", "blosc", "gzip", "none"] {
            for layout in layouts(codec) {
                add_one(samples, dtype, &[5, 7, 4], &layout).await?;
            }
        }
        for shape in [vec![], vec![0], vec![11], vec![3, 0, 2], vec![1, 1]] {
            add_one(samples, dtype, &shape, &json!({})).await?;
        }
        add_one(
            samples,
            dtype,
            &[11],
            &json!({"chunks": [3], "shards": [6]}),
        )
        .await?;
    }
    Ok(())
}

fn layouts(codec: &str) -> Vec<Value> {
    let mut layouts = Vec::new();
    for (checksum, order) in [(true, None), (false, None), (true, Some([2, 0, 1]))] {
        for shards in [json!("none"), json!([4, 6, 3])] {
            let mut layout = json!({
                "chunks": [2, 3, 3], "shards": shards, "codec": codec, "checksum": checksum,
            });
            if let (Some(order), Some(options)) = (order, layout.as_object_mut()) {
                options.insert("transpose".to_owned(), json!(order));
            }
            layouts.push(layout);
        }
    }
    layouts
}

async fn add_one(samples: &mut Samples, dtype: DType, shape: &[u64], layout: &Value) -> Result<()> {
    let mut builder = Schema::builder(dtype);
    for (name, size) in ["z", "y", "x"].iter().zip(shape) {
        builder = builder.dimension(Dimension::new(*name, *size));
    }
    // With and without a fill value of one's own.
    if samples.count.is_multiple_of(2)
        && let Some(value) = fill(dtype)
    {
        builder = builder.fill_value(value);
    }
    let schema = builder.build()?;
    let cells = cells(&schema)?;
    let name = format!("{dtype}-{}", samples.count);
    let storage: StorageOptions = layout.as_object().cloned().unwrap_or_default();
    let arrays = vec![(Attributes::new(), Attributes::new(), Some(cells))];
    samples.add(&name, schema, storage, arrays).await
}

fn fill(dtype: DType) -> Option<Scalar> {
    match dtype {
        DType::Bool => Some(true.into()),
        DType::Float32 => Some(f32::NAN.into()),
        DType::Float16 | DType::Float64 => Scalar::from_f64(dtype, -9.5),
        dtype if dtype.is_complex() => Scalar::from_json(dtype, &json!([-1.5, "NaN"])).ok(),
        dtype => Scalar::from_int(dtype, 77),
    }
}

/// Cells of any bits, with a corner of fill, so that whole chunks of it are not stored.
fn cells(schema: &Schema) -> Result<ArrayBuf> {
    let shape = schema.shape();
    let mut cells = ArrayBuf::filled(schema.fill_value(), &shape)?;
    let (size, count) = (schema.dtype().size(), cells.cell_count());
    let mut random = fastrand::Rng::with_seed(count as u64);
    for (number, cell) in cells.bytes_mut().chunks_exact_mut(size).enumerate() {
        if number < count / 3 {
            continue;
        }
        for byte in cell.iter_mut() {
            *byte = match schema.dtype() {
                DType::Bool => u8::from(random.bool()),
                _ => random.u8(..),
            };
        }
    }
    Ok(cells)
}
