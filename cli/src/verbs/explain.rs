//! How arrays lie, for a person or as JSON.

use hyperslab::StorageExplanation;
use serde_json::json;

use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;

/// Prints what was chosen, and why.
pub(super) fn print(explained: &StorageExplanation, console: &mut Console) -> Outcome {
    if console.wants_json() {
        console.json(&json!({ "storage": explained }))?;
        return Ok(Status::Done);
    }
    console.line(format_args!(
        "chunk    {} ({})",
        human::shape(&explained.chunk_shape),
        human::bytes(explained.chunk_bytes)
    ))?;
    if let Some(tile) = &explained.tile_shape {
        console.line(format_args!("tile     {}", human::shape(tile)))?;
    }
    if let Some(shard) = &explained.shard_shape {
        console.line(format_args!(
            "shard    {} ({})",
            human::shape(shard),
            human::bytes(explained.object_bytes)
        ))?;
    }
    if explained.objects_per_array > 0 {
        console.line(format_args!(
            "objects  {} for the cells of an array, of at most {} before compression",
            human::grouped(explained.objects_per_array),
            human::bytes(explained.object_bytes)
        ))?;
    }
    let codecs = match explained.codecs.as_slice() {
        [] => "none".to_owned(),
        codecs => codecs.join(", "),
    };
    console.line(format_args!("codecs   {codecs}"))?;
    for reason in &explained.reasons {
        console.line(format_args!("  {reason}"))?;
    }
    Ok(Status::Done)
}
