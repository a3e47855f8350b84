//! A selection along all axes at once.

use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use super::{AxisPick, AxisView, Index, LabelSelector};
use crate::{AxisSlab, Error, Result, TimeStep, Timestamp};

/// What is selected along one axis, or with [`Ellipsis`](Self::Ellipsis) along several. Made from integers it is a
/// position, made from floats, text and times a coordinate.
#[derive(Debug, Clone, PartialEq)]
pub enum Selector {
    /// By position.
    Index(Index),
    /// By coordinate.
    Label(LabelSelector),
    /// All of as many axes as the other selectors leave over, also none.
    Ellipsis,
    /// All of one axis.
    Full,
}

impl Selector {
    /// The positions selected of one axis, counted within the view. An ellipsis selects all.
    ///
    /// # Errors
    /// As [`Index::resolve`] and [`LabelSelector::resolve_in`].
    pub fn resolve_in(&self, axis: &AxisView<'_>) -> Result<AxisPick> {
        match self {
            Self::Index(index) => index.resolve(axis.name(), axis.count()),
            Self::Label(label) => label.resolve_in(axis),
            Self::Ellipsis | Self::Full => Ok(AxisPick::kept(AxisSlab::full(axis.count()))),
        }
    }
}

/// A selection along the axes of an array, slowest first. Axes not mentioned at the end are selected whole.
///
/// ```
/// use hyperslab_core::{AxisView, Dimension, Selection, select};
///
/// let axes = [
///     Dimension::new("time", 24),
///     Dimension::labels("layer", ["wind", "temperature"]),
///     Dimension::scale("lat", 90, -89.0, 2.0, "degrees_north"),
/// ];
/// let views: Vec<_> = axes.iter().map(|axis| AxisView::new(&axis.name, axis.size, axis.coordinates.as_ref())).collect();
/// let picks = select![-1, "temperature", 10.0..=20.0].resolve(&views)?;
/// let shape: Vec<u64> = picks.iter().filter(|pick| !pick.dropped).map(|pick| pick.slab.count).collect();
/// assert_eq!(shape, [5]);
/// assert_eq!(select![..., 0].resolve(&views)?[2].slab.count, 1);
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection(Vec<Selector>);

impl Selection {
    /// A selection of these.
    #[must_use]
    pub const fn new(selectors: Vec<Selector>) -> Self {
        Self(selectors)
    }

    /// The selectors as they were given.
    #[must_use]
    pub fn selectors(&self) -> &[Selector] {
        &self.0
    }

    /// The positions selected of each axis, counted within its view: one pick per axis, also for the dropped ones.
    ///
    /// # Errors
    /// `InvalidInput` when there are more selectors than axes or two ellipses, and as for each selector.
    pub fn resolve(&self, axes: &[AxisView<'_>]) -> Result<Vec<AxisPick>> {
        self.spread(axes)?
            .into_iter()
            .zip(axes)
            .map(|(selector, axis)| selector.resolve_in(axis))
            .collect()
    }

    /// One selector per axis.
    pub(crate) fn spread(&self, axes: &[AxisView<'_>]) -> Result<Vec<&Selector>> {
        let place = self.0.iter().position(|one| *one == Selector::Ellipsis);
        let last = self.0.iter().rposition(|one| *one == Selector::Ellipsis);
        if place != last {
            return Err(Error::invalid(
                "`...` is given twice; which axes each stands for is not clear, so give one",
            ));
        }
        let (before, after) = match place {
            Some(place) => (&self.0[..place], &self.0[place + 1..]),
            None => (self.0.as_slice(), &[][..]),
        };
        let Some(left) = axes.len().checked_sub(before.len() + after.len()) else {
            let names: Vec<_> = axes.iter().map(AxisView::name).collect();
            return Err(Error::invalid(format!(
                "{} selectors for {} dimensions ({}); give at most one per dimension",
                before.len() + after.len(),
                axes.len(),
                names.join(", ")
            )));
        };
        let whole = std::iter::repeat_n(&Selector::Full, left);
        Ok(before.iter().chain(whole).chain(after).collect())
    }
}

impl<S: Into<Selector>> FromIterator<S> for Selection {
    fn from_iter<I: IntoIterator<Item = S>>(selectors: I) -> Self {
        Self(selectors.into_iter().map(Into::into).collect())
    }
}

/// Makes a [`Selection`]: `select![0, .., "temperature", 10.0..=20.0]`. Integers are positions, floats, text and times
/// are coordinates, `..` is a whole axis and `...` as many whole axes as are left over.
#[macro_export]
macro_rules! select {
    (@made [$($made:expr,)*]) => {
        $crate::Selection::new(::std::vec![$($made),*])
    };
    (@made [$($made:expr,)*] ... $(, $($rest:tt)*)?) => {
        $crate::select!(@made [$($made,)* $crate::Selector::Ellipsis,] $($($rest)*)?)
    };
    (@made [$($made:expr,)*] $next:expr $(, $($rest:tt)*)?) => {
        $crate::select!(@made [$($made,)* $crate::Selector::from($next),] $($($rest)*)?)
    };
    ($($all:tt)*) => {
        $crate::select!(@made [] $($all)*)
    };
}

impl From<Index> for Selector {
    fn from(index: Index) -> Self {
        Self::Index(index)
    }
}

impl From<LabelSelector> for Selector {
    fn from(label: LabelSelector) -> Self {
        Self::Label(label)
    }
}

impl From<RangeFull> for Selector {
    fn from(_: RangeFull) -> Self {
        Self::Full
    }
}

impl From<std::iter::StepBy<Range<usize>>> for Selector {
    fn from(range: std::iter::StepBy<Range<usize>>) -> Self {
        Self::Index(range.into())
    }
}

macro_rules! from_each {
    ($variant:ident: $($said:ty),* $(,)?) => {
        $(
            impl From<$said> for Selector {
                fn from(said: $said) -> Self {
                    Self::$variant(said.into())
                }
            }
        )*
    };
}

macro_rules! positions {
    ($($integer:ty),*) => {
        $(from_each! {
            Index: $integer, Range<$integer>, RangeFrom<$integer>, RangeTo<$integer>,
            RangeInclusive<$integer>, RangeToInclusive<$integer>,
        })*
    };
}

macro_rules! coordinates {
    ($($value:ty),*) => {
        $(from_each! {
            Label: $value, RangeInclusive<$value>, RangeFrom<$value>, RangeToInclusive<$value>,
        })*
    };
}

positions!(i32, i64, u32, u64, usize);
coordinates!(f64, &str, String, Timestamp, TimeStep);
