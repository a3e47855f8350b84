//! `hyperslab read`: a piece of an array, on the screen or in a file.

mod stats;

use std::path::{Path, PathBuf};

use clap::Args;
use hyperslab::{ReadPlan, ReadStats, Subset};
use serde_json::{Map, Value, json};

use self::stats::Meter;
use super::ls::table;
use crate::args::CollectionArgs;
use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};
use crate::human;
use crate::labelled::{Labelled, Statistics};
use crate::output::{self, Format};
use crate::render::{View, terminal};
use crate::select::{KeyArgs, SelectArgs, load};
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab read ./climate coads --sel COADSY=-10..10 --isel TIME=0
  hyperslab read ./climate coads --isel TIME=0 -o sst.png
  hyperslab read ./climate weather dt=2023-01-03 --isel hour=::6 -o day.npy
  hyperslab read ./climate weather dt=2023-01-03 --sel hour=+3h..+6h --json
  hyperslab read ./climate weather dt=2023-01-03 --explain
  hyperslab read era5.nc t --isel time=0 --stats";

/// Read a piece of an array: look at it, or put it in a file.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Read {
    #[command(flatten)]
    target: CollectionArgs,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    selection: SelectArgs,
    /// Put it in a file; the ending tells the format: .npy, .csv, .json, .png or .nc
    #[arg(short, long, value_name = "FILE", conflicts_with = "explain")]
    output: Option<PathBuf>,
    /// Do not read, but tell what would be read: files, chunks, bytes
    #[arg(long)]
    explain: bool,
    /// Tell what the read has cost: requests, bytes, chunks decoded and found decoded
    #[arg(long, conflicts_with = "explain")]
    stats: bool,
}

impl Read {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        // A file of no known kind is refused before anything is read.
        let format = self.output.as_deref().map(Format::of).transpose()?;
        let collection = self.target.open(session).await?;
        let array = self.key.open(&collection).await?;
        let subset = self.selection.apply(&array)?;
        let meter = self.stats.then(|| Meter::start(collection.store()));
        if self.explain {
            explain(&subset, console).await?;
        } else if let Some((path, format)) = self.output.as_deref().zip(format) {
            save(&subset, path, format, meter.as_ref(), console).await?;
        } else {
            let progress = console.progress("reading");
            let labelled = load(&subset).await?;
            drop(progress);
            look(&labelled, meter.as_ref(), console)?;
        }
        Ok(Status::Done)
    }
}

/// Puts a subset in a file.
pub(super) async fn save(
    subset: &Subset,
    path: &Path,
    format: Format,
    meter: Option<&Meter>,
    console: &mut Console,
) -> Result<(), Failure> {
    let progress = console.progress("reading and writing");
    if format == Format::NetCdf {
        hyperslab::netcdf::export(subset, path).await?;
    } else {
        output::write(path, format, &load(subset).await?)?;
    }
    drop(progress);
    let shape = subset.shape();
    let stats = meter.map(Meter::stop);
    let mut document = json!({ "file": path, "shape": shape, "dtype": subset.array().dtype() });
    if let Some(stats) = &stats {
        document["stats"] = stats::to_json(stats);
    }
    console.report(
        &document,
        format_args!(
            "wrote {} ({})",
            path.display(),
            human::cells(subset.array().dtype(), &shape)
        ),
    )?;
    tell(stats.as_ref(), console)
}

/// Says what a read has cost, if that was asked for and JSON has not said it.
fn tell(stats: Option<&ReadStats>, console: &mut Console) -> Result<(), Failure> {
    let Some(stats) = stats.filter(|_| !console.wants_json()) else {
        return Ok(());
    };
    for line in stats::lines(stats) {
        console.line(format_args!("{line}"))?;
    }
    Ok(())
}

/// Shows what was read: what it is, how its values spread, and how it looks.
fn look(labelled: &Labelled, meter: Option<&Meter>, console: &mut Console) -> Result<(), Failure> {
    let stats = meter.map(Meter::stop);
    let numbers = labelled.numbers()?;
    let statistics = Statistics::of(&numbers);
    if console.wants_json() {
        let mut document = summary_json(labelled, &statistics);
        if let Some(stats) = &stats {
            document["stats"] = stats::to_json(stats);
        }
        return console.json(&document);
    }
    let title = match &labelled.long_name {
        Some(long_name) => format!("{}: {long_name}", labelled.name),
        None => labelled.name.clone(),
    };
    let unit = labelled.unit.as_deref().and_then(human::unit);
    let unit = unit.map_or_else(String::new, |unit| format!(" {unit}"));
    console.line(format_args!(
        "{title}, {}",
        human::cells(labelled.cells.dtype(), labelled.cells.shape())
    ))?;
    let rows: Vec<_> = labelled
        .held
        .iter()
        .chain(&labelled.axes)
        .enumerate()
        .map(|(index, axis)| {
            let length = if index < labelled.held.len() {
                String::new()
            } else {
                axis.len().to_string()
            };
            vec![format!("  {}", axis.name), length, axis.summary()]
        })
        .collect();
    table(console, &rows)?;
    let missing = match statistics.missing_count {
        0 => String::new(),
        count => format!(", {} missing", human::grouped(count)),
    };
    let of = if labelled.cells.dtype().is_complex() {
        "magnitude: "
    } else {
        ""
    };
    match statistics.spread {
        Some(spread) if numbers.len() == 1 => {
            console.line(format_args!(
                "{of}value {}{unit}",
                human::value(spread.mean)
            ))?;
        }
        Some(spread) => console.line(format_args!(
            "{of}min {}, mean {}, max {}{unit}{missing}",
            human::value(spread.min),
            human::value(spread.mean),
            human::value(spread.max),
        ))?,
        None => console.line(format_args!("no values{missing}"))?,
    }
    let (palette, width) = (console.palette(), console.width());
    let view = View::first(labelled, &numbers);
    terminal::draw(console.writer(), &view, palette, width)?;
    tell(stats.as_ref(), console)
}

fn summary_json(labelled: &Labelled, statistics: &Statistics) -> Value {
    let coordinates: Map<_, _> = labelled
        .axes
        .iter()
        .map(|axis| (axis.name.clone(), axis.to_json()))
        .collect();
    let held: Map<_, _> = labelled
        .held
        .iter()
        .map(|axis| (axis.name.clone(), axis.to_json()[0].clone()))
        .collect();
    let number = |pick: fn(&crate::labelled::Spread) -> f64| statistics.spread.as_ref().map(pick);
    json!({
        "name": labelled.name,
        "long_name": labelled.long_name,
        "unit": labelled.unit,
        "dtype": labelled.cells.dtype(),
        "dims": labelled.axes.iter().map(|axis| &axis.name).collect::<Vec<_>>(),
        "shape": labelled.cells.shape(),
        "coords": coordinates,
        "at": held,
        "min": number(|spread| spread.min),
        "mean": number(|spread| spread.mean),
        "max": number(|spread| spread.max),
        "missing": statistics.missing_count,
    })
}

/// Shows what reading would touch.
async fn explain(subset: &Subset, console: &mut Console) -> Result<(), Failure> {
    let plan = subset.plan().await?;
    let dtype = subset.array().dtype();
    let cell_count = subset.hyperslab()?.cell_count();
    let memory_bytes = cell_count.saturating_mul(dtype.size() as u64);
    let stored_bytes: u64 = plan.objects.iter().map(|(_, bytes)| bytes).sum();
    if console.wants_json() {
        return console.json(&json!({
            "shape": subset.shape(),
            "dtype": dtype,
            "memory_bytes": memory_bytes,
            "stored_bytes": stored_bytes,
            "objects": plan.objects.iter()
                .map(|(name, bytes)| json!({ "name": name, "bytes": bytes }))
                .collect::<Vec<_>>(),
            "chunk_count": plan.chunk_count,
            "absent_chunk_count": plan.absent_chunk_count,
            "chunk_shape": plan.chunk_shape,
            "codecs": plan.codecs,
        }));
    }
    console.line(format_args!(
        "reads   {} ({})",
        human::cells(dtype, &subset.shape()),
        human::bytes(memory_bytes)
    ))?;
    console.line(format_args!("chunks  {}", chunks_text(&plan)))?;
    console.line(format_args!(
        "from    {}, {}",
        human::count(plan.objects.len() as u64, "file"),
        human::bytes(stored_bytes)
    ))?;
    for (name, bytes) in &plan.objects {
        console.line(format_args!("        {name} ({})", human::bytes(*bytes)))?;
    }
    Ok(())
}

fn chunks_text(plan: &ReadPlan) -> String {
    let absent = match plan.absent_chunk_count {
        0 => String::new(),
        count => format!(", {} never written", human::grouped(count)),
    };
    let codecs = if plan.codecs.is_empty() {
        "uncoded".to_owned()
    } else {
        plan.codecs.join(" + ")
    };
    format!(
        "{} to decode{absent}; each {}, {codecs}",
        human::grouped(plan.chunk_count),
        human::shape(&plan.chunk_shape)
    )
}
