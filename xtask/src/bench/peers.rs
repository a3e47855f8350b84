//! Who is measured, and what each can open.

use std::path::PathBuf;
use std::process::Command;

use crate::Outcome;
use crate::python::{DEKER, Environment};
use crate::shell::{built, command};

/// What 256 MiB of cache are told as.
const CACHE: &str = "268435456";

/// One row of a workload: a program in one configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    Hyperslab,
    HyperslabOwn,
    HyperslabHdf5,
    HyperslabDeker,
    HyperslabSynced,
    HyperslabDekerSynced,
    H5py,
    H5pyCache,
    ZarrPython,
    ZarrZarrs,
    Zarrs,
    Tensorstore,
    TensorstoreCache,
    TileDb,
    Xarray,
    Deker,
    Objectstore,
    Files,
    Limit,
}

/// Who wrote what is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    Hdf5,
    Zarr,
    TileDb,
    Deker,
    Tensorstore,
    OwnZarr,
    OwnHdf5,
    OwnDeker,
    Zarrs,
    Objects,
}

impl Family {
    /// Who writes it.
    pub(super) fn writer(self) -> Peer {
        match self {
            Self::Hdf5 => Peer::H5py,
            Self::Zarr => Peer::ZarrPython,
            Self::TileDb => Peer::TileDb,
            Self::Deker => Peer::Deker,
            Self::Tensorstore => Peer::Tensorstore,
            Self::OwnZarr | Self::OwnHdf5 | Self::OwnDeker => Peer::Hyperslab,
            Self::Zarrs => Peer::Zarrs,
            Self::Objects => Peer::Objectstore,
        }
    }

    /// The adapter of a store of ours.
    pub(super) fn adapter(self) -> Option<&'static str> {
        match self {
            Self::OwnZarr => Some("zarr"),
            Self::OwnHdf5 => Some("hdf5"),
            Self::OwnDeker => Some("deker"),
            _ => None,
        }
    }

    /// For names of folders.
    pub(super) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

impl Peer {
    /// Every peer that can be chosen.
    pub(super) const ALL: [Self; 19] = [
        Self::Hyperslab,
        Self::HyperslabOwn,
        Self::HyperslabHdf5,
        Self::HyperslabDeker,
        Self::HyperslabSynced,
        Self::HyperslabDekerSynced,
        Self::H5py,
        Self::H5pyCache,
        Self::ZarrPython,
        Self::ZarrZarrs,
        Self::Zarrs,
        Self::Tensorstore,
        Self::TensorstoreCache,
        Self::TileDb,
        Self::Xarray,
        Self::Deker,
        Self::Objectstore,
        Self::Files,
        Self::Limit,
    ];

    /// As the table says it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Hyperslab => "hyperslab",
            Self::HyperslabOwn => "hyperslab, store of its own",
            Self::HyperslabHdf5 => "hyperslab, HDF5 adapter",
            Self::HyperslabDeker => "hyperslab, Deker's storage",
            Self::HyperslabSynced => "hyperslab, synced",
            Self::HyperslabDekerSynced => "hyperslab, Deker's storage, synced",
            Self::H5py => "h5py",
            Self::H5pyCache => "h5py, 256 MiB cache",
            Self::ZarrPython => "zarr-python",
            Self::ZarrZarrs => "zarr-python + zarrs",
            Self::Zarrs => "zarrs (Rust)",
            Self::Tensorstore => "tensorstore",
            Self::TensorstoreCache => "tensorstore, 256 MiB cache",
            Self::TileDb => "TileDB",
            Self::Xarray => "xarray",
            Self::Deker => "Deker",
            Self::Objectstore => "disk-objectstore",
            Self::Files => "bare files and SHA-256",
            Self::Limit => "limit",
        }
    }

    /// As `--with` and the JSON say it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hyperslab => "hyperslab",
            Self::HyperslabOwn => "hyperslab-own",
            Self::HyperslabHdf5 => "hyperslab-hdf5",
            Self::HyperslabDeker => "hyperslab-deker",
            Self::HyperslabSynced => "hyperslab-synced",
            Self::HyperslabDekerSynced => "hyperslab-deker-synced",
            Self::H5py => "h5py",
            Self::H5pyCache => "h5py-cache",
            Self::ZarrPython => "zarr-python",
            Self::ZarrZarrs => "zarr-zarrs",
            Self::Zarrs => "zarrs",
            Self::Tensorstore => "tensorstore",
            Self::TensorstoreCache => "tensorstore-cache",
            Self::TileDb => "tiledb",
            Self::Xarray => "xarray",
            Self::Deker => "deker",
            Self::Objectstore => "objectstore",
            Self::Files => "files",
            Self::Limit => "limit",
        }
    }

    /// Whether it is us.
    pub(super) fn is_ours(self) -> bool {
        matches!(
            self,
            Self::Hyperslab
                | Self::HyperslabOwn
                | Self::HyperslabHdf5
                | Self::HyperslabDeker
                | Self::HyperslabSynced
                | Self::HyperslabDekerSynced
        )
    }

    /// Whether it syncs what it writes, which no other does.
    pub(super) fn syncs(self) -> bool {
        matches!(self, Self::HyperslabSynced | Self::HyperslabDekerSynced)
    }

    /// The program that does its work.
    pub(super) fn program(self) -> Outcome<Command> {
        let rust = |mode: &str| {
            let mut program = command(built("peers-hyperslab"));
            program.arg(mode);
            Ok(program)
        };
        match self {
            _ if self.is_ours() => rust("hyperslab"),
            Self::Zarrs => rust("zarrs"),
            Self::Limit => rust("limit"),
            Self::Files => rust("files"),
            Self::Objectstore => python("objectstore", &[]),
            Self::H5py => python("h5py", &[]),
            Self::H5pyCache => python("h5py", &[CACHE]),
            Self::ZarrPython => python("zarr", &[]),
            Self::ZarrZarrs => python("zarr", &["zarrs"]),
            Self::Tensorstore => python("tensorstore", &[]),
            Self::TensorstoreCache => python("tensorstore", &[CACHE]),
            Self::TileDb => python("tiledb", &[]),
            Self::Xarray => python("xarray", &[]),
            _ => python("deker", &[]),
        }
    }
}

/// The Python that the peers run in; Deker needs an old NumPy and so another one.
pub(super) fn interpreter(name: &str) -> Outcome<PathBuf> {
    let environment = match name {
        "deker" => DEKER,
        _ => Environment {
            folder: "bench-python",
            requirements: "benches/peers/requirements.txt",
            oldest: (3, 11),
            newest: None,
        },
    };
    environment.python()
}

fn python(name: &str, arguments: &[&str]) -> Outcome<Command> {
    let mut program = command(interpreter(name)?);
    program
        .arg(format!("benches/peers/{name}_peer.py"))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(program)
}
