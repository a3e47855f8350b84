//! One axis of what was read: its name and where each position lies.

use hyperslab::Timestamp;
use serde_json::{Value, json};

use crate::human;

/// The coordinates of the selected positions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Positions {
    /// No coordinates: the index of each position in the array.
    Indices(Vec<u64>),
    /// A number for each position.
    Numbers(Vec<f64>),
    /// An instant for each position.
    Times(Vec<Timestamp>),
    /// A label for each position.
    Labels(Vec<String>),
}

/// One axis of a selection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    /// The name of the dimension.
    pub(crate) name: String,
    /// What a person calls it, if the schema says so.
    pub(crate) long_name: Option<String>,
    /// The unit of the numbers.
    pub(crate) unit: Option<String>,
    /// Whether larger values lie lower, as with depth and pressure.
    pub(crate) downwards: bool,
    /// Where each position lies.
    pub(crate) positions: Positions,
}

impl Axis {
    /// How many positions there are.
    pub(crate) fn len(&self) -> usize {
        match &self.positions {
            Positions::Indices(indices) => indices.len(),
            Positions::Numbers(numbers) => numbers.len(),
            Positions::Times(times) => times.len(),
            Positions::Labels(labels) => labels.len(),
        }
    }

    /// The coordinate of one position for a person, without its unit.
    pub(crate) fn text(&self, index: usize) -> String {
        match &self.positions {
            Positions::Indices(indices) => indices[index].to_string(),
            Positions::Numbers(numbers) => human::coordinate(numbers[index]),
            Positions::Times(times) => human::time(times[index]),
            Positions::Labels(labels) => labels[index].clone(),
        }
    }

    /// The coordinate of one position to its last digit, for files.
    pub(crate) fn exact(&self, index: usize) -> String {
        match &self.positions {
            Positions::Numbers(numbers) => numbers[index].to_string(),
            Positions::Times(times) => times[index].to_string(),
            _ => self.text(index),
        }
    }

    /// The coordinates as JSON.
    pub(crate) fn to_json(&self) -> Value {
        match &self.positions {
            Positions::Indices(indices) => json!(indices),
            Positions::Numbers(numbers) => json!(numbers),
            Positions::Times(times) => json!(times),
            Positions::Labels(labels) => json!(labels),
        }
    }

    /// The coordinate of one position with its unit, for a caption: `850 hPa`, `10°S`.
    pub(crate) fn caption(&self, index: usize) -> String {
        let (Some(compass), Positions::Numbers(numbers)) = (self.compass(), &self.positions) else {
            let unit = self.unit.as_deref().and_then(human::unit);
            let unit = unit.map_or_else(String::new, |unit| format!(" {unit}"));
            return format!("{}{unit}", self.text(index));
        };
        let number = numbers[index];
        let side = match compass {
            _ if number == 0.0 => "",
            Compass::Latitude if number < 0.0 => "S",
            Compass::Latitude => "N",
            Compass::Longitude if number < 0.0 => "W",
            Compass::Longitude => "E",
        };
        format!("{}°{side}", human::coordinate(number.abs()))
    }

    /// `21 … 379 degrees_east`: the whole axis on one line.
    pub(crate) fn summary(&self) -> String {
        let unit = self
            .unit
            .as_deref()
            .filter(|unit| human::unit(unit).is_some());
        let unit = unit.map_or_else(String::new, |unit| format!(" {unit}"));
        match self.len() {
            0 => "nothing selected".to_owned(),
            1 => format!("{}{unit}", self.text(0)),
            2..=4 => {
                let all: Vec<_> = (0..self.len()).map(|index| self.text(index)).collect();
                format!("{}{unit}", all.join(", "))
            }
            count => format!("{} … {}{unit}", self.text(0), self.text(count - 1)),
        }
    }

    /// Whether positions are degrees of latitude or longitude, and which.
    pub(crate) fn compass(&self) -> Option<Compass> {
        let unit = self.unit.as_deref()?.to_lowercase();
        match unit.as_str() {
            "degrees_north" | "degree_north" | "degrees_n" | "degree_n" => Some(Compass::Latitude),
            "degrees_east" | "degree_east" | "degrees_e" | "degree_e" => Some(Compass::Longitude),
            _ => None,
        }
    }

    /// What to write along the axis: the long name or the name, and the unit.
    pub(crate) fn title(&self) -> String {
        let name = self.long_name.as_deref().unwrap_or(&self.name);
        match self.unit.as_deref().and_then(human::unit) {
            Some(unit) if self.compass().is_none() => format!("{name} ({unit})"),
            _ => name.to_owned(),
        }
    }
}

/// An axis over the globe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compass {
    /// Degrees north.
    Latitude,
    /// Degrees east.
    Longitude,
}
