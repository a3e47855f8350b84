//! How large everything is.

use super::options::Options;

/// Lengths along time, y and x.
pub(super) type Box3 = [u64; 3];

/// Shapes and counts of one run.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    /// NumPy's name of the type of the cells.
    pub(super) dtype: &'static str,
    /// The array.
    pub(super) shape: Box3,
    /// Chunks of Zarr, tiles of TileDB.
    pub(super) chunks: Box3,
    /// Shards, and the chunks inside them.
    pub(super) shards: Box3,
    pub(super) inner: Box3,
    /// What is read and written at random positions.
    pub(super) slab: Box3,
    /// Chunks of HDF5, and what is read at random positions there.
    pub(super) hdf5_chunks: Box3,
    pub(super) hdf5_box: Box3,
    /// The array beside Deker, its chunks where it is cut, and what is read of it at random positions.
    pub(super) large: Box3,
    pub(super) large_chunks: Box3,
    pub(super) large_box: Box3,
    /// Every count of slabs, series and updates is divided by this.
    pub(super) thinned: usize,
    /// Small arrays in one collection.
    pub(super) many: usize,
}

impl Scale {
    /// The scale that was asked for, of float32.
    pub(super) fn of(options: &Options) -> Self {
        if options.smoke {
            return Self {
                dtype: "float32",
                shape: [32, 64, 64],
                chunks: [8, 16, 32],
                shards: [16, 64, 64],
                inner: [4, 16, 16],
                slab: [4, 8, 8],
                hdf5_chunks: [4, 16, 32],
                hdf5_box: [4, 12, 12],
                large: [32, 64, 64],
                large_chunks: [1, 32, 32],
                large_box: [1, 16, 16],
                thinned: 20,
                many: 20,
            };
        }
        Self {
            dtype: "float32",
            shape: [options.size_mib.unwrap_or(128), 512, 512],
            chunks: [16, 128, 256],
            shards: [32, 512, 512],
            inner: [4, 64, 64],
            slab: [8, 32, 32],
            hdf5_chunks: [8, 128, 256],
            hdf5_box: [8, 100, 100],
            large: [options.size_mib.unwrap_or(256), 512, 512],
            large_chunks: [1, 256, 256],
            large_box: [1, 64, 64],
            thinned: 1,
            many: 1000,
        }
    }

    /// The same bytes of another type.
    pub(super) fn typed(&self, dtype: &'static str) -> Self {
        let mut scale = self.clone();
        for shape in [&mut scale.shape, &mut scale.large] {
            shape[0] = shape[0] * self.cell_size() / cell_size(dtype);
        }
        scale.dtype = dtype;
        scale
    }

    /// Bytes of one cell.
    pub(super) fn cell_size(&self) -> u64 {
        cell_size(self.dtype)
    }

    /// Bytes of the whole array.
    pub(super) fn bytes(&self) -> u64 {
        self.shape.iter().product::<u64>() * self.cell_size()
    }

    /// Bytes of the array beside Deker.
    pub(super) fn large_bytes(&self) -> u64 {
        self.large.iter().product::<u64>() * self.cell_size()
    }

    /// A number of slabs, series or updates.
    pub(super) fn count(&self, full: usize) -> usize {
        (full / self.thinned).max(2)
    }
}

fn cell_size(dtype: &str) -> u64 {
    match dtype {
        "int16" => 2,
        "float64" => 8,
        _ => 4,
    }
}
