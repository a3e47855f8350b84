//! The cross-checks against xarray, h5py and netCDF4, and the virtual environments under `target/` that need Python.

use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::report::Report;
use crate::shell::{answers, built, command, root, run, run_counting, target};

const TESTS: Environment = Environment {
    folder: "python",
    requirements: "tests/python/requirements.txt",
    oldest: (3, 9),
    newest: None,
};

/// Deker, in the tests and in the benchmark. The NumPy that it needs has no wheels for a later Python.
pub(crate) const DEKER: Environment = Environment {
    folder: "deker",
    requirements: "tests/python/deker/requirements.txt",
    oldest: (3, 11),
    newest: Some((3, 12)),
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
        .env("HYPERSLAB_DEKER_PYTHON", deker(report)?)
        .env("HYPERSLAB_SELECT_BATCH", built("examples/select_batch"))
        .env("HYPERSLAB_ZARR_SAMPLES", built("examples/zarr_samples"));
    if long {
        pytest.env("HYPERSLAB_TEST_LONG", "1");
    }
    run_counting(&mut pytest, &mut report.counts)
}

/// The Python with Deker, or nothing where it cannot be had: then `tests/python/deker` skips what needs it.
fn deker(report: &mut Report) -> Outcome<PathBuf> {
    if cfg!(not(unix)) {
        report.remark("Deker runs on Unix only; its tests were left out");
        return Ok(PathBuf::new());
    }
    if DEKER.base().is_none() {
        report.remark(format!(
            "Deker could not be installed: its NumPy needs {}, and there is none as `python3`, `python3.12` or \
             `python3.11`; its tests were left out",
            DEKER.range()
        ));
        return Ok(PathBuf::new());
    }
    DEKER.python()
}

/// A virtual environment under `target/`, made anew when its requirements change.
pub(crate) struct Environment {
    /// Its name under `target/`.
    pub(crate) folder: &'static str,
    /// The file with the pinned packages.
    pub(crate) requirements: &'static str,
    /// The oldest Python that will do.
    pub(crate) oldest: (u32, u32),
    /// The newest, if a later one will not do.
    pub(crate) newest: Option<(u32, u32)>,
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

    /// The Python that it can be made with: `python3`, or one of an older version beside it where that is too new.
    fn base(&self) -> Option<&'static str> {
        let (major, minor) = self.oldest;
        let (last_major, last_minor) = self.newest.unwrap_or((u32::MAX, 0));
        let test = format!(
            "import sys; sys.exit(not ({major}, {minor}) <= sys.version_info[:2] <= ({last_major}, {last_minor}))"
        );
        let mut names = vec!["python3"];
        if self.newest.is_some() {
            names.extend(["python3.12", "python3.11"]);
        }
        names.into_iter().find(|name| answers(name, &["-c", &test]))
    }

    /// The versions that will do, for a person.
    fn range(&self) -> String {
        let (major, minor) = self.oldest;
        match self.newest {
            None => format!("Python {major}.{minor} or later"),
            Some((last_major, last_minor)) => {
                format!("Python {major}.{minor} to {last_major}.{last_minor}")
            }
        }
    }

    fn make(&self, folder: &Path, python: &Path) -> Outcome {
        let base = self.base().ok_or_else(|| {
            format!(
                "{} is needed as `python3`; install it and run again",
                self.range()
            )
        })?;
        run(command(base).args(["-m", "venv", "--clear"]).arg(folder)).map_err(|message| {
            format!(
                "{message}; {base} lacks its venv module (Debian: apt-get install python3-venv)"
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
