//! Foreign files made with the HDF5 library.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    dead_code,
    reason = "helpers of tests, not all of which every test program uses"
)]

use std::path::{Path, PathBuf};

use hdf5::file::FileCloseDegree;
use hdf5::types::{VarLenArray, VarLenUnicode};
use hdf5::{Dataset, File, H5Type, Location, ObjectReference1};
use tempfile::TempDir;

/// A fixture of the tests.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// The COADS climatology of the examples.
pub(crate) fn coads() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/coads_climatology.nc")
}

/// A file under construction.
pub(crate) struct Foreign {
    folder: TempDir,
    path: PathBuf,
    pub(crate) file: File,
}

/// A finished file, removed when this is dropped.
pub(crate) struct Finished {
    _folder: TempDir,
    path: PathBuf,
}

impl std::ops::Deref for Finished {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl Foreign {
    pub(crate) fn create(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        // Closing the file closes the variables that a test still holds.
        let file = File::with_options()
            .with_fapl(|access| access.fclose_degree(FileCloseDegree::Strong))
            .create(&path)
            .unwrap();
        Self { folder, path, file }
    }

    pub(crate) fn variable<T: H5Type>(&self, name: &str, shape: &[usize], cells: &[T]) -> Dataset {
        let variable = self
            .file
            .new_dataset::<T>()
            .shape(shape)
            .create(name)
            .unwrap();
        variable.write_raw(cells).unwrap();
        variable
    }

    pub(crate) fn scale<T: H5Type>(&self, name: &str, values: &[T], texts: &[(&str, &str)]) {
        let scale = self.variable(name, &[values.len()], values);
        text(&scale, "CLASS", "DIMENSION_SCALE");
        text(&scale, "NAME", name);
        for (attribute, value) in texts {
            text(&scale, attribute, value);
        }
    }

    pub(crate) fn labels(&self, name: &str, labels: &[&str]) {
        let labels: Vec<VarLenUnicode> =
            labels.iter().map(|label| label.parse().unwrap()).collect();
        self.scale(name, &labels, &[]);
    }

    /// Names the scales as the dimensions of a variable.
    pub(crate) fn attach(&self, variable: &Dataset, scales: &[&str]) {
        let references: Vec<VarLenArray<ObjectReference1>> = scales
            .iter()
            .map(|scale| VarLenArray::from_slice(&[self.file.reference(scale).unwrap()]))
            .collect();
        variable
            .new_attr::<VarLenArray<ObjectReference1>>()
            .shape([references.len()])
            .create("DIMENSION_LIST")
            .unwrap()
            .write_raw(&references)
            .unwrap();
    }

    pub(crate) fn close(self) -> Finished {
        self.file.close().unwrap();
        Finished {
            _folder: self.folder,
            path: self.path,
        }
    }
}

pub(crate) fn attribute<T: H5Type>(location: &Location, name: &str, value: T) {
    let attribute = location.new_attr::<T>().create(name).unwrap();
    attribute.write_scalar(&value).unwrap();
}

pub(crate) fn text(location: &Location, name: &str, value: &str) {
    attribute(location, name, value.parse::<VarLenUnicode>().unwrap());
}
