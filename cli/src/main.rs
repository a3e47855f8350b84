//! Stub.
mod axis; mod human; mod labelled; mod render;
use axis::*;
fn main() {
    let raw = std::fs::read("/tmp/h/scratch/sst.f64").unwrap();
    let numbers: Vec<f64> = raw.chunks(8).map(|c| f64::from_le_bytes(c.try_into().unwrap())).map(|x| if x < -1e30 {f64::NAN} else {x}).collect();
    let ax = |name: &str, unit: &str, p| Axis { name: name.into(), long_name: None, unit: Some(unit.into()), downwards: false, positions: p };
    let view = render::View { title: "SEA SURFACE TEMPERATURE".into(), unit: Some("Deg C".into()), fixed: vec![("TIME".into(), "0000-01-16T06:00Z".into())],
      axes: vec![ax("COADSY", "degrees_north", Positions::Numbers((0..90).map(|i| -89.0+2.0*i as f64).collect())), ax("COADSX", "degrees_east", Positions::Numbers((0..180).map(|i| 21.0+2.0*i as f64).collect()))], numbers: numbers.clone() };
    let t = std::time::Instant::now();
    std::fs::write("/tmp/h/scratch/map.png", render::png::draw(&view).unwrap()).unwrap();
    eprintln!("{:?}", t.elapsed());
    for p in [render::terminal::Palette::Plain, render::terminal::Palette::TrueColor] {
    render::terminal::draw(&mut std::io::stdout(), &view, p, 100).unwrap(); }
    let line = render::View { axes: vec![view.axes[1].clone()], numbers: numbers[45*180..46*180].to_vec(), title: "SST".into(), unit: Some("Deg C".into()), fixed: view.fixed.clone() };
    std::fs::write("/tmp/h/scratch/line.png", render::png::draw(&line).unwrap()).unwrap();
    for p in [render::terminal::Palette::Plain, render::terminal::Palette::TrueColor] {
    render::terminal::draw(&mut std::io::stdout(), &line, p, 100).unwrap(); }
    let t0: i128 = 1_672_531_200_000_000_000;
    let times = (0..48).map(|i| hyperslab::Timestamp::from_nanoseconds(t0 + i * 3_600_000_000_000).unwrap()).collect();
    let hov = render::View { axes: vec![ax("level", "hPa", Positions::Numbers(vec![1000.0, 850.0, 500.0, 300.0])), Axis { unit: None, ..ax("time", "", Positions::Times(times)) }], numbers: (0..192).map(|i| (i as f64 * 0.1).sin()).collect(), title: "Wave".into(), unit: Some("m s-1".into()), fixed: vec![] };
    let mut hov = hov; hov.axes[0].downwards = true;
    std::fs::write("/tmp/h/scratch/hov.png", render::png::draw(&hov).unwrap()).unwrap();
}
