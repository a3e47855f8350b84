//! The text forms of a selection by coordinate, as the command line takes them.

use super::{LabelSelector, LabelValue, Matching};
use crate::{Error, Result, TimeStep};

impl LabelSelector {
    /// Reads a selection by coordinate.
    ///
    /// | text | means |
    /// | --- | --- |
    /// | `temperature`, `0.3`, `2023-01-03T06:00` | exactly this coordinate |
    /// | `@1672531200`, `@1672531200.5` | on times, so many seconds after 1970-01-01T00:00Z |
    /// | `+3h`, `+1d 30m`, `+PT3H` | on times, so long after the first coordinate of the axis |
    /// | `~0.3`, `~2023-01-03` | the nearest coordinate |
    /// | `0.3~0.05`, `2023-01-03~PT3H` | the nearest coordinate at most that far away |
    /// | `-10..10`, `2023-01..2023-03`, `+3h..+6h` | from one to the other, both in |
    /// | `10..`, `..10`, `..` | with an open end |
    /// | `0..90..3`, `....3` | every third position of the range |
    /// | `=a..b`, `=~x` | the label that stands after the `=`, whatever is in it |
    ///
    /// What the text of a value means, a label, a number or a time, is decided by the axis.
    ///
    /// # Errors
    /// `InvalidInput` that says what to write instead.
    pub fn parse(text: &str) -> Result<Self> {
        let exactly = |text: &str, matching| Self::At {
            value: LabelValue::from(text),
            matching,
        };
        if let Some(label) = text.strip_prefix('=') {
            return Ok(exactly(label, Matching::Exact));
        }
        if text.trim().is_empty() {
            return Err(Error::invalid(
                "a selection by coordinate is empty; write a value, low..high, or `=` for the empty label",
            ));
        }
        if let Some((low, rest)) = text.split_once("..") {
            return parse_range(text, low, rest);
        }
        match text.split_once('~') {
            None => Ok(exactly(text, Matching::Exact)),
            Some(("", value)) if !value.contains('~') => Ok(exactly(value, Matching::Nearest)),
            Some((value, tolerance)) => Ok(exactly(value, parse_tolerance(text, tolerance)?)),
        }
    }
}

fn parse_tolerance(text: &str, tolerance: &str) -> Result<Matching> {
    let tolerance = tolerance.trim();
    if let Ok(number) = tolerance.parse::<f64>() {
        return Ok(Matching::Tolerance(number));
    }
    tolerance
        .parse::<TimeStep>()
        .map(Matching::TimeTolerance)
        .map_err(|_| {
            Error::invalid(format!(
                "'{text}': '{tolerance}' is not a tolerance; write a number or a step of time like PT1H, \
                 or `={text}` for a label"
            ))
        })
}

fn parse_range(text: &str, low: &str, rest: &str) -> Result<LabelSelector> {
    let refuse = |why: &str| {
        Error::invalid(format!(
            "'{text}': {why}; write low..high or low..high..step, or `={text}` for a label"
        ))
    };
    if low.ends_with('.') || (rest.starts_with('.') && !rest.starts_with("..")) {
        return Err(refuse("three dots may be read in two ways"));
    }
    let (high, step) = match rest.split_once("..") {
        None => (rest, 1),
        Some((high, step)) => match step.trim().parse() {
            Ok(0) | Err(_) => return Err(refuse("the step must be a positive integer")),
            Ok(step) => (high, step),
        },
    };
    if low.contains('~') || high.contains('~') {
        return Err(refuse(
            "an end of a range takes what lies inside, not the nearest",
        ));
    }
    let end = |text: &str| (!text.trim().is_empty()).then(|| LabelValue::from(text));
    Ok(LabelSelector::range(end(low), end(high)).step(step))
}
