//! A line as words, quoted as in other shells.

use std::fmt::Write as _;

use hyperslab::{Error, Result};

/// A word, and where it begins in the line, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) text: String,
}

/// Splits a line. Quotes keep what stands in them together, a backslash takes the next character as it is, except between single
/// quotes, and `#` at the beginning of a word makes the rest a comment.
///
/// # Errors
/// `InvalidInput` when a quote is not closed.
pub(super) fn split(line: &str) -> Result<Vec<Word>> {
    let (words, open) = scan(line);
    match open {
        Some(quote) => Err(Error::invalid(format!("a {quote} is not closed"))),
        None => Ok(words),
    }
}

/// The words of a line that is being typed; the last one, which may be empty, is the one at the end.
pub(super) fn typed(line: &str) -> Vec<Word> {
    let (mut words, open) = scan(line);
    if open.is_none() && line.ends_with(char::is_whitespace) || words.is_empty() {
        words.push(Word {
            start: line.len(),
            text: String::new(),
        });
    }
    words
}

/// The words, and the quote that is open at the end.
fn scan(line: &str) -> (Vec<Word>, Option<char>) {
    let mut words = Vec::new();
    let mut current: Option<Word> = None;
    let mut quote = None;
    let mut rest = line.char_indices();
    while let Some((at, c)) = rest.next() {
        if quote.is_none() && c.is_whitespace() {
            words.extend(current.take());
            continue;
        }
        if quote.is_none() && c == '#' && current.is_none() {
            break;
        }
        let word = current.get_or_insert(Word {
            start: at,
            text: String::new(),
        });
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None | Some('"'), '\\') => word.text.extend(rest.next().map(|(_, next)| next)),
            (_, c) => word.text.push(c),
        }
    }
    words.extend(current);
    (words, quote)
}

/// A word as it has to be typed.
pub(super) fn quote(text: &str) -> String {
    let is_plain = |c: char| !c.is_whitespace() && !"'\"\\#".contains(c);
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        let escape = if matches!(c, '"' | '\\') { "\\" } else { "" };
        // Writing to a string does not fail.
        let _ = write!(quoted, "{escape}{c}");
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line)
            .unwrap()
            .into_iter()
            .map(|word| word.text)
            .collect()
    }

    #[test]
    fn words_are_split_as_in_other_shells() {
        for (line, expected) in [
            ("", &[][..]),
            ("  ls  ", &["ls"]),
            (
                "ls --where 'dt >= 2023-01-01'",
                &["ls", "--where", "dt >= 2023-01-01"],
            ),
            (r#"set a="b 'c'" d\ e"#, &["set", "a=b 'c'", "d e"]),
            (r"'a'\''b' '\'", &["a'b", r"\"]),
            ("read # the rest", &["read"]),
            ("read a#b ''", &["read", "a#b", ""]),
            ("use größe", &["use", "größe"]),
        ] {
            assert_eq!(texts(line), expected, "{line}");
        }
        for line in ["'", "a \"b", "a'b\\'c 'd"] {
            assert!(split(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_last_word_is_the_one_being_typed() {
        for (line, start, text) in [
            ("", 0, ""),
            ("re", 0, "re"),
            ("read ", 5, ""),
            ("read 'a b", 5, "a b"),
            ("read 'a ", 5, "a "),
        ] {
            let words = typed(line);
            let last = words.last().unwrap();
            assert_eq!((last.start, last.text.as_str()), (start, text), "{line}");
        }
    }

    #[test]
    fn what_is_quoted_is_read_back() {
        for text in ["plain=1", "a b", r#"it's "so" \ #1"#, "ß ü"] {
            assert_eq!(texts(&quote(text)), [text]);
        }
    }
}
