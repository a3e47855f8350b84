//! The small arrays of the workloads with many: 16 x 16 cells and six attributes, two of them text.

use crate::request::{Outcome, Request};

/// One small array.
pub(crate) struct Small {
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) station: String,
    pub(crate) note: &'static str,
    pub(crate) height: f64,
    pub(crate) quality: usize,
    pub(crate) latitude: f64,
    pub(crate) cells: Vec<f32>,
}

/// Cells along each of the two axes.
pub(crate) const SIDE: u64 = 16;

/// As many as the request asks for.
pub(crate) fn all(request: &Request) -> Outcome<Vec<Small>> {
    Ok((0..request.number("count")?).map(one).collect())
}

fn one(number: usize) -> Small {
    let cells = 0..SIDE * SIDE;
    Small {
        number,
        name: format!("a{number:05}"),
        station: format!("station {number}"),
        note: "measured at the top of the tower",
        height: number as f64 / 2.0,
        quality: number % 4,
        latitude: 47.25,
        cells: cells
            .map(|cell| cell as f32 / 4.0 + number as f32)
            .collect(),
    }
}
