//! Answers many selections in one process, for a program in another language.
//!
//! `select_batch STORE COLLECTION` reads one request a line, such as
//! `{"isel": {"time": "-1"}, "sel": {"lat": "-10..10", "lon": "~33.3"}}`, in the text forms of the command line. It answers
//! each with one line of JSON, `{"shape": [..], "dtype": "float32", "fill": -1e34, "bytes": N}` and then the N bytes of
//! the cells, little-endian, C order; or with `{"error": {"kind": "invalid_input", "message": ".."}}`.
#![expect(clippy::print_stdout, reason = "an example talks")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufWriter, Write};

use hyperslab::blocking::{Array, Store};
use hyperslab::{ArrayBuf, Error, Index, LabelSelector, Result};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// Positions by dimension: `3`, `-1`, `2:10:3`.
    #[serde(default)]
    isel: BTreeMap<String, String>,
    /// Coordinates by dimension: `0.3`, `~0.3`, `-10..10`, `2023-01-03`.
    #[serde(default)]
    sel: BTreeMap<String, String>,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(store), Some(collection)) = (arguments.next(), arguments.next()) else {
        println!("usage: select_batch STORE COLLECTION < requests.jsonl");
        return Ok(());
    };
    let array = Store::open(&store)?.collection(&collection)?.only()?;
    let fill = array.schema().fill_value().to_json();
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Error::io("read", "the requests", error))?;
        let answered = match read(&array, &line) {
            Ok(cells) => {
                let header = json!({
                    "shape": cells.shape(),
                    "dtype": cells.dtype(),
                    "fill": fill,
                    "bytes": cells.bytes().len(),
                });
                writeln!(out, "{header}").and_then(|()| out.write_all(cells.bytes()))
            }
            Err(error) => {
                let kind = error.kind().name();
                let message = error.message();
                writeln!(
                    out,
                    "{}",
                    json!({ "error": { "kind": kind, "message": message } })
                )
            }
        };
        // Who asks may wait for the answer before the next request.
        let sent = answered.and_then(|()| out.flush());
        sent.map_err(|error| Error::io("write", "the answer", error))?;
    }
    out.flush()
        .map_err(|error| Error::io("write", "the answer", error))
}

fn read(array: &Array, line: &str) -> Result<ArrayBuf> {
    let request: Request =
        serde_json::from_str(line).map_err(|error| Error::invalid(format!("request: {error}")))?;
    let mut subset = array.all();
    for (dimension, text) in &request.isel {
        subset = subset.isel(dimension, text.parse::<Index>()?)?;
    }
    for (dimension, text) in &request.sel {
        subset = subset.sel(dimension, LabelSelector::parse(text)?)?;
    }
    subset.read_buf()
}
