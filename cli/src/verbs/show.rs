//! `hyperslab show`: what a store, a collection or an array is.

use clap::Args;
use hyperslab::{Array, Collection, Coordinates, Dimension, Schema, Store};
use serde_json::{Value, json};

use crate::axis::Axis;
use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};
use crate::human;
use crate::select::{KeyArgs, axes_of};
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab show ./climate
  hyperslab show ./climate weather
  hyperslab show ./climate weather dt=2023-01-03
  hyperslab show ./climate weather --schema > weather.json
  hyperslab show ./climate weather --json > weather.json     for `hyperslab create --from`";

const KEY: &str = "\
The array: its key as `dt=2023-01-03 station=a`, or `id=UUID`; without it, the collection is shown";

/// Show what a store, a collection or an array is.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE, mut_arg("key", |key| key.help(KEY)))]
pub(crate) struct Show {
    /// The store: a path or a URL
    store: String,
    /// The collection
    collection: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    /// Print the schema as JSON, as `hyperslab create --schema` takes it
    #[arg(long, requires = "collection")]
    schema: bool,
}

impl Show {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let store = session.open(&self.store).await?;
        let Some(name) = &self.collection else {
            return show_store(&store, console).await;
        };
        let collection = store.collection(name).await?;
        if self.schema {
            console.line(format_args!("{}", collection.schema().to_json()))?;
        } else if self.key.key.is_empty() {
            show_collection(&collection, console).await?;
        } else {
            show_array(&self.key.open(&collection).await?, console)?;
        }
        Ok(Status::Done)
    }
}

async fn show_store(store: &Store, console: &mut Console) -> Outcome {
    let (info, collections) = (store.info(), store.collections().await?);
    let capabilities = store.capabilities();
    if console.wants_json() {
        console.json(&json!({
            "store": info, "capabilities": capabilities, "collections": collections,
        }))?;
        return Ok(Status::Done);
    }
    console.line(format_args!("store        {}", info.url))?;
    console.line(format_args!("id           {}", info.id))?;
    console.line(format_args!(
        "adapter      {}, layout version {}",
        info.adapter, info.format_version
    ))?;
    console.line(format_args!("collections  {}", list(&collections)))?;
    Ok(Status::Done)
}

async fn show_collection(collection: &Collection, console: &mut Console) -> Result<(), Failure> {
    let array_count = collection.find("").count().await?;
    if console.wants_json() {
        return console.json(&json!({
            "collection": collection.meta(), "array_count": array_count,
        }));
    }
    let schema = collection.schema();
    console.line(format_args!("collection  {}", collection.name()))?;
    console.line(format_args!("id          {}", collection.meta().id))?;
    show_cells(schema, console)?;
    for dimension in schema.dimensions() {
        let coordinates = coordinates_text(dimension);
        console.line(format_args!(
            "dimension   {} {}: {coordinates}",
            dimension.name, dimension.size
        ))?;
    }
    for (role, attributes) in [
        ("key", schema.key_attributes().collect::<Vec<_>>()),
        ("custom", schema.custom_attributes().collect()),
    ] {
        for attribute in attributes {
            console.line(format_args!(
                "{role:<11} {} ({})",
                attribute.name, attribute.kind
            ))?;
        }
    }
    for (name, value) in &collection.meta().storage {
        console.line(format_args!("storage     {name} = {value}"))?;
    }
    for (name, value) in schema.metadata() {
        console.line(format_args!("metadata    {name} = {value}"))?;
    }
    console.line(format_args!(
        "holds       {}",
        human::count(array_count as u64, "array")
    ))
}

fn show_array(array: &Array, console: &mut Console) -> Result<(), Failure> {
    if console.wants_json() {
        return console.json(&json!({ "array": array.to_json() }));
    }
    console.line(format_args!("array       {}", array.name()))?;
    console.line(format_args!("id          {}", array.id()))?;
    console.line(format_args!("collection  {}", array.collection().name()))?;
    show_cells(array.schema(), console)?;
    for axis in axes_of(&array.all())?.0 {
        console.line(format_args!(
            "dimension   {} {}: {}",
            axis.name,
            axis.len(),
            Axis::summary(&axis)
        ))?;
    }
    for (role, attributes) in [("key", array.key()), ("custom", array.custom())] {
        for (name, value) in attributes.iter() {
            console.line(format_args!("{role:<11} {name} = {value}"))?;
        }
    }
    Ok(())
}

fn show_cells(schema: &Schema, console: &mut Console) -> Result<(), Failure> {
    console.line(format_args!(
        "cells       {}, fill value {}",
        human::cells(schema.dtype(), &schema.shape()),
        schema.fill_value().to_json()
    ))?;
    match schema.tile_grid() {
        None => Ok(()),
        Some(grid) => console.line(format_args!(
            "tiles       {} of {}",
            human::shape(grid.counts()),
            human::shape(grid.chunk_shape())
        )),
    }
}

/// An array as JSON, the same from every verb.
pub(super) fn array_json(array: &Array) -> Value {
    let dimensions = array.schema().dimensions().iter();
    json!({
        "collection": array.collection().name(),
        "id": array.id(),
        "key": array.key().to_json(),
        "custom": array.custom().to_json(),
        "dtype": array.dtype(),
        "shape": array.shape(),
        "dims": dimensions.map(|dimension| &dimension.name).collect::<Vec<_>>(),
    })
}

fn coordinates_text(dimension: &Dimension) -> String {
    let unit = |unit: &Option<String>| {
        unit.as_ref()
            .map_or_else(String::new, |unit| format!(" {unit}"))
    };
    match &dimension.coordinates {
        None => "no coordinates".to_owned(),
        Some(Coordinates::Labels { labels }) => format!("labels {}", list(labels)),
        Some(Coordinates::Values {
            values,
            unit: known,
        }) => {
            let texts: Vec<_> = values
                .iter()
                .map(|&value| human::coordinate(value))
                .collect();
            format!("values {}{}", list(&texts), unit(known))
        }
        Some(Coordinates::Times { times }) => {
            let texts: Vec<_> = times.iter().map(|&time| human::time(time)).collect();
            format!("times {}", list(&texts))
        }
        Some(Coordinates::Scale {
            start,
            step,
            unit: known,
        }) => format!(
            "from {} in steps of {}{}",
            human::coordinate(*start),
            human::coordinate(*step),
            unit(known)
        ),
        Some(Coordinates::TimeScale { start, step }) => {
            format!("from {start} in steps of {step}")
        }
    }
}

/// `a, b, c`, or the ends of a long list.
fn list(items: &[String]) -> String {
    match items {
        [] => "none".to_owned(),
        [first, second, .., last] if items.len() > 6 => {
            format!("{first}, {second}, … {last}")
        }
        items => items.join(", "),
    }
}
