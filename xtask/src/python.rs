//! The cross-checks against xarray, h5py and netCDF4, and the virtual environments under `target/` that need Python.

use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::report::Report;
use crate::shell::{answers, built, command, root, run, run_counting, target};

const TESTS: Environment = Environment {
    folder: "python",
    requirements: "tests/python/requirements.txt",
    oldest: (3, 9),
};

/// Runs `tests/python` with the built command and examples.
pub(crate) fn check(report: &mut Report, long: bool) -> Outcome {
    let python = TESTS.python()?;
    if !answers("ncdump", &["-h", "examples/data/coads_climatology.nc"]) {
        report.remark(
            "ncdump is not installed (Debian: apt-get install netcdf-bin); the cross-check by ncdump -h was made with \
             the netCDF C library inside netCDF4-python instead",
        );
    }
    let mut pytest = command(python);
    pytest
        .args([
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--tb=short",
            "--durations=3",
            "tests/python",
        ])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HYPERSLAB_BIN", built("hyperslab"))
        .env("HYPERSLAB_SELECT_BATCH", built("examples/select_batch"))
        .env("HYPERSLAB_ZARR_SAMPLES", built("examples/zarr_samples"));
    if long {
        pytest.env("HYPERSLAB_TEST_LONG", "1");
    }
    run_counting(&mut pytest, &mut report.counts)
}

/// A virtual environment under `target/`, made anew when its requirements change.
pub(crate) struct Environment {
    /// Its name under `target/`.
    pub(crate) folder: &'static str,
    /// The file with the pinned packages.
    pub(crate) requirements: &'static str,
    /// The oldest Python that will do.
    pub(crate) oldest: (u32, u32),
}

impl Environment {
    /// The Python in it.
    pub(crate) fn python(&self) -> Outcome<PathBuf> {
        let folder = target().join(self.folder);
        let python = folder.join(if cfg!(windows) {
            "Scripts/python.exe"
        } else {
            "bin/python"
        });
        let stamp = folder.join("requirements.installed");
        let requirements = self.requirements;
        let wanted = std::fs::read_to_string(root().join(requirements))
            .map_err(|e| format!("cannot read {requirements}: {e}"))?;
        if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(python);
        }
        self.make(&folder, &python)?;
        std::fs::write(&stamp, wanted)
            .map_err(|e| format!("cannot note what was installed: {e}"))?;
        Ok(python)
    }

    fn make(&self, folder: &Path, python: &Path) -> Outcome {
        let (major, minor) = self.oldest;
        let test = format!("import sys; sys.exit(sys.version_info < ({major}, {minor}))");
        if !answers("python3", &["-c", &test]) {
            return Err(format!(
                "Python {major}.{minor} or later is needed as `python3`; install it and run again"
            ));
        }
        run(command("python3")
            .args(["-m", "venv", "--clear"])
            .arg(folder))
        .map_err(|message| {
            format!(
                "{message}; python3 lacks its venv module (Debian: apt-get install python3-venv)"
            )
        })?;
        run(command(python).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--only-binary=:all:",
            "-r",
            self.requirements,
        ]))
        .map_err(|message| {
            format!(
                "{message}; the packages of {} could not be fetched from PyPI: mend the network, or leave this step out",
                self.requirements
            )
        })
    }
}
