//! `cargo xtask tidy`: the rules of the project that no other tool knows, in seconds.

mod crates;
mod docs;
mod imports;
mod lengths;
mod licence;
mod tree;
mod words;

use serde_json::Value;

use crate::Outcome;
use crate::shell::{cargo, output};

/// What the rules found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    errors: Vec<String>,
    warnings: Vec<String>,
}

impl Findings {
    fn error(&mut self, text: impl Into<String>) {
        self.errors.push(text.into());
    }

    fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }
}

/// Checks every rule and prints what breaks them.
pub(crate) fn run() -> Outcome {
    let metadata = metadata()?;
    let files = tree::read()?;
    let mut findings = Findings::default();
    imports::check(&metadata, &mut findings);
    crates::check(&metadata, &files, &mut findings)?;
    lengths::check(&files, &mut findings);
    words::check(&files, &mut findings);
    docs::check(&files, &mut findings);
    for warning in &findings.warnings {
        println!("warning: {warning}");
    }
    for error in &findings.errors {
        println!("error: {error}");
    }
    println!(
        "{} files, {} errors, {} warnings",
        files.len(),
        findings.errors.len(),
        findings.warnings.len()
    );
    if findings.errors.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{} rules of the project are broken",
            findings.errors.len()
        ))
    }
}

/// What `cargo metadata` says of the workspace and all it depends on.
pub(crate) fn metadata() -> Outcome<Value> {
    let text = output(cargo().args(["metadata", "--format-version", "1", "--locked"])).map_err(
        |message| format!("{message}; is Cargo.lock up to date? mend it with: cargo check"),
    )?;
    serde_json::from_str(&text).map_err(|e| format!("cargo metadata gave no JSON: {e}"))
}

/// The examples of the `hyperslab` crate, in order.
pub(crate) fn example_names(metadata: &Value) -> Vec<String> {
    let mut names: Vec<String> = members(metadata)
        .filter(|package| text(package, "name") == "hyperslab")
        .flat_map(|package| list(package, "targets"))
        .filter(|target| list(target, "kind").any(|kind| kind == "example"))
        .map(|target| text(target, "name").to_owned())
        .collect();
    names.sort();
    names
}

/// The packages of the workspace: those with no source.
fn members(metadata: &Value) -> impl Iterator<Item = &Value> {
    list(metadata, "packages").filter(|package| package["source"].is_null())
}

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
