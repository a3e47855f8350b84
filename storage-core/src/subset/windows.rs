//! A subset in parts that fit in memory.

use super::Subset;
use crate::chunk::Windows;
use crate::{AxisPick, Error, Hyperslab, Result, narrow};

/// The parts of a subset, in C order. Made by [`Subset::windows`].
#[derive(Debug, Clone)]
pub struct SubsetWindows {
    subset: Subset,
    windows: Windows,
    next: u64,
}

impl Subset {
    /// Subsets of at most `budget` bytes that together are this one, cut along the borders of chunks: an array larger than memory
    /// is read or written in these.
    ///
    /// ```
    /// use hyperslab_core::{DType, Dimension, MemoryAdapter, Schema, Store, StoreOptions, key};
    /// # async fn example() -> hyperslab_core::Result<()> {
    /// # let store = Store::new(std::sync::Arc::new(MemoryAdapter::new()), StoreOptions::default());
    /// # let schema = Schema::builder(DType::Float32).dimension(Dimension::new("x", 1000)).build()?;
    /// # let array = store.create_collection("series", schema).await?.create(key! {}).await?;
    /// let mut sum = 0.0;
    /// for window in array.all().windows(1 << 20).await? {
    ///     sum += window.read::<f32>().await?.sum();
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidInput` when one cell takes more than the budget.
    pub async fn windows(&self, budget: u64) -> Result<SubsetWindows> {
        let cell_size = self.array.dtype().size();
        if budget < cell_size as u64 {
            return Err(Error::invalid(format!(
                "a window of {budget} bytes does not hold one cell of {}, which takes {cell_size}",
                self.array.dtype()
            )));
        }
        let explained = self.array.collection().explain().await?;
        let windows = Windows::new(
            &self.hyperslab()?,
            &explained.chunk_shape,
            cell_size,
            budget,
        );
        Ok(SubsetWindows {
            subset: self.clone(),
            windows,
            next: 0,
        })
    }
}

impl Subset {
    /// The part of this subset that a hyperslab is, counted in positions of the subset along every axis of the array, the dropped
    /// ones too: what [`Windows`] of its hyperslab give.
    #[must_use]
    pub fn window(&self, window: &Hyperslab) -> Self {
        let mut part = self.clone();
        for (pick, &slab) in part.picks.iter_mut().zip(window.axes()) {
            let dropped = pick.dropped;
            *pick = narrow(&pick.slab, &AxisPick { slab, dropped });
        }
        part
    }
}

impl SubsetWindows {
    /// How many are left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.windows.count() - self.next
    }
}

impl Iterator for SubsetWindows {
    type Item = Subset;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left() == 0 {
            return None;
        }
        let window = self.windows.get(self.next);
        self.next += 1;
        Some(self.subset.window(&window))
    }
}
