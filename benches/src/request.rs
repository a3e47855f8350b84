//! Requests: JSON objects, read field by field.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use hyperslab::{DType, ErrorKind};
use serde_json::Value;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It is not offered: the cell of the table stays empty.
    Unsupported(String),
    /// It went wrong: the run fails.
    Error(String),
}

/// What most functions here give.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// Anything that went wrong.
    pub(crate) fn new(what: impl Display) -> Self {
        Self::Error(what.to_string())
    }
}

impl From<hyperslab::Error> for Failure {
    fn from(error: hyperslab::Error) -> Self {
        match error.kind() {
            ErrorKind::Unsupported => Self::Unsupported(error.to_string()),
            _ => Self::Error(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error)
    }
}

/// One request.
#[derive(Debug)]
pub(crate) struct Request(Value);

impl Request {
    /// Reads one line.
    pub(crate) fn parse(line: &str) -> Outcome<Self> {
        serde_json::from_str(line).map(Self).map_err(Failure::new)
    }

    /// A field, null if it is not there.
    pub(crate) fn get(&self, field: &str) -> &Value {
        self.0.get(field).unwrap_or(&Value::Null)
    }

    /// A text.
    pub(crate) fn text(&self, field: &str) -> Outcome<&str> {
        self.get(field).as_str().ok_or_else(|| missing(field))
    }

    /// A whole number.
    pub(crate) fn number(&self, field: &str) -> Outcome<usize> {
        let number = self.get(field).as_u64().ok_or_else(|| missing(field))?;
        usize::try_from(number).map_err(Failure::new)
    }

    /// A request inside of this one.
    pub(crate) fn inner(&self, field: &str) -> Self {
        Self(self.get(field).clone())
    }

    /// Whether a flag is set.
    pub(crate) fn flag(&self, field: &str) -> bool {
        self.get(field).as_bool().unwrap_or(false)
    }

    /// Where it is to happen.
    pub(crate) fn path(&self) -> Outcome<&Path> {
        self.text("path").map(Path::new)
    }

    /// The `.npy` file that everything is made of.
    pub(crate) fn source(&self) -> Outcome<PathBuf> {
        self.text("source").map(PathBuf::from)
    }

    /// The type of the cells.
    pub(crate) fn dtype(&self) -> Outcome<DType> {
        self.text("dtype")?.parse().map_err(Failure::from)
    }

    /// Lengths along the axes.
    pub(crate) fn shape(&self) -> Outcome<Vec<u64>> {
        lengths(self.get("shape")).ok_or_else(|| missing("shape"))
    }

    /// First positions of boxes.
    pub(crate) fn starts(&self, field: &str) -> Outcome<Vec<Vec<u64>>> {
        let starts = self.get(field).as_array().ok_or_else(|| missing(field))?;
        let starts: Option<Vec<_>> = starts.iter().map(lengths).collect();
        starts.ok_or_else(|| missing(field))
    }
}

/// A list of whole numbers.
pub(crate) fn lengths(value: &Value) -> Option<Vec<u64>> {
    value.as_array()?.iter().map(Value::as_u64).collect()
}

fn missing(field: &str) -> Failure {
    Failure::Error(format!("the request has no usable field '{field}'"))
}
