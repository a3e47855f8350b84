//! `cargo xtask bench`: measurements as ratios within one run, printed as one table.

mod bars;
mod fleet;
mod folder;
mod layouts;
mod limits;
mod machine;
mod markdown;
mod options;
mod peers;
mod positions;
mod report;
mod rounds;
mod scale;
mod spread;
mod table;
mod units;
mod worker;
mod workloads;

use crate::shell::{self, built, command};
use crate::{Outcome, ci};

/// Small arrays against plain files; `--long` takes the full 10,000. With `--peers` large ones against other programs.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let count = match arguments {
        [] => "1000",
        [flag] if flag == "--long" => "10000",
        [flag, rest @ ..] if flag == "--peers" => return side_by_side(rest),
        _ => {
            return Err(format!(
                "usage: cargo xtask bench [--long], or {}",
                options::USAGE
            ));
        }
    };
    ci::run_build()?;
    shell::run(
        command(built("examples/small_arrays"))
            .args(["--count", count, "--command"])
            .arg(built("hyperslab")),
    )
}

/// The same workloads on the same data, by us and by our peers in alternation.
fn side_by_side(arguments: &[String]) -> Outcome {
    let options = options::Options::parse(arguments)?;
    ci::run_build()?;
    if options.vary {
        return spread::run(&options);
    }
    let scale = scale::Scale::of(&options);
    let report = rounds::measure(&options, &scale)?;
    println!("{}", table::text(&report));
    if let Some(file) = &options.json {
        folder::save(file, &format!("{:#}\n", report.json()))?;
    }
    if let Some(file) = &options.markdown {
        folder::save(file, &markdown::page(&report))?;
    }
    report.outcome(options.bars)
}
