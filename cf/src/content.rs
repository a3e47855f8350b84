//! What a self-describing format holds beside cells: attributes, and axes with their coordinates.

use hyperslab_core::{ArrayBuf, Element, Result};

/// The value of an attribute in a self-describing format.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeContent {
    /// One UTF-8 text.
    Text(String),
    /// A list of UTF-8 texts.
    Texts(Vec<String>),
    /// Numbers of any type: shape `[]` for one number, `[n]` for a list.
    Numbers(ArrayBuf),
}

/// An attribute and its name.
pub type NamedAttribute = (String, AttributeContent);

impl AttributeContent {
    /// One text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// One number.
    ///
    /// # Errors
    /// As [`ArrayBuf::from_slice`].
    pub fn number<T: Element>(value: T) -> Result<Self> {
        ArrayBuf::from_slice(&[], &[value]).map(Self::Numbers)
    }

    /// A list of numbers.
    ///
    /// # Errors
    /// As [`ArrayBuf::from_slice`].
    pub fn numbers<T: Element>(values: &[T]) -> Result<Self> {
        ArrayBuf::from_slice(&[values.len() as u64], values).map(Self::Numbers)
    }

    /// The text, if it is one; a list of one text counts.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Texts(texts) => match texts.as_slice() {
                [text] => Some(text),
                _ => None,
            },
            Self::Numbers(_) => None,
        }
    }
}

/// The coordinates along one axis.
#[derive(Debug, Clone, PartialEq)]
pub enum CoordinateCells {
    /// One number per position; shape `[size]`.
    Numbers(ArrayBuf),
    /// One text per position.
    Texts(Vec<String>),
}

impl CoordinateCells {
    /// Numbers, one per position.
    ///
    /// # Errors
    /// As [`ArrayBuf::from_slice`].
    pub fn numbers<T: Element>(values: &[T]) -> Result<Self> {
        ArrayBuf::from_slice(&[values.len() as u64], values).map(Self::Numbers)
    }

    /// The number of positions.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(cells) => cells.cell_count(),
            Self::Texts(texts) => texts.len(),
        }
    }

    /// Whether there is no position.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A coordinate variable.
#[derive(Debug, Clone, PartialEq)]
pub struct CoordinateContent {
    /// The coordinates, one per position.
    pub values: CoordinateCells,
    /// Attributes of the coordinate variable: units, calendar, long name.
    pub attributes: Vec<NamedAttribute>,
}

/// A dimension that variables share.
#[derive(Debug, Clone, PartialEq)]
pub struct AxisContent {
    /// The name of the dimension and of its coordinate variable.
    pub name: String,
    /// The number of positions.
    pub size: u64,
    /// The coordinates, if there are any.
    pub coordinate: Option<CoordinateContent>,
}
