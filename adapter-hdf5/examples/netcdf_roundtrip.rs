//! Imports a variable of a netCDF-4 file and exports it again: `netcdf_roundtrip ORIGINAL EXPORT VARIABLE [--packed]`.
//!
//! With no variable, lists those of the file.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::path::Path;
use std::process::ExitCode;

use hyperslab_core::{Hyperslab, Result};
use hyperslab_hdf5::netcdf::{
    ExportContent, ImportOptions, list_variables, plan_import, read, write,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        [original] => list(Path::new(original)),
        [original, export, variable] => {
            round_trip(Path::new(original), Path::new(export), variable, false)
        }
        [original, export, variable, "--packed"] => {
            round_trip(Path::new(original), Path::new(export), variable, true)
        }
        _ => {
            eprintln!("usage: netcdf_roundtrip ORIGINAL [EXPORT VARIABLE [--packed]]");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.kind().exit_code())
        }
    }
}

fn list(original: &Path) -> Result<()> {
    for variable in list_variables(original)? {
        println!("{variable:?}");
    }
    Ok(())
}

fn round_trip(original: &Path, export: &Path, variable: &str, packed: bool) -> Result<()> {
    for foreign in read(original, &[variable], ImportOptions { packed })? {
        let plan = plan_import(&foreign)?;
        for note in &plan.notes {
            eprintln!("note: {note}");
        }
        println!("{}", plan.schema.to_json());
        let slab = Hyperslab::full(foreign.shape());
        let content =
            ExportContent::new(&plan.schema, &plan.key, &plan.custom, &slab, &[], "data")?;
        write(export, &content, |slab| foreign.read_block(slab))?;
    }
    Ok(())
}
