//! One dimension of a schema.

use serde::{Deserialize, Serialize};

use super::Metadata;
use crate::name::check_named;
use crate::{Coordinates, Result, TimeStart, TimeStep};

/// A dimension: its name, its size and, if it has any, its coordinates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// The name, unique in the schema.
    pub name: String,
    /// The number of positions; zero is allowed.
    pub size: u64,
    /// What the positions mean. Without coordinates they are counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinates: Option<Coordinates>,
    /// Facts about the coordinates, for people and for CF: `long_name`, `standard_name`, `positive`.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
}

impl Dimension {
    /// A dimension whose positions are only counted.
    #[must_use]
    pub fn new(name: impl Into<String>, size: u64) -> Self {
        Self {
            name: name.into(),
            size,
            coordinates: None,
            metadata: Metadata::new(),
        }
    }

    /// A dimension with coordinates.
    #[must_use]
    pub fn with_coordinates(name: impl Into<String>, size: u64, coordinates: Coordinates) -> Self {
        Self {
            coordinates: Some(coordinates),
            ..Self::new(name, size)
        }
    }

    /// A dimension with a label for each position.
    #[must_use]
    pub fn labels<L: Into<String>>(
        name: impl Into<String>,
        labels: impl IntoIterator<Item = L>,
    ) -> Self {
        let labels: Vec<String> = labels.into_iter().map(Into::into).collect();
        Self::with_coordinates(name, labels.len() as u64, Coordinates::Labels { labels })
    }

    /// A dimension with a number for each position. An empty unit is none.
    #[must_use]
    pub fn values(name: impl Into<String>, values: impl Into<Vec<f64>>, unit: &str) -> Self {
        let values: Vec<f64> = values.into();
        Self::with_coordinates(
            name,
            values.len() as u64,
            Coordinates::Values {
                values,
                unit: some(unit),
            },
        )
    }

    /// A dimension whose position `i` is at `start + i * step`. An empty unit is none.
    #[must_use]
    pub fn scale(name: impl Into<String>, size: u64, start: f64, step: f64, unit: &str) -> Self {
        Self::with_coordinates(
            name,
            size,
            Coordinates::Scale {
                start,
                step,
                unit: some(unit),
            },
        )
    }

    /// A dimension whose position `i` is at the instant `start + i * step`.
    #[must_use]
    pub fn time_scale(
        name: impl Into<String>,
        size: u64,
        start: TimeStart,
        step: TimeStep,
    ) -> Self {
        Self::with_coordinates(name, size, Coordinates::TimeScale { start, step })
    }

    pub(super) fn check(&self) -> Result<()> {
        check_named("dimension", &self.name)?;
        super::json::check_metadata(
            &self.metadata,
            &format!("dimension '{}': metadata", self.name),
            // The calendar in which numbers with a unit like `days since 2000-01-01` count.
            &["calendar"],
        )?;
        match &self.coordinates {
            Some(coordinates) => coordinates
                .check(self.size)
                .map_err(|error| error.context(format!("dimension '{}'", self.name))),
            None => Ok(()),
        }
    }
}

fn some(unit: &str) -> Option<String> {
    (!unit.is_empty()).then(|| unit.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Schema};

    #[test]
    fn only_a_dimension_may_say_its_calendar() {
        let mut time = Dimension::values("time", [0.0, 59.0], "days since 2000-01-01");
        let calendar = Metadata::from_iter([("calendar".to_owned(), "noleap".into())]);
        time.metadata.clone_from(&calendar);
        let schema = Schema::builder(DType::Float32).dimension(time);
        let json = schema.clone().build().unwrap().to_json();
        assert_eq!(
            Schema::from_json(&json).unwrap(),
            schema.clone().build().unwrap()
        );
        assert!(schema.metadata(calendar).build().is_err());
    }
}
