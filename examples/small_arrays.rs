//! What a small array costs beside a plain file: creating many, finding one, listing all.
//!
//! `small_arrays [--count N] [--at FOLDER] [--command PATH]` creates arrays of 64 x 64 float32 with three attributes in
//! turn with plain files of the same sizes in the same folder, and prints one table. With `--command` it times
//! `hyperslab ls --where` as a process beside `find`. A row that has a bar in the last column fails above it.
#![expect(clippy::print_stdout, reason = "an example talks")]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt, TryStreamExt};
use hyperslab::blocking::{Collection, Store};
use hyperslab::{
    ArrayBuf, AttributeSchema, AttributeType, Attributes, DType, Dimension, Durability, Error,
    Result, Schema, StorageOptions, StoreOptions, key,
};

use tokio::runtime::Runtime;

/// Batches of arrays and of plain files take turns, so that both see the same machine.
const ROUND_COUNT: usize = 10;
const SIDE: u64 = 64;

struct Options {
    count: usize,
    folder: PathBuf,
    command: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = options()?;
    println!(
        "{} arrays of {SIDE} x {SIDE} float32 with three attributes\n",
        options.count
    );
    println!(
        "{:<42}{:>11}{:>11}{:>9}{:>12}{:>6}",
        "", "arrays ms", "plain ms", "ratio", "CPU ms", "bar"
    );
    let mut table = Table::default();
    let measured = measure(&options, &mut table);
    fs::remove_dir_all(&options.folder)
        .map_err(|e| Error::io("remove", options.folder.display(), e))?;
    measured?;
    match table.missed.as_slice() {
        [] => Ok(()),
        missed => Err(Error::internal(format!(
            "above its bar: {}",
            missed.join("; ")
        ))),
    }
}

fn measure(options: &Options, table: &mut Table) -> Result<()> {
    let (relaxed, synced) = (Durability::Relaxed, Durability::Synced);
    // Without a sync the codec alone takes several times as long as a plain file, so those rows have no bar.
    for (codec, durability, in_flight, bar, name) in [
        ("deflate", relaxed, 1, None, "not synced"),
        ("deflate", relaxed, 8, None, "not synced, 8 at a time"),
        (
            "none",
            relaxed,
            8,
            None,
            "not synced, 8 at a time, no codec",
        ),
        ("deflate", synced, 1, None, "synced"),
        ("deflate", synced, 8, Some(1.5), "synced, 8 at a time"),
    ] {
        let store = options.folder.join(name.replace([' ', ','], "-"));
        let how = How {
            codec,
            durability,
            in_flight,
        };
        let (ours, plain) = create(&store, how, options.count)?;
        table.row(&format!("create, {name}"), &ours, &plain, bar);
    }
    let store = options.folder.join("not-synced");
    let (ours, plain) = find(&store, options.count)?;
    table.row("find one by key / read its file", &ours, &plain, None);
    // Few names are listed in less time than a timer sees.
    let bar = (options.count >= 1000).then_some(3.0);
    let (ours, walk) = list(&store, options.count)?;
    table.row("list with a filter / bare walk", &ours, &walk, bar);
    if let Some(command) = &options.command {
        let (ours, find) = list_by_command(&store, command)?;
        table.row("hyperslab ls --where / find", &ours, &find, bar);
    }
    Ok(())
}

fn options() -> Result<Options> {
    let mut options = Options {
        count: 200,
        folder: std::env::temp_dir(),
        command: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| Error::invalid(format!("{flag} needs a value")))?;
        match flag.as_str() {
            "--count" => {
                options.count = value
                    .parse()
                    .map_err(|_| Error::invalid(format!("--count {value} is not a number")))?;
            }
            "--at" => options.folder = value.into(),
            "--command" => options.command = Some(value.into()),
            _ => return Err(Error::invalid(format!("{flag} is not an option"))),
        }
    }
    options
        .folder
        .push(format!("hyperslab-small-arrays-{}", std::process::id()));
    fs::create_dir_all(&options.folder)
        .map_err(|e| Error::io("create", options.folder.display(), e))?;
    Ok(options)
}

fn schema() -> Result<Schema> {
    Schema::builder(DType::Float32)
        .attribute(AttributeSchema::key("number", AttributeType::Int))
        .attribute(AttributeSchema::custom("station", AttributeType::Text))
        .attribute(AttributeSchema::custom("height", AttributeType::Float))
        .dimension(Dimension::scale("y", SIDE, 0.0, 0.1, "km"))
        .dimension(Dimension::scale("x", SIDE, 0.0, 0.1, "km"))
        .build()
}

fn key_of(number: usize) -> Attributes {
    key! { number: i64::try_from(number).unwrap_or(i64::MAX) }
}

/// Weather-like cells: smooth, with a few digits of noise, different for each array.
fn cells(number: usize) -> Result<ArrayBuf> {
    let mut noise = number as u64;
    let values: Vec<f32> = (0..SIDE * SIDE)
        .map(|cell| {
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let smooth = ((cell / SIDE) as f32 / 9.0).sin() + ((cell % SIDE) as f32 / 7.0).cos();
            ((smooth * 640.0) + (noise >> 60) as f32).round() / 64.0
        })
        .collect();
    ArrayBuf::from_slice(&[SIDE, SIDE], &values)
}

/// How arrays are created.
#[derive(Clone, Copy)]
struct How {
    codec: &'static str,
    durability: Durability,
    in_flight: usize,
}

fn create(folder: &Path, how: How, count: usize) -> Result<(Timings, Timings)> {
    let How {
        codec,
        durability,
        in_flight,
    } = how;
    let mut options = StoreOptions::default();
    options.write.durability = durability;
    Store::create(&folder.to_string_lossy())?;
    let store = Store::open_with(&folder.to_string_lossy(), options)?;
    let storage = StorageOptions::from_iter([("codec".to_owned(), codec.into())]);
    let collection = store.create_collection_with("small", schema()?, storage)?;
    let arrays = folder.join("small").join("arrays");
    let batch = count.div_ceil(ROUND_COUNT).max(1);
    let mut ours = Timings::default();
    let mut plain = Timings::default();
    let mut number = 0;
    while number < count {
        let numbers = number..(number + batch).min(count);
        number = numbers.end;
        let filled: Vec<ArrayBuf> = numbers.clone().map(cells).collect::<Result<_>>()?;
        let fresh = ours.time(numbers.len(), || {
            create_arrays(&collection, in_flight, numbers.clone(), filled)
        })?;
        // The same sizes, in the same folder, of bytes that the file system cannot guess.
        let contents = contents_of(&arrays, &fresh)?;
        plain.time(contents.len(), || {
            write_plain(&arrays, &fresh, &contents, durability)
        })?;
    }
    // Not before: ext4 passes over inodes that were freed a moment ago, one by one, and both sides would pay for it.
    remove_plain(&arrays, count)?;
    Ok((ours, plain))
}

/// Creates arrays, several at a time, as a program that has many would.
fn create_arrays(
    collection: &Collection,
    in_flight: usize,
    numbers: std::ops::Range<usize>,
    filled: Vec<ArrayBuf>,
) -> Result<Vec<usize>> {
    if in_flight == 1 {
        for (number, cells) in numbers.clone().zip(filled) {
            collection.create_with(key_of(number), custom_of(number), cells)?;
        }
    } else {
        let creations = numbers.clone().zip(filled).map(|(number, cells)| {
            let array = (**collection)
                .create(key_of(number))
                .custom(custom_of(number))
                .data(cells);
            async move { array.await.map(drop) }
        });
        let creations = stream::iter(creations).buffer_unordered(in_flight);
        let runtime = Runtime::new().map_err(|e| Error::io("start", "threads", e))?;
        runtime.block_on(creations.try_collect::<()>())?;
    }
    Ok(numbers.collect())
}

fn custom_of(number: usize) -> Attributes {
    key! { station: format!("station {number}"), height: 2.5 }
}

/// The bytes of the newest files, as many as were created.
fn contents_of(arrays: &Path, fresh: &[usize]) -> Result<Vec<Vec<u8>>> {
    fresh
        .iter()
        .map(|number| {
            let file = arrays.join(format!("number={number}.nc"));
            fs::read(&file).map_err(|e| Error::io("read", file.display(), e))
        })
        .collect()
}

fn write_plain(
    arrays: &Path,
    numbers: &[usize],
    contents: &[Vec<u8>],
    durability: Durability,
) -> Result<()> {
    let write = |number: usize, bytes: &[u8]| -> std::io::Result<()> {
        let mut file = File::create_new(plain(arrays, number))?;
        file.write_all(bytes)?;
        if durability == Durability::Synced {
            file.sync_all()?;
            // A file is not safe from a crash of the machine before its name is.
            File::open(arrays)?.sync_all()?;
        }
        Ok(())
    };
    for (&number, bytes) in numbers.iter().zip(contents) {
        write(number, bytes).map_err(|e| Error::io("write", arrays.display(), e))?;
    }
    Ok(())
}

fn remove_plain(arrays: &Path, count: usize) -> Result<()> {
    (0..count).try_for_each(|number| {
        fs::remove_file(plain(arrays, number)).map_err(|e| Error::io("remove", arrays.display(), e))
    })
}

fn plain(arrays: &Path, number: usize) -> PathBuf {
    arrays.join(format!("plain-{number}.bin"))
}

/// Opening one array by its key beside reading a plain file of that name.
fn find(folder: &Path, count: usize) -> Result<(Timings, Timings)> {
    let collection = Store::open(&folder.to_string_lossy())?.collection("small")?;
    let arrays = folder.join("small").join("arrays");
    let (mut ours, mut plain) = (Timings::default(), Timings::default());
    for round in 0..ROUND_COUNT {
        let numbers = || (round..count).step_by(count.div_ceil(20).max(1));
        ours.time(numbers().count(), || {
            numbers().try_for_each(|number| collection.get(key_of(number)).map(drop))
        })?;
        plain.time(numbers().count(), || {
            numbers().try_for_each(|number| {
                let file = arrays.join(format!("number={number}.nc"));
                fs::read(&file)
                    .map(drop)
                    .map_err(|e| Error::io("read", file.display(), e))
            })
        })?;
    }
    Ok((ours, plain))
}

/// A filtered listing beside a bare walk of the same tree.
fn list(folder: &Path, count: usize) -> Result<(Timings, Timings)> {
    let collection = Store::open(&folder.to_string_lossy())?.collection("small")?;
    let (mut ours, mut walk) = (Timings::default(), Timings::default());
    let least = i64::try_from(count / 2).unwrap_or(i64::MAX);
    for _ in 0..ROUND_COUNT {
        let found = ours.time(1, || {
            collection.entries(format!("number >= {least}").as_str())
        })?;
        let walked = walk.time(1, || {
            walk_tree(folder).map_err(|e| Error::io("list", folder.display(), e))
        })?;
        if found.len() != count - count / 2 || walked < count {
            return Err(Error::internal(format!(
                "found {} of {walked} files",
                found.len()
            )));
        }
    }
    Ok((ours, walk))
}

fn walk_tree(folder: &Path) -> std::io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        count += if entry.file_type()?.is_dir() {
            walk_tree(&entry.path())?
        } else {
            1
        };
    }
    Ok(count)
}

fn list_by_command(folder: &Path, hyperslab: &Path) -> Result<(Timings, Timings)> {
    let (mut ours, mut find) = (Timings::default(), Timings::default());
    let run = |command: &mut Command| match command.stdout(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::internal(format!("{command:?} ended with {status}"))),
        Err(error) => Err(Error::io("run", format!("{command:?}"), error)),
    };
    for _ in 0..ROUND_COUNT {
        ours.time(1, || {
            run(Command::new(hyperslab).arg("ls").arg(folder).args([
                "small",
                "--where",
                "number >= 0",
            ]))
        })?;
        find.time(1, || run(Command::new("find").arg(folder)))?;
    }
    Ok((ours, find))
}

/// Wall and processor time of each round, per item.
#[derive(Default)]
struct Timings {
    wall: Vec<Duration>,
    cpu: Duration,
    item_count: usize,
}

impl Timings {
    fn time<T>(&mut self, items: usize, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let cpu = cpu_time();
        let start = Instant::now();
        let done = work()?;
        self.wall
            .push(start.elapsed() / u32::try_from(items.max(1)).unwrap_or(1));
        self.cpu += cpu_time().saturating_sub(cpu);
        self.item_count += items;
        Ok(done)
    }

    fn median_ms(&self) -> f64 {
        let mut wall = self.wall.clone();
        wall.sort_unstable();
        wall.get(wall.len() / 2)
            .map_or(0.0, |median| median.as_secs_f64() * 1e3)
    }

    fn cpu_ms(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e3 / self.item_count.max(1) as f64
    }
}

/// Processor time of this process and of the children it waited for; zero where the system does not say.
fn cpu_time() -> Duration {
    let Ok(stat) = fs::read_to_string("/proc/self/stat") else {
        return Duration::ZERO;
    };
    // Fields after the name, which is in parentheses; user and system time, own and children's, in ticks of 10 ms.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(4)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

/// What is printed, and what came out above its bar.
#[derive(Default)]
struct Table {
    missed: Vec<String>,
}

impl Table {
    fn row(&mut self, name: &str, ours: &Timings, plain: &Timings, bar: Option<f64>) {
        let (a, b) = (ours.median_ms(), plain.median_ms());
        let ratio = a / b.max(1e-9);
        let cpu = format!("{:.2}/{:.2}", ours.cpu_ms(), plain.cpu_ms());
        let limit = bar.map_or_else(String::new, |bar| bar.to_string());
        println!("{name:<42}{a:>11.3}{b:>11.3}{ratio:>9.2}{cpu:>12}{limit:>6}");
        if bar.is_some_and(|bar| ratio > bar) {
            self.missed.push(format!("{name} ({ratio:.2})"));
        }
    }
}
