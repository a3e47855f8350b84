//! A subset: a lazy piece of an array.

mod describe;
mod windows;

use std::fmt;

use ndarray::{ArrayD, ArrayRef, Dimension};
use tracing::Instrument;

pub use describe::{Description, DimensionDescription};
pub use windows::SubsetWindows;

use crate::array::check_cells;
use crate::{
    Array, ArrayBuf, AxisPick, AxisSlab, AxisView, Durability, Element, Error, Hyperslab, Index,
    LabelSelector, ReadPlan, Result, Scalar, Selection, Selector, WriteData, narrow,
};

/// A rectangular piece of an array. Nothing is read or written before it is asked for.
///
/// Narrowing again counts within the subset, as in NumPy. A dimension narrowed to one position by an integer or by one
/// coordinate is dropped from the shape; narrowed to a range it stays, also with one position or none.
#[derive(Clone)]
pub struct Subset {
    array: Array,
    picks: Vec<AxisPick>,
}

impl Subset {
    pub(crate) fn all(array: Array) -> Self {
        let full = |size| AxisPick {
            slab: AxisSlab::full(size),
            dropped: false,
        };
        let picks = array.shape().into_iter().map(full).collect();
        Self { array, picks }
    }

    /// The array it is a piece of.
    #[must_use]
    pub fn array(&self) -> &Array {
        &self.array
    }

    /// Per axis of the array, what is selected and whether the axis is dropped.
    #[must_use]
    pub fn picks(&self) -> &[AxisPick] {
        &self.picks
    }

    /// The length along each dimension that is not dropped.
    #[must_use]
    pub fn shape(&self) -> Vec<u64> {
        self.picks
            .iter()
            .filter(|pick| !pick.dropped)
            .map(|pick| pick.slab.count)
            .collect()
    }

    /// The hyperslab of the array that this is.
    ///
    /// # Errors
    /// Never for a subset made by selection.
    pub fn hyperslab(&self) -> Result<Hyperslab> {
        Hyperslab::new(
            self.picks.iter().map(|pick| pick.slab).collect(),
            &self.array.shape(),
        )
    }

    /// Narrows one dimension by coordinate.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such dimension or coordinate, or the dimension is dropped.
    pub fn sel(self, dimension: &str, label: impl Into<LabelSelector>) -> Result<Self> {
        let axis = self.axis(dimension)?;
        self.narrow(axis, &Selector::Label(label.into()))
    }

    /// Narrows one dimension by position.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such dimension or position, or the dimension is dropped.
    pub fn isel(self, dimension: &str, index: impl Into<Index>) -> Result<Self> {
        let axis = self.axis(dimension)?;
        self.narrow(axis, &Selector::Index(index.into()))
    }

    /// Narrows all dimensions that are left, in order: integers are positions; floats, text and times are coordinates.
    ///
    /// # Errors
    /// `InvalidInput` when the selection does not fit the dimensions.
    pub fn select(self, selection: &Selection) -> Result<Self> {
        let left: Vec<usize> = (0..self.picks.len())
            .filter(|&axis| !self.picks[axis].dropped)
            .collect();
        let axes: Vec<_> = left
            .iter()
            .map(|&axis| self.dimension(axis))
            .map(|dimension| AxisView::new(&dimension.name, dimension.size, None))
            .collect();
        let selectors = selection.spread(&axes)?;
        left.into_iter()
            .zip(selectors)
            .try_fold(self.clone(), |subset, (axis, selector)| {
                subset.narrow(axis, selector)
            })
    }

    fn narrow(mut self, axis: usize, selector: &Selector) -> Result<Self> {
        let coordinates = match selector {
            Selector::Label(_) => self.array.coordinates(axis)?,
            _ => None,
        };
        let dimension = self.dimension(axis);
        let outer = self.picks[axis].slab;
        let view =
            AxisView::new(&dimension.name, dimension.size, coordinates.as_ref()).with_slab(outer);
        self.picks[axis] = narrow(&outer, &selector.resolve_in(&view)?);
        Ok(self)
    }

    fn dimension(&self, axis: usize) -> &crate::Dimension {
        &self.array.schema().dimensions()[axis]
    }

    fn axis(&self, dimension: &str) -> Result<usize> {
        let axis = self.array.schema().axis(dimension)?;
        if self.picks[axis].dropped {
            return Err(Error::invalid(format!(
                "dimension '{dimension}' is narrowed to one position already"
            )));
        }
        Ok(axis)
    }

    /// What this is: its dimensions with their coordinates. Reads no cell. A time scale that starts at an attribute which is
    /// not set has positions for coordinates.
    ///
    /// # Errors
    /// `TooLarge` when the list of coordinates is larger than the memory limit.
    pub fn describe(&self) -> Result<Description> {
        Description::of(self)
    }

    /// What reading this will touch. Reads no cell.
    ///
    /// # Errors
    /// When the array cannot be opened any more.
    pub async fn plan(&self) -> Result<ReadPlan> {
        self.array.handle().await?.plan(&self.hyperslab()?).await
    }

    /// Reads the cells, C order.
    ///
    /// # Errors
    /// `InvalidInput` when `T` is not the element type, `TooLarge` above the memory limit, `NotFound`, `Corrupt`.
    pub async fn read<T: Element>(&self) -> Result<ArrayD<T>> {
        if T::DTYPE != self.array.dtype() {
            return Err(Error::invalid(format!(
                "the cells are {}, not {}; read them as that type",
                self.array.dtype(),
                T::DTYPE
            )));
        }
        self.read_buf().await?.into_ndarray()
    }

    /// Reads the cells into a new buffer.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn read_buf(&self) -> Result<ArrayBuf> {
        let shape = self.shape();
        self.array
            .collection()
            .store()
            .options()
            .memory_limit
            .admit(self.array.dtype(), &shape)?;
        self.read_into(ArrayBuf::zeroed(self.array.dtype(), &shape)?)
            .await
    }

    /// Reads the cells into a buffer that is there already, and gives it back.
    ///
    /// # Errors
    /// `InvalidInput` when dtype or shape differ; `NotFound`, `Corrupt`.
    pub async fn read_into(&self, out: ArrayBuf) -> Result<ArrayBuf> {
        self.check_cells(&out)?;
        let slab = self.hyperslab()?;
        let span =
            tracing::debug_span!("read", array = %self.array.name(), cells = slab.cell_count());
        let read = async {
            let handle = self.array.handle().await?;
            handle.read_into(&slab, out.reshaped(&slab.shape())?).await
        };
        read.instrument(span).await?.reshaped(&self.shape())
    }

    /// Writes an `ndarray` array of the same shape. All cells become visible at once.
    ///
    /// # Errors
    /// `InvalidInput` when dtype or shape differ; `Locked`, `NotFound`, `Unavailable`.
    pub async fn write<T: Element, D: Dimension>(&self, cells: &ArrayRef<T, D>) -> Result<()> {
        self.write_buf(ArrayBuf::from_ndarray(&cells.view())).await
    }

    /// Writes a buffer of the same shape. All cells become visible at once.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_buf(&self, cells: ArrayBuf) -> Result<()> {
        self.check_cells(&cells)?;
        let slab = self.hyperslab()?;
        let cells = cells.reshaped(&slab.shape())?;
        self.store(&slab, WriteData::Cells(cells)).await
    }

    /// Checks that a buffer can be written here: that it has the element type and the shape. Writing checks it too; this is for
    /// those who change something else first.
    ///
    /// # Errors
    /// `InvalidInput` when dtype or shape differ.
    pub fn check_cells(&self, cells: &ArrayBuf) -> Result<()> {
        check_cells(self.array.schema(), &self.shape(), cells)
    }

    /// Sets every cell to one value.
    ///
    /// # Errors
    /// `InvalidInput` when the dtype differs; `Locked`, `NotFound`, `Unavailable`.
    pub async fn fill(&self, value: impl Into<Scalar>) -> Result<()> {
        let value = value.into();
        if value.dtype() != self.array.dtype() {
            return Err(Error::invalid(format!(
                "the value is {}, the collection holds {}; convert it first",
                value.dtype(),
                self.array.dtype()
            )));
        }
        self.store(&self.hyperslab()?, WriteData::Scalar(value))
            .await
    }

    /// Sets every cell back to the fill value.
    ///
    /// # Errors
    /// `Locked`, `NotFound`, `Unavailable`.
    pub async fn clear(&self) -> Result<()> {
        self.fill(self.array.schema().fill_value()).await
    }

    async fn store(&self, slab: &Hyperslab, data: WriteData) -> Result<()> {
        let shared = self.array.collection().store().shared();
        let options = &shared.options.write;
        let span =
            tracing::debug_span!("write", array = %self.array.name(), cells = slab.cell_count());
        let write = async {
            let handle = self.array.handle().await?;
            let _under_way = match options.durability {
                Durability::Buffered => Some(shared.buffer(|| self.array.name(), handle).await?),
                _ => None,
            };
            handle.write(slab, data, options).await
        };
        write.instrument(span).await
    }
}

impl fmt::Debug for Subset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subset")
            .field("array", &self.array)
            .field("picks", &self.picks)
            .finish()
    }
}
