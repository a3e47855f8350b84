//! Pages that exist, pages that are found, and a README whose example is the one that runs.

use std::collections::BTreeSet;

use super::Findings;
use super::tree::TextFile;
use crate::shell::root;

const FRONT: [&str; 2] = ["README.md", "ARCHITECTURE.md"];
const EXAMPLE: &str = "examples/quickstart.rs";

pub(super) fn check(files: &[TextFile], findings: &mut Findings) {
    let mut linked = BTreeSet::new();
    for page in files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in links(&page.text) {
            let path = resolve(&page.path, target);
            if !root().join(&path).exists() {
                findings.error(format!(
                    "{}:{line} links to {target}, which does not exist",
                    page.path
                ));
            }
            linked.insert(path);
        }
    }
    for front in FRONT {
        if !files.iter().any(|file| file.path == front) {
            findings.error(format!("{front} is missing"));
        }
    }
    for page in files
        .iter()
        .filter(|f| f.path.starts_with("docs/") && f.path.ends_with(".md"))
    {
        if !linked.contains(&page.path) {
            findings.error(format!(
                "no page links to {}: name it in README.md or ARCHITECTURE.md",
                page.path
            ));
        }
    }
    check_example(files, findings);
}

/// The targets of a page's links that are files of the project, with the line of each.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in text.lines().enumerate() {
        in_code ^= line.trim_start().starts_with("```");
        if in_code {
            continue;
        }
        for part in line.split("](").skip(1) {
            let target = part.split([')', '#', ' ']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                found.push((number + 1, target));
            }
        }
    }
    found
}

/// A link target as a path from the root.
fn resolve(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The first Rust block of the README is the part of the example between its `README` comments, which CI runs.
fn check_example(files: &[TextFile], findings: &mut Findings) {
    let text = |path: &str| {
        files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
    };
    let (Some(readme), Some(example)) = (text("README.md"), text(EXAMPLE)) else {
        findings.error(format!("README.md or {EXAMPLE} is missing"));
        return;
    };
    let shown = between(readme, "```rust", "```");
    let run = between(example, "// README: begin", "// README: end");
    if shown.is_empty() || shown != run {
        findings.error(format!(
            "the Rust example of README.md is not the part of {EXAMPLE} between its README comments"
        ));
    }
}

/// The lines between two marks, without their common indentation.
fn between(text: &str, begin: &str, end: &str) -> Vec<String> {
    let lines: Vec<&str> = text
        .lines()
        .skip_while(|line| line.trim() != begin)
        .skip(1)
        .take_while(|line| line.trim() != end)
        .collect();
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let indent = filled
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    lines
        .iter()
        .map(|line| line.get(indent..).unwrap_or("").trim_end().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{between, links, resolve};

    #[test]
    fn links_to_files_are_found_and_resolved() {
        let text = "see [a](docs/a.md#part) and ![b](docs/b.png)\n[w](https://example.org)\n```\n[no](x)\n```\n[c](../c.md)";
        assert_eq!(
            links(text),
            [(1, "docs/a.md"), (1, "docs/b.png"), (6, "../c.md")]
        );
        assert_eq!(resolve("docs/format/hdf5.md", "../c.md"), "docs/c.md");
        assert_eq!(resolve("README.md", "./docs/a.md"), "docs/a.md");
    }

    #[test]
    fn a_block_is_compared_without_its_indentation() {
        let example = "fn main() {\n    // README: begin\n    let a = 1;\n\n    f(\n        a,\n    );\n    // README: end\n}";
        let readme = "```rust\nlet a = 1;\n\nf(\n    a,\n);\n```";
        assert_eq!(
            between(example, "// README: begin", "// README: end"),
            between(readme, "```rust", "```")
        );
    }
}
