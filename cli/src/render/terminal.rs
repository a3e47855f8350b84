//! A heat map of half blocks in 24-bit colour, or of digits where there is no colour.

use std::io::{self, Write};
use std::ops::Range;

use super::View;
use super::colors::{ColorScale, Rgb, nearest_of_256};
use super::resample::{even_spans, resample};
use super::scale::Scale;
use crate::axis::Axis;
use crate::human;

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Palette {
    /// Any colour.
    TrueColor,
    /// The 256 colours of xterm.
    Color256,
    /// None: not a terminal, or the person asked for none.
    Plain,
}

const LINES_MAX: usize = 30;
const CHART_LINES: usize = 10;
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Writes a picture at most `width` characters wide; nothing when there is no axis to draw.
pub(crate) fn draw(
    out: &mut dyn Write,
    view: &View,
    palette: Palette,
    width: usize,
) -> io::Result<()> {
    if view.numbers.iter().all(|number| number.is_nan()) {
        return Ok(());
    }
    let colors = ColorScale::over(&view.numbers);
    let firsts: Vec<_> = view
        .fixed
        .iter()
        .filter(|(_, text)| text.ends_with(')'))
        .map(|(name, text)| format!("{name} = {text}"))
        .collect();
    if !firsts.is_empty() {
        writeln!(out, "shown: {}", firsts.join(", "))?;
    }
    match view.axes.as_slice() {
        [x] => draw_chart(out, view, x, palette, width),
        [y, x] => {
            draw_grid(out, view, (y, x), &colors, palette, width)?;
            draw_legend(out, view, &colors, palette)
        }
        _ => Ok(()),
    }
}

fn draw_grid(
    out: &mut dyn Write,
    view: &View,
    (y, x): (&Axis, &Axis),
    colors: &ColorScale,
    palette: Palette,
    width: usize,
) -> io::Result<()> {
    let scale = Scale::new(y);
    // Drawn from the top: rows are turned over where larger coordinates come later and belong higher.
    let ascending = y.len() < 2 || scale.centre(0) < scale.centre(y.len() - 1);
    let turned = ascending != scale.low_at_top();
    let (first, last) = if turned {
        (y.len() - 1, 0)
    } else {
        (0, y.len() - 1)
    };
    let labels = [y.text(first), y.text(last)];
    let gutter = labels.iter().map(|label| label.chars().count()).max();
    let gutter = gutter.unwrap_or(0).min(width / 3);
    let room = width.saturating_sub(gutter + 3).max(2);
    let (pixel_rows, pixel_columns) = picture_size(y.len(), x.len(), room);
    // A half block is two pixels high, a digit stands for one pixel twice as high.
    let per_line = if palette == Palette::Plain { 1 } else { 2 };
    let rows = even_spans(y.len(), pixel_rows.div_ceil(2) * per_line);
    let rows: Vec<Range<usize>> = if turned {
        rows.into_iter().rev().collect()
    } else {
        rows
    };
    let pixels = resample(
        &view.numbers,
        x.len(),
        &rows,
        &even_spans(x.len(), pixel_columns),
    );
    let lines: Vec<_> = pixels.chunks_exact(pixel_columns * per_line).collect();
    for (number, line) in lines.iter().enumerate() {
        let label = match number {
            0 => labels[0].as_str(),
            number if number + 1 == lines.len() => labels[1].as_str(),
            _ => "",
        };
        write!(out, "{} │", right_aligned(label, gutter))?;
        match palette {
            Palette::Plain => writeln!(out, "{}", digits(line, colors))?,
            _ => {
                let (upper, lower) = line.split_at(pixel_columns);
                half_blocks(out, upper, lower, colors, palette)?;
                writeln!(out)?;
            }
        }
    }
    writeln!(out, "{} └{}", " ".repeat(gutter), "─".repeat(pixel_columns))?;
    let ends = (x.text(0), x.text(x.len() - 1));
    let between = pixel_columns.saturating_sub(ends.0.chars().count() + ends.1.chars().count());
    writeln!(
        out,
        "{}{}{}{}",
        " ".repeat(gutter + 2),
        ends.0,
        " ".repeat(between.max(1)),
        ends.1
    )
}

/// Rows and columns of square pixels: the shape of the grid, enlarged up to eight times or shrunk into the room.
fn picture_size(rows: usize, columns: usize, room: usize) -> (usize, usize) {
    let (height_max, width_max) = (2 * LINES_MAX, room.min(160));
    let enlarged = (height_max / rows.max(1))
        .min(width_max / columns.max(1))
        .clamp(1, 8);
    let (mut height, mut width) = (rows * enlarged, columns * enlarged);
    if width > width_max {
        height = (height * width_max).div_ceil(width);
        width = width_max;
    }
    if height > height_max {
        width = (width * height_max).div_ceil(height);
        height = height_max;
    }
    // A long strip stays wide and high enough to be seen.
    (height.max(4.min(height_max)), width.max(8.min(width_max)))
}

fn digits(line: &[f64], colors: &ColorScale) -> String {
    let text: String = line.iter().map(|&number| digit(number, colors)).collect();
    text.trim_end().to_owned()
}

fn digit(number: f64, colors: &ColorScale) -> char {
    if number.is_nan() {
        return ' ';
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 9"
    )]
    let tenth = (colors.fraction(number) * 10.0).min(9.0) as u32;
    char::from_digit(tenth, 10).unwrap_or('9')
}

fn half_blocks(
    out: &mut dyn Write,
    upper: &[f64],
    lower: &[f64],
    colors: &ColorScale,
    palette: Palette,
) -> io::Result<()> {
    for (&above, &below) in upper.iter().zip(lower) {
        match (colors.color(above), colors.color(below)) {
            (None, None) => write!(out, "\x1b[0m ")?,
            (Some(above), None) => write!(out, "\x1b[0;{}m▀", code(38, above, palette))?,
            (None, Some(below)) => write!(out, "\x1b[0;{}m▄", code(38, below, palette))?,
            (Some(above), Some(below)) => write!(
                out,
                "\x1b[{};{}m▀",
                code(38, above, palette),
                code(48, below, palette)
            )?,
        }
    }
    write!(out, "\x1b[0m")
}

/// The parameters that set a foreground (38) or background (48) colour.
fn code(layer: u8, color: Rgb, palette: Palette) -> String {
    let [red, green, blue] = color;
    match palette {
        Palette::Color256 => format!("{layer};5;{}", nearest_of_256(color)),
        _ => format!("{layer};2;{red};{green};{blue}"),
    }
}

fn draw_legend(
    out: &mut dyn Write,
    view: &View,
    colors: &ColorScale,
    palette: Palette,
) -> io::Result<()> {
    const STEPS: u32 = 24;
    let unit = view.unit.as_deref().and_then(human::unit);
    let unit = unit.map_or_else(String::new, |unit| format!(" {unit}"));
    if let Some(single) = colors.single {
        return writeln!(out, "all are {}{unit}", human::value(single));
    }
    let (low, high) = (human::value(colors.low), human::value(colors.high));
    if palette == Palette::Plain {
        return writeln!(out, "0 = {low}, 9 = {high}{unit}, blank = missing");
    }
    write!(out, "{low} ")?;
    for step in 0..STEPS {
        let color = colors.at(f64::from(step) / f64::from(STEPS - 1));
        write!(out, "\x1b[{}m█", code(38, color, palette))?;
    }
    writeln!(out, "\x1b[0m {high}{unit}")
}

/// A line of numbers as columns, or as stars where only plain text is wanted.
fn draw_chart(
    out: &mut dyn Write,
    view: &View,
    x: &Axis,
    palette: Palette,
    width: usize,
) -> io::Result<()> {
    let colors = ColorScale::over(&view.numbers);
    // A number at the top and the bottom line, or the only one in the middle.
    let labels = match colors.single {
        Some(single) => vec![(CHART_LINES / 2 - 1, human::value(single))],
        None => vec![
            (CHART_LINES - 1, human::value(colors.high)),
            (0, human::value(colors.low)),
        ],
    };
    let gutter = labels
        .iter()
        .map(|(_, label)| label.len())
        .max()
        .unwrap_or(0);
    let room = width.saturating_sub(gutter + 3).max(2);
    let enlarged = (room / x.len().max(1)).clamp(1, 4);
    let column_count = room.min(x.len() * enlarged);
    let columns = even_spans(x.len(), column_count);
    let numbers = resample(&view.numbers, x.len(), &even_spans(1, 1), &columns);
    for line in (0..CHART_LINES).rev() {
        let label = labels.iter().find(|(place, _)| *place == line);
        let label = label.map_or("", |(_, label)| label);
        let cells: String = numbers
            .iter()
            .map(|&number| chart_cell(number, line, &colors, palette))
            .collect();
        writeln!(
            out,
            "{} │{}",
            right_aligned(label, gutter),
            cells.trim_end()
        )?;
    }
    writeln!(out, "{} └{}", " ".repeat(gutter), "─".repeat(column_count))?;
    let ends = (x.text(0), x.text(x.len() - 1));
    let between = column_count.saturating_sub(ends.0.chars().count() + ends.1.chars().count());
    writeln!(
        out,
        "{}{}{}{}",
        " ".repeat(gutter + 2),
        ends.0,
        " ".repeat(between.max(1)),
        ends.1
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "at most 8 x 10 eighths"
)]
fn chart_cell(number: f64, line: usize, colors: &ColorScale, palette: Palette) -> char {
    if number.is_nan() {
        return ' ';
    }
    let eighths = (colors.fraction(number) * (8 * CHART_LINES) as f64)
        .round()
        .max(1.0) as usize;
    if palette == Palette::Plain {
        return if (eighths - 1) / 8 == line { '*' } else { ' ' };
    }
    BLOCKS[eighths.saturating_sub(8 * line).min(8)]
}

fn right_aligned(text: &str, width: usize) -> String {
    let short: String = text.chars().take(width).collect();
    format!("{short:>width$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::Positions;

    fn view(latitudes: &[f64], numbers: &[f64]) -> View {
        let axis = |name: &str, numbers: &[f64]| Axis {
            name: name.to_owned(),
            long_name: None,
            unit: None,
            downwards: false,
            positions: Positions::Numbers(numbers.to_vec()),
        };
        View {
            title: "t".to_owned(),
            unit: Some("K".to_owned()),
            fixed: Vec::new(),
            axes: vec![axis("lat", latitudes), axis("lon", &[0.0, 1.0])],
            numbers: numbers.to_vec(),
        }
    }

    fn text(view: &View, palette: Palette) -> String {
        let mut out = Vec::new();
        draw(&mut out, view, palette, 40).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn north_is_up_whichever_way_the_rows_run() {
        let ascending = text(
            &view(&[-10.0, 10.0], &[0.0, f64::NAN, 9.0, 9.0]),
            Palette::Plain,
        );
        let descending = text(
            &view(&[10.0, -10.0], &[9.0, 9.0, 0.0, f64::NAN]),
            Palette::Plain,
        );
        assert_eq!(ascending, descending);
        let lines: Vec<_> = ascending.lines().collect();
        assert_eq!(lines[0], " 10 │9999999999999999");
        assert_eq!(lines[7], "-10 │00000000");
        assert_eq!(lines[9], "     0              1");
        assert_eq!(lines[10], "0 = 0, 9 = 9 K, blank = missing");
    }

    #[test]
    fn colours_come_in_pairs_of_pixels() {
        let map = text(
            &view(&[10.0, -10.0], &[9.0, 9.0, 0.0, f64::NAN]),
            Palette::TrueColor,
        );
        assert!(
            map.contains("\x1b[38;2;253;231;37;48;2;253;231;37m▀"),
            "{map}"
        );
        assert!(
            map.lines()
                .all(|line| !line.contains("\x1b") || line.contains("\x1b[0m"))
        );
    }

    #[test]
    fn any_shape_fits_the_room() {
        for (rows, columns) in [(1, 1), (1, 100_000), (100_000, 1), (90, 180), (3, 500)] {
            let (height, width) = picture_size(rows, columns, 70);
            assert!(
                (1..=2 * LINES_MAX).contains(&height),
                "{rows} x {columns}: {height}"
            );
            assert!((1..=70).contains(&width), "{rows} x {columns}: {width}");
        }
    }
}
