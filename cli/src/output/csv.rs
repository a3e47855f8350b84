//! A table: one row per cell, its coordinates and then its value. A missing cell has an empty value.

use std::io::{self, Write};

use serde_json::Value;

use crate::labelled::Labelled;

/// Writes a header and the rows, in C order.
pub(super) fn write(out: &mut dyn Write, labelled: &Labelled) -> io::Result<()> {
    let held: Vec<_> = labelled
        .held
        .iter()
        .map(|axis| quoted(&axis.exact(0)))
        .collect();
    // Each coordinate is written many times: its text is made once.
    let texts: Vec<Vec<String>> = labelled
        .axes
        .iter()
        .map(|axis| {
            (0..axis.len())
                .map(|index| quoted(&axis.exact(index)))
                .collect()
        })
        .collect();
    let names = labelled
        .held
        .iter()
        .chain(&labelled.axes)
        .map(|axis| quoted(&axis.name));
    let mut header: Vec<_> = names.collect();
    header.push(quoted(&labelled.name));
    writeln!(out, "{}", header.join(","))?;

    let mut place = vec![0_usize; texts.len()];
    for cell in labelled.cells.scalars() {
        let cell = cell.map_err(io::Error::other)?;
        for text in &held {
            write!(out, "{text},")?;
        }
        for (axis, &index) in texts.iter().zip(&place) {
            write!(out, "{},", axis[index])?;
        }
        if labelled.is_missing(cell) {
            writeln!(out)?;
        } else {
            writeln!(out, "{}", plain(&cell.to_json()))?;
        }
        advance(&mut place, &texts);
    }
    Ok(())
}

/// The next place in C order.
fn advance(place: &mut [usize], texts: &[Vec<String>]) {
    for (index, axis) in place.iter_mut().zip(texts).rev() {
        *index += 1;
        if *index < axis.len() {
            return;
        }
        *index = 0;
    }
}

/// A number or a bool as it stands, a complex number as `re+imj`, which Python reads.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let parts: Vec<_> = parts.iter().map(plain).collect();
            match parts.as_slice() {
                [re, im] if im.starts_with('-') => format!("{re}{im}j"),
                [re, im] => format!("{re}+{im}j"),
                _ => parts.join(" "),
            }
        }
        value => value.to_string(),
    }
}

/// In quotes where the text would otherwise be two fields or two lines.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
