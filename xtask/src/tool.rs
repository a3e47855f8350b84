//! Programs of cargo that are installed into `target/tools`, once.

use std::path::PathBuf;

use crate::Outcome;
use crate::shell::{cargo, run, target};

/// A program of the registry, in one version.
pub(crate) struct Tool {
    /// The package, which is called as its program is.
    pub(crate) package: &'static str,
    /// The version.
    pub(crate) version: &'static str,
    /// How long it takes to build, for who waits.
    pub(crate) time: &'static str,
}

impl Tool {
    fn folder(&self) -> PathBuf {
        let name = format!("{}-{}", self.package, self.version);
        target().join("tools").join(name)
    }

    /// The program in `target/tools`, which need not be there yet.
    pub(crate) fn program(&self) -> PathBuf {
        let file = format!("{}{}", self.package, std::env::consts::EXE_SUFFIX);
        self.folder().join("bin").join(file)
    }

    /// Builds it, and gives the program.
    pub(crate) fn install(&self) -> Outcome<PathBuf> {
        println!(
            "installing {} {} into target/tools, once; {}",
            self.package, self.version, self.time
        );
        let folder = self.folder();
        run(cargo()
            .args(["install", self.package, "--locked", "--quiet", "--version"])
            .args([self.version, "--root"])
            .arg(&folder)
            // Its own build folder, so that it never waits for ours.
            .arg("--target-dir")
            .arg(folder.join("build")))?;
        // Hundreds of megabytes of intermediate files that nobody needs again.
        std::fs::remove_dir_all(folder.join("build"))
            .map_err(|e| format!("cannot remove the build folder of {}: {e}", self.package))?;
        Ok(self.program())
    }
}
