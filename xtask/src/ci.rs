//! `cargo xtask test`: everything that must pass, in the order that fails soonest.

use std::path::PathBuf;

use crate::report::Report;
use crate::shell::{answers, built, cargo, command, run, run_counting, target};
use crate::{Outcome, bench, deny, python, tidy};

const STEPS: [&str; 9] = [
    "format", "tidy", "clippy", "deny", "build", "examples", "python", "doc", "tests",
];

/// Everything, and the features that are off by default because few tests need them. The same for every step, so that
/// nothing is compiled twice.
const WORKSPACE: [&str; 3] = [
    "--workspace",
    "--features",
    "hyperslab-testkit/objects,hyperslab-cli/aws,hyperslab-cli/gcp,hyperslab-cli/azure,\
     hyperslab/aws,hyperslab/gcp,hyperslab/azure",
];

struct Options {
    long: bool,
    steps: Vec<&'static str>,
}

/// Runs the steps and prints what each took.
pub(crate) fn all(arguments: &[String]) -> Outcome {
    let Options { long, steps } = parse(arguments)?;
    let mut report = Report::default();
    for step in steps {
        let ok = report.step(step, |report| match step {
            "format" => run_format(),
            "tidy" => tidy::run(),
            "deny" => deny::check(report),
            "clippy" => run_clippy(),
            "build" => run_build(),
            "examples" if long => run_examples().and_then(|()| run_benchmarks()),
            "examples" => run_examples(),
            "python" => python::check(report, long),
            "doc" => run_doc(report),
            _ => run_tests(report, long),
        });
        if !ok && step == "build" {
            report.remark("the build failed, so nothing was run");
            break;
        }
    }
    report.close()
}

fn parse(arguments: &[String]) -> Outcome<Options> {
    let mut options = Options {
        long: false,
        steps: STEPS.to_vec(),
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--all" => options.long = true,
            "--only" | "--skip" => {
                let names = rest
                    .next()
                    .ok_or_else(|| format!("{argument} needs a list of steps"))?;
                let names: Vec<&str> = names.split(',').collect();
                if let Some(unknown) = names.iter().find(|name| !STEPS.contains(*name)) {
                    return Err(format!(
                        "no step '{unknown}'; steps are {}",
                        STEPS.join(", ")
                    ));
                }
                let only = argument == "--only";
                options.steps.retain(|step| names.contains(step) == only);
            }
            other => {
                return Err(format!(
                    "unexpected argument '{other}'; see cargo xtask --help"
                ));
            }
        }
    }
    Ok(options)
}

fn run_format() -> Outcome {
    run(cargo().args(["fmt", "--all", "--check"]))
        .map_err(|message| format!("{message}; mend it with: cargo fmt --all"))
}

fn run_clippy() -> Outcome {
    run(cargo()
        .args(["clippy", "--release", "--all-targets"])
        .args(WORKSPACE)
        .args(["--", "-D", "warnings"]))
}

/// The command, the examples and all else that is run.
pub(crate) fn run_build() -> Outcome {
    run(cargo()
        .args(["build", "--release", "--bins", "--examples"])
        .args(WORKSPACE))
}

/// The bars of small arrays; and whether the run beside the peers still works, where all must come to the same cells.
fn run_benchmarks() -> Outcome {
    bench::run(&["--long".to_owned()])?;
    bench::run(&["--peers".to_owned(), "--smoke".to_owned()])
}

/// Every example runs with no input and no arguments, and ends well.
fn run_examples() -> Outcome {
    let metadata = tidy::metadata()?;
    let mut failed = Vec::new();
    for name in tidy::example_names(&metadata) {
        if let Err(message) = run(&mut command(built(&format!("examples/{name}")))) {
            failed.push(message);
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(failed.join("; "))
    }
}

fn run_doc(report: &mut Report) -> Outcome {
    run_counting(
        cargo().args(["test", "--release", "--doc"]).args(WORKSPACE),
        &mut report.counts,
    )?;
    run(cargo()
        .args(["doc", "--release", "--no-deps", "--lib"])
        .args(WORKSPACE)
        .env("RUSTDOCFLAGS", "-D warnings"))
}

fn run_tests(report: &mut Report, long: bool) -> Outcome {
    let mut tests = cargo();
    if answers("cargo-nextest", &["--version"]) {
        tests.args(["nextest", "run", "--release"]).args(WORKSPACE);
        tests.args(["--profile", if long { "long" } else { "default" }]);
    } else {
        report.remark("cargo-nextest is not installed, so cargo test ran the tests: a test that hangs is not ended");
        tests.args(["test", "--release"]).args(WORKSPACE);
        tests.args(["--lib", "--bins", "--tests", "--examples"]);
        tests.arg("--no-fail-fast");
    }
    if !long {
        return run_counting(&mut tests, &mut report.counts);
    }
    tests.env("HYPERSLAB_TEST_LONG", "1");
    // A run tries again to install what the last one could not.
    for (note, _) in left_out() {
        std::fs::remove_file(&note)
            .map_err(|e| format!("cannot remove {}: {e}", note.display()))?;
    }
    let outcome = run_counting(&mut tests, &mut report.counts);
    for (note, reason) in left_out() {
        let name = note.file_stem().unwrap_or_default().display();
        report.remark(format!(
            "{name} COULD NOT BE INSTALLED, so nothing was compared with it: {reason}"
        ));
    }
    outcome
}

/// The servers of others that tests had to leave out: the notes of the test kit, and what they say.
fn left_out() -> Vec<(PathBuf, String)> {
    let Ok(entries) = std::fs::read_dir(target().join("peers")) else {
        return Vec::new();
    };
    let notes = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let is_note = path.extension()? == "left-out";
        let reason = is_note.then(|| std::fs::read_to_string(&path).ok())??;
        Some((path, reason))
    });
    notes.collect()
}

#[cfg(test)]
mod tests {
    use super::{STEPS, parse};

    fn steps(arguments: &[&str]) -> Option<Vec<&'static str>> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        parse(&arguments).ok().map(|options| options.steps)
    }

    #[test]
    fn steps_are_chosen_in_their_own_order() {
        assert_eq!(steps(&[]), Some(STEPS.to_vec()));
        assert_eq!(steps(&["--all"]), Some(STEPS.to_vec()));
        assert_eq!(
            steps(&["--only", "tests,format"]),
            Some(vec!["format", "tests"])
        );
        let rest = steps(&["--skip", "python,deny"]);
        assert!(rest.is_some_and(|rest| rest.len() == STEPS.len() - 2 && !rest.contains(&"deny")));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert_eq!(steps(&["--only", "test"]), None);
        assert_eq!(steps(&["--only"]), None);
        assert_eq!(steps(&["--everything"]), None);
    }
}
