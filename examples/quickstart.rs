//! The first page of the README, as a program: `cargo run --release --example quickstart`.
#![expect(clippy::print_stdout, reason = "an example talks")]

// README: begin
use hyperslab::prelude::*;
use hyperslab::{AttributeSchema, AttributeType};

#[tokio::main]
async fn main() -> hyperslab::Result<()> {
    let store = Store::create("memory://").await?; // or a folder: "./climate"
    let schema = Schema::builder(DType::Float32)
        .attribute(AttributeSchema::key("dt", AttributeType::DateTime))
        .dimension(Dimension::labels("layer", ["temperature", "wind"]))
        .dimension(Dimension::scale("lat", 181, 90.0, -1.0, "degrees_north"))
        .dimension(Dimension::scale("lon", 360, 0.0, 1.0, "degrees_east"))
        .build()?;
    let weather = store.create_collection("weather", schema).await?;

    let day = weather.create(key! { dt: "2023-01-03" }).await?; // one array, all fill values
    let tropics = day.sel("layer", "temperature")?.sel("lat", -10.0..=10.0)?; // both ends in
    tropics.fill(300.0_f32).await?; // durable when it returns
    println!("{}", tropics.describe()?); // its coordinates, before a cell is read

    let mut days = weather.find("dt >= 2023-01-01").sorted().stream();
    while let Some(day) = days.try_next().await? {
        let cells: ArrayD<f32> = day.select(&select!["temperature", 0.0, ..])?.read().await?;
        println!("{}: {:?}", day.name(), cells.shape());
    }
    Ok(())
}
// README: end
