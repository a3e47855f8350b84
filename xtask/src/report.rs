//! What each step took, and how many tests ran.

use std::time::{Duration, Instant};

use crate::Outcome;

/// Tests counted from the closing lines of the runners.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    /// Adds a line if it is the closing line of cargo test, nextest or pytest.
    pub(crate) fn add_line(&mut self, line: &str) {
        let line = plain(line);
        // nextest repeats, indented, what a failed test printed: the closing line of one test is not that of a run.
        let of_libtest = line.starts_with("test result:");
        let line = line.trim();
        let closing = of_libtest
            || line.starts_with("Summary [")
            || (line.starts_with('=') && line.ends_with('=') && line.contains(" in "));
        if !closing {
            return;
        }
        let words: Vec<&str> = line
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let [count, what] = pair else { continue };
            let Ok(count) = count.parse::<u64>() else {
                continue;
            };
            match *what {
                "passed" => self.passed += count,
                "failed" | "error" | "errors" | "timed" => self.failed += count,
                "skipped" | "ignored" => self.skipped += count,
                _ => {}
            }
        }
    }
}

/// A line without its terminal colours.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

struct Row {
    name: String,
    took: Duration,
    outcome: Outcome,
}

/// The steps so far.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    remarks: Vec<String>,
    /// The tests of all steps.
    pub(crate) counts: Counts,
}

impl Report {
    /// Runs one step and notes how long it took. A failed step does not end the run; [`Report::close`] fails.
    pub(crate) fn step(&mut self, name: &str, run: impl FnOnce(&mut Self) -> Outcome) -> bool {
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = run(self);
        if let Err(message) = &outcome {
            eprintln!("FAILED {name}: {message}");
        }
        let ok = outcome.is_ok();
        self.rows.push(Row {
            name: name.to_owned(),
            took: start.elapsed(),
            outcome,
        });
        ok
    }

    /// Notes something that the reader must not miss, repeated at the end.
    pub(crate) fn remark(&mut self, text: impl Into<String>) {
        let text = text.into();
        println!("NOTE {text}");
        self.remarks.push(text);
    }

    /// Prints the table and the tests counted.
    pub(crate) fn close(self) -> Outcome {
        println!("\n{:<24}{:>9}", "step", "seconds");
        for row in &self.rows {
            let seconds = row.took.as_secs_f64();
            let verdict = if row.outcome.is_ok() {
                "ok".to_owned()
            } else {
                "FAILED".to_owned()
            };
            println!("{:<24}{seconds:>9.1}  {verdict}", row.name);
        }
        let total: Duration = self.rows.iter().map(|row| row.took).sum();
        println!("{:<24}{:>9.1}", "together", total.as_secs_f64());
        for remark in &self.remarks {
            println!("NOTE {remark}");
        }
        let Counts {
            passed,
            failed,
            skipped,
        } = self.counts;
        println!("\ntests: {passed} passed, {failed} failed, {skipped} skipped");
        let bad: Vec<&str> = self
            .rows
            .iter()
            .filter(|row| row.outcome.is_err())
            .map(|row| row.name.as_str())
            .collect();
        if bad.is_empty() {
            Ok(())
        } else {
            Err(format!("failed: {}", bad.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    fn count(lines: &[&str]) -> (u64, u64, u64) {
        let mut counts = Counts::default();
        for line in lines {
            counts.add_line(line);
        }
        (counts.passed, counts.failed, counts.skipped)
    }

    #[test]
    fn the_closing_lines_of_three_runners_are_counted() {
        let cargo = "test result: ok. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        let nextest =
            "     Summary [   6.205s] 101 tests run: 99 passed (1 slow), 2 failed, 4 skipped";
        let pytest = "========= 1 failed, 12 passed, 1 skipped in 3.21s =========";
        assert_eq!(count(&[cargo]), (3, 1, 2));
        assert_eq!(count(&[nextest]), (99, 2, 4));
        assert_eq!(count(&[pytest]), (12, 1, 1));
        assert_eq!(count(&[cargo, nextest, pytest]), (114, 4, 7));
    }

    #[test]
    fn other_lines_and_colours_are_not() {
        assert_eq!(count(&["we passed 3 passed houses"]), (0, 0, 0));
        assert_eq!(
            count(&["    test result: FAILED. 0 passed; 1 failed"]),
            (0, 0, 0)
        );
        assert_eq!(
            count(&["\u{1b}[32mtest result:\u{1b}[0m ok. \u{1b}[1m3\u{1b}[0m passed"]),
            (3, 0, 0)
        );
    }
}
