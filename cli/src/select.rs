//! From the words of the command line to an array, and to a piece of it in memory.

use clap::Args;
use hyperslab::{
    Array, AttributeValue, Attributes, Collection, CoordinateValue, DimensionDescription, Error,
    Index, LabelSelector, Metadata, Result, Role, Schema, Subset,
};
use uuid::Uuid;

use crate::args::Pair;
use crate::axis::{Axis, Positions};
use crate::labelled::Labelled;

/// Which array.
#[derive(Debug, Clone, Args)]
pub(crate) struct KeyArgs {
    /// The array: its key as `dt=2023-01-03 station=a`, or `id=UUID`; may be left out when there is only one
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) key: Vec<Pair>,
}

/// Which part of an array.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SelectArgs {
    /// By position: `TIME=0`, `TIME=-1`, `lat=10:20`, `lat=::2` (stop excluded); repeatable
    #[arg(long, value_name = "DIM=INDEX", help_heading = "Selection")]
    pub(crate) isel: Vec<Pair>,
    /// By coordinate: `lat=-10..10` (both ends in), `lat=~3.3` (nearest), `lat=3.3~0.5` (nearest within), `layer=wind`; a
    /// time as `time=2023-01-03T06:00`, `time=@1672531200` (seconds since 1970) or `time=+3h..+6h` (after the first);
    /// repeatable
    #[arg(long, value_name = "DIM=VALUE", help_heading = "Selection")]
    pub(crate) sel: Vec<Pair>,
}

impl KeyArgs {
    /// Opens the array that is meant.
    pub(crate) async fn open(&self, collection: &Collection) -> Result<Array> {
        if let Some(id) = self.id()? {
            return collection.get_by_id(id).await;
        }
        match self.key.as_slice() {
            [] => collection.only().await,
            pairs => {
                let key = attributes(collection.schema(), pairs, Role::Key)?;
                collection.get(key).await
            }
        }
    }
}

impl KeyArgs {
    /// The identity that is given in place of a key.
    pub(crate) fn id(&self) -> Result<Option<Uuid>> {
        let [only] = self.key.as_slice() else {
            return Ok(None);
        };
        if only.name != "id" {
            return Ok(None);
        }
        let id = only.value.parse().map_err(|source| {
            Error::invalid(format!("'{}' is not a UUID", only.value)).with_source(source)
        });
        id.map(Some)
    }
}

/// Reads attributes of one role with the types that the schema gives them.
pub(crate) fn attributes(schema: &Schema, pairs: &[Pair], role: Role) -> Result<Attributes> {
    let mut attributes = Attributes::new();
    for Pair { name, value } in pairs {
        let known = schema.attribute(name).filter(|known| known.role == role);
        // The check of the whole reports a name that is not known, with those that are.
        let value = match known {
            Some(known) => AttributeValue::parse(&known.kind, value)
                .map_err(|error| error.context(format!("attribute '{name}'")))?,
            None => AttributeValue::from(value.as_str()),
        };
        if attributes.get(name).is_some() {
            return Err(Error::invalid(format!("attribute '{name}' is given twice")));
        }
        attributes.insert(name.as_str(), value);
    }
    Ok(attributes)
}

impl SelectArgs {
    /// Whether anything is selected.
    pub(crate) fn is_empty(&self) -> bool {
        self.isel.is_empty() && self.sel.is_empty()
    }

    /// The piece of the array that is meant.
    pub(crate) fn apply(&self, array: &Array) -> Result<Subset> {
        let mut names: Vec<&str> = Vec::new();
        for pair in self.isel.iter().chain(&self.sel) {
            if names.contains(&pair.name.as_str()) {
                return Err(Error::invalid(format!(
                    "dimension '{}' is selected twice; give one --isel or --sel for it",
                    pair.name
                )));
            }
            names.push(&pair.name);
        }
        let mut subset = array.all();
        for Pair { name, value } in &self.isel {
            let index: Index = value.parse().map_err(|error: Error| error.context(name))?;
            subset = subset.isel(name, index)?;
        }
        for Pair { name, value } in &self.sel {
            let label = LabelSelector::parse(value).map_err(|error| error.context(name))?;
            subset = subset.sel(name, label)?;
        }
        Ok(subset)
    }
}

/// Reads a subset with all that belongs to it.
pub(crate) async fn load(subset: &Subset) -> Result<Labelled> {
    let (axes, held) = axes_of(subset)?;
    let cells = subset.read_buf().await?;
    let array = subset.array();
    let schema = array.schema();
    Ok(Labelled {
        name: quantity_name(array),
        long_name: fact(array, &["long_name", "standard_name"]),
        unit: fact(array, &["units", "unit"]),
        axes,
        held,
        cells,
        fill_value: schema.declared_fill_value(),
    })
}

/// The name of the variable where that is the key, as with what was imported; else of the collection.
fn quantity_name(array: &Array) -> String {
    match array.key().get("variable") {
        Some(AttributeValue::Text(name)) if array.key().len() == 1 => name.clone(),
        _ => array.collection().name().to_owned(),
    }
}

/// What is said of the quantity by the array, or else by the collection.
fn fact(array: &Array, names: &[&str]) -> Option<String> {
    let own = names
        .iter()
        .find_map(|name| match array.custom().get(name) {
            Some(AttributeValue::Text(text)) => Some(text.trim().to_owned()),
            _ => None,
        });
    own.filter(|text| !text.is_empty())
        .or_else(|| text(array.schema().metadata(), names))
}

/// The axes of a subset: those that stay, and those narrowed to one coordinate.
pub(crate) fn axes_of(subset: &Subset) -> Result<(Vec<Axis>, Vec<Axis>)> {
    let description = subset.describe()?;
    let dimensions = subset.array().schema().dimensions();
    let (mut axes, mut held) = (Vec::new(), Vec::new());
    for (described, dimension) in description.dimensions.iter().zip(dimensions) {
        let axis = axis(described, &dimension.metadata);
        if described.dropped {
            held.push(axis);
        } else {
            axes.push(axis);
        }
    }
    Ok((axes, held))
}

fn axis(described: &DimensionDescription, metadata: &Metadata) -> Axis {
    Axis {
        name: described.name.clone(),
        long_name: text(metadata, &["long_name", "standard_name"]),
        unit: described.unit.clone(),
        downwards: text(metadata, &["positive"]).as_deref() == Some("down"),
        positions: positions(&described.coordinates),
    }
}

fn positions(values: &[CoordinateValue]) -> Positions {
    macro_rules! all {
        ($variant:ident) => {
            values.iter().map(|value| match value {
                CoordinateValue::$variant(value) => Some(value.clone()),
                _ => None,
            })
        };
    }
    if let Some(numbers) = all!(Number).collect() {
        return Positions::Numbers(numbers);
    }
    if let Some(times) = all!(Time).collect() {
        return Positions::Times(times);
    }
    if let Some(indices) = all!(Position).collect() {
        return Positions::Indices(indices);
    }
    Positions::Labels(values.iter().map(ToString::to_string).collect())
}

fn text(metadata: &Metadata, names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| metadata.get(*name)?.as_str())
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}
