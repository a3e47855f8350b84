//! The cross-checks against xarray, h5py and netCDF4, in a virtual environment under `target/`.

use std::path::PathBuf;

use crate::Outcome;
use crate::report::Report;
use crate::shell::{answers, built, command, root, run, run_counting, target};

const REQUIREMENTS: &str = "tests/python/requirements.txt";

/// Runs `tests/python` with the built command and examples.
pub(crate) fn check(report: &mut Report, long: bool) -> Outcome {
    let python = environment()?;
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

/// The Python of the virtual environment, made anew when the requirements change.
fn environment() -> Outcome<PathBuf> {
    let folder = target().join("python");
    let python = folder.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    let stamp = folder.join("requirements.installed");
    let wanted = std::fs::read_to_string(root().join(REQUIREMENTS))
        .map_err(|e| format!("cannot read {REQUIREMENTS}: {e}"))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    if !answers(
        "python3",
        &["-c", "import sys; sys.exit(sys.version_info < (3, 9))"],
    ) {
        return Err("Python 3.9 or later is needed as `python3`; install it and run again".into());
    }
    run(command("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder))
    .map_err(|message| {
        format!("{message}; python3 lacks its venv module (Debian: apt-get install python3-venv)")
    })?;
    run(command(&python).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary=:all:",
        "-r",
        REQUIREMENTS,
    ]))
    .map_err(|message| {
        format!("{message}; the packages of {REQUIREMENTS} could not be fetched from PyPI: mend the network, or leave \
                 this step out with --skip python")
    })?;
    std::fs::write(&stamp, wanted).map_err(|e| format!("cannot note what was installed: {e}"))?;
    Ok(python)
}
