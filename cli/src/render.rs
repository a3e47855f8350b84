//! Pictures of what was read: in the terminal and as PNG.

mod canvas;
pub(crate) mod colors;
pub(crate) mod png;
pub(crate) mod resample;
pub(crate) mod scale;
pub(crate) mod terminal;
mod ticks;

use hyperslab::{Error, Result};

use crate::axis::Axis;
use crate::labelled::Labelled;

/// What can be drawn of a selection, after axes of one position were taken out.
#[derive(Debug)]
pub(crate) struct View {
    /// What the quantity is called.
    pub(crate) title: String,
    /// The unit of the numbers.
    pub(crate) unit: Option<String>,
    /// Name and coordinate of each axis that is held at one position.
    pub(crate) fixed: Vec<(String, String)>,
    /// The axes drawn, slowest first: none, one or two.
    pub(crate) axes: Vec<Axis>,
    /// The numbers over those axes in C order, NaN where missing.
    pub(crate) numbers: Vec<f64>,
}

impl View {
    /// The view of a selection of at most two axes of more than one position.
    pub(crate) fn of(labelled: &Labelled, numbers: &[f64]) -> Result<Self> {
        let long: Vec<_> = long_axes(labelled).collect();
        if long.len() <= 2 {
            return Ok(Self::first(labelled, numbers));
        }
        let names: Vec<_> = long.iter().map(|axis| axis.name.as_str()).collect();
        Err(Error::invalid(format!(
            "a picture has two axes, and {} of these have more than one position: {}; hold the others with --isel {}=0 or --sel",
            long.len(),
            names.join(", "),
            names[0]
        )))
    }

    /// The view of the first position of all but the last two axes.
    pub(crate) fn first(labelled: &Labelled, numbers: &[f64]) -> Self {
        let long: Vec<_> = long_axes(labelled).collect();
        let held = long.len().saturating_sub(2);
        let axes: Vec<Axis> = long[held..].iter().map(|axis| (*axis).clone()).collect();
        let fixed = labelled
            .held
            .iter()
            .chain(&labelled.axes)
            .filter(|axis| axes.iter().all(|drawn| drawn.name != axis.name))
            .map(|axis| (axis.name.clone(), describe_first(axis)))
            .collect();
        let count = axes.iter().map(Axis::len).product::<usize>();
        Self {
            title: labelled.title().to_owned(),
            unit: labelled.unit.clone(),
            fixed,
            axes,
            numbers: numbers.get(..count).unwrap_or_default().to_vec(),
        }
    }

    /// `TIME = 2000-01-16, member = 0`, or an empty text.
    pub(crate) fn fixed_text(&self) -> String {
        let parts: Vec<_> = self
            .fixed
            .iter()
            .map(|(name, text)| format!("{name} = {text}"))
            .collect();
        parts.join(", ")
    }

    /// The title with its unit.
    pub(crate) fn quantity(&self) -> String {
        match self.unit.as_deref().and_then(crate::human::unit) {
            Some(unit) => format!("{} ({unit})", self.title),
            None => self.title.clone(),
        }
    }
}

fn long_axes(labelled: &Labelled) -> impl Iterator<Item = &Axis> {
    labelled.axes.iter().filter(|axis| axis.len() != 1)
}

fn describe_first(axis: &Axis) -> String {
    match axis.len() {
        0 => "none".to_owned(),
        1 => axis.caption(0),
        count => format!("{} (first of {count})", axis.caption(0)),
    }
}
