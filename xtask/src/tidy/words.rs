//! Words with a fixed meaning, and paths that only one machine has.

use super::Findings;
use super::tree::TextFile;

/// It means one array in HDF5, many in xarray, a table elsewhere; so we never use it for a thing of ours.
const AMBIGUOUS: &str = concat!("data", "set");
/// Names that other projects gave.
const FOREIGN: [&str; 4] = [
    concat!("open_data", "set"),
    concat!("load_data", "set"),
    concat!("xarray.Data", "set"),
    concat!("HDF5 data", "set"),
];
/// Where HDF5's own word is meant.
const HDF5_FOLDERS: [&str; 4] = [
    "adapter-hdf5/",
    "tests/python/",
    "benches/peers/",
    "docs/format/hdf5",
];
/// Folders of one person's machine.
const MACHINE: [&str; 4] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];

pub(super) fn check(files: &[TextFile], findings: &mut Findings) {
    for file in files {
        if file.path == "Cargo.lock" || file.path.starts_with("LICENSE") {
            continue;
        }
        let about_hdf5 = HDF5_FOLDERS
            .iter()
            .any(|folder| file.path.starts_with(folder));
        for (number, line) in file.text.lines().enumerate() {
            let place = format!("{}:{}", file.path, number + 1);
            if !about_hdf5 && is_ambiguous(line) {
                findings.error(format!(
                    "{place} says '{AMBIGUOUS}', which has three meanings: say array or collection"
                ));
            }
            if let Some(path) = MACHINE.iter().find(|path| line.contains(*path)) {
                findings.error(format!("{place} names a folder of one machine, {path}"));
            }
        }
    }
}

fn is_ambiguous(line: &str) -> bool {
    let mut line = line.to_owned();
    for name in FOREIGN {
        line = line.replace(name, "");
    }
    line.to_lowercase().contains(AMBIGUOUS)
}

#[cfg(test)]
mod tests {
    use super::{AMBIGUOUS, is_ambiguous};

    #[test]
    fn the_word_is_ours_to_avoid_and_others_to_use() {
        assert!(is_ambiguous(&format!("a {AMBIGUOUS} of ours")));
        assert!(is_ambiguous(&AMBIGUOUS.to_uppercase()));
        assert!(!is_ambiguous(&format!("xr.open_{AMBIGUOUS}(path)")));
        assert!(!is_ambiguous(&format!("an HDF5 {AMBIGUOUS}")));
        assert!(!is_ambiguous("arrays of data, set apart"));
    }
}
