//! Files and functions stay short enough to read at one sitting.

use super::Findings;
use super::tree::TextFile;

const FILE_SOFT: usize = 400;
const FILE_HARD: usize = 800;
const FUNCTION_SOFT: usize = 70;

pub(super) fn check(files: &[TextFile], findings: &mut Findings) {
    for file in files.iter().filter(|file| file.is_production()) {
        let lines = production_lines(&file.text);
        let count = lines.len();
        let path = &file.path;
        if count > FILE_HARD {
            findings.error(format!(
                "{path} has {count} production lines, the limit is {FILE_HARD}: split it by concept"
            ));
        } else if count > FILE_SOFT {
            findings.warn(format!(
                "{path} has {count} production lines, aim for {FILE_SOFT}"
            ));
        }
        for (name, line, length) in functions(&lines) {
            if length > FUNCTION_SOFT {
                findings.warn(format!(
                    "{path}:{line} fn {name} has {length} lines, aim for {FUNCTION_SOFT}"
                ));
            }
        }
    }
}

/// The lines before the inline test module.
fn production_lines(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines
        .windows(2)
        .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].trim_end().ends_with('{'));
    lines[..tests.unwrap_or(lines.len())].to_vec()
}

/// Name, first line (from one) and length of every function, found by the indentation that rustfmt gives.
fn functions<'a>(lines: &[&'a str]) -> Vec<(&'a str, usize, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let closing = format!("{}}}", &line[..indent]);
        let body = &lines[start..];
        // A declaration in a trait ends with its own `;` before any closing brace.
        let end = body.iter().position(|later| {
            later.trim_end() == closing
                || later.trim_end().ends_with(';') && indent_of(later) == indent
        });
        if let Some(end) = end {
            found.push((name, start + 1, end + 1));
        }
    }
    found
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn function_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let after_fn = loop {
        match words.next()? {
            "fn" => break words.next()?,
            word if word.starts_with("pub") => {}
            "const" | "async" | "unsafe" | "extern" | "\"C\"" | "crate)" | "super)" => {}
            _ => return None,
        }
    };
    after_fn.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::{functions, production_lines};

    const SOURCE: &str = "\
trait T {
    fn declared(&self) -> u8;
}
pub(crate) async fn long<T>(
    a: T,
) -> u8 {
    let b = 1;
    b
}
fn short() {}
#[cfg(test)]
mod tests {
    fn inside() {
    }
}
";

    #[test]
    fn tests_do_not_count() {
        assert_eq!(production_lines(SOURCE).len(), 10);
    }

    #[test]
    fn functions_are_measured() {
        let lines = production_lines(SOURCE);
        let found = functions(&lines);
        assert!(found.contains(&("declared", 2, 1)), "{found:?}");
        assert!(found.contains(&("long", 4, 6)), "{found:?}");
    }
}
