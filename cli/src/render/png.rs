//! A picture with axes, ticks, units and a colour bar.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "pixel positions are small positive numbers"
)]

mod bar;
mod side;

use bar::Bar;
use hyperslab::{Error, Result};
use side::{Side, draw_sides, fraction, tick_width};

use super::View;
use super::canvas::{Anchor, Canvas, Ink, Lettering, Type};
use super::colors::{ColorScale, Rgb};
use super::resample::resample;
use super::scale::Scale;
use super::ticks;
use crate::labelled::Statistics;

const BLACK: Ink = Ink([0x22, 0x22, 0x22], 1.0);
const GREY: Ink = Ink([0x66, 0x66, 0x66], 1.0);
const MISSING: Rgb = [0xd9, 0xd9, 0xd9];
const LINE: Ink = Ink([0x2a, 0x6f, 0x97], 1.0);

const MARGIN: f32 = 36.0;
const TITLE_SIZE: f32 = 32.0;
const SUBTITLE_SIZE: f32 = 22.0;
const LABEL_SIZE: f32 = 22.0;
const TICK_SIZE: f32 = 20.0;
const TICK_LENGTH: f32 = 9.0;
const GAP: f32 = 10.0;
const BAR_WIDTH: f32 = 30.0;
const BAR_GAP: f32 = 34.0;
const FRAME: f32 = 2.0;
/// The space that the cells are fitted into.
const PLOT_WIDTH_MAX: f32 = 1300.0;
const PLOT_HEIGHT_MAX: f32 = 1000.0;

/// Draws one or two axes as the bytes of a PNG file.
pub(crate) fn draw(view: &View) -> Result<Vec<u8>> {
    match view.axes.as_slice() {
        [x] => draw_line(view, &Scale::new(x)),
        [y, x] => draw_map(view, &Scale::new(y), &Scale::new(x)),
        _ => Err(Error::invalid(
            "one value makes no picture; select a range along at least one dimension",
        )),
    }
}

/// Where everything goes.
struct Layout {
    /// Left, top, width and height of the cells.
    plot: [f32; 4],
    width: f32,
    height: f32,
}

/// What stands around the plot, measured before it is placed.
struct Margins {
    left: f32,
    right: f32,
    bottom: f32,
}

impl Layout {
    fn new(plot_width: f32, plot_height: f32, margins: &Margins, has_subtitle: bool) -> Self {
        let top = MARGIN
            + TITLE_SIZE
            + 18.0
            + if has_subtitle {
                SUBTITLE_SIZE + 10.0
            } else {
                0.0
            };
        let plot = [
            (MARGIN + margins.left).round(),
            top.round(),
            plot_width.round(),
            plot_height.round(),
        ];
        Self {
            width: (plot[0] + plot[2] + margins.right + MARGIN).ceil(),
            height: (plot[1] + plot[3] + margins.bottom + MARGIN).ceil(),
            plot,
        }
    }

    fn right(&self) -> f32 {
        self.plot[0] + self.plot[2]
    }

    fn bottom(&self) -> f32 {
        self.plot[1] + self.plot[3]
    }
}

const fn lettering(size: f32, ink: Ink, anchor: Anchor) -> Lettering {
    Lettering {
        size,
        bold: false,
        ink,
        anchor,
        upwards: false,
    }
}

fn draw_map(view: &View, y: &Scale<'_>, x: &Scale<'_>) -> Result<Vec<u8>> {
    let letters = Type::new()?;
    let (plot_width, plot_height) = plot_size(y, x);
    let colors = ColorScale::over(&view.numbers);
    let (bottom, left) = (
        Side::across(x, plot_width, &letters),
        Side::upright(y, plot_height),
    );
    let bar_ticks = ticks::numbers(
        colors.low,
        colors.high,
        (plot_height / 80.0).clamp(2.0, 8.0) as usize,
    );
    let has_missing = Statistics::of(&view.numbers).missing_count > 0;
    let bar_text = bar_ticks
        .iter()
        .map(|tick| tick_width(&letters, tick))
        .fold(0.0, f32::max)
        .max(if has_missing {
            letters.width("missing", TICK_SIZE, false)
        } else {
            0.0
        });
    let bar_gap = BAR_GAP.max(bottom.overhang(plot_width, &letters) + 16.0);
    let margins = Margins {
        left: left.depth_upright(&letters),
        right: bar_gap + BAR_WIDTH + TICK_LENGTH + GAP + bar_text + GAP + LABEL_SIZE,
        bottom: bottom.depth_across(),
    };
    let layout = Layout::new(plot_width, plot_height, &margins, !view.fixed.is_empty());
    let mut canvas = Canvas::new(layout.width as u32, layout.height as u32, &letters)?;

    draw_cells(&mut canvas, &layout, view, &colors, (y, x));
    draw_headline(&mut canvas, &layout, view, &letters);
    draw_sides(
        &mut canvas,
        &layout,
        &letters,
        (&left, &bottom),
        Ink([0; 3], 0.13),
    );
    let legend = Bar {
        ticks: &bar_ticks,
        gap: bar_gap,
        text_width: bar_text,
        has_missing,
        title: view.quantity(),
    };
    bar::draw_bar(&mut canvas, &layout, &letters, &colors, &legend);
    canvas.into_png()
}

/// The size of the cells' area: true to shape for degrees by degrees, else as a page likes it.
fn plot_size(y: &Scale<'_>, x: &Scale<'_>) -> (f32, f32) {
    if !y.is_map_with(x) {
        return (1100.0, 720.0);
    }
    let ratio = ((y.high() - y.low()) / (x.high() - x.low())).clamp(0.12, 8.0) as f32;
    let width = PLOT_WIDTH_MAX.min(PLOT_HEIGHT_MAX / ratio);
    (width, width * ratio)
}

fn draw_cells(
    canvas: &mut Canvas<'_>,
    layout: &Layout,
    view: &View,
    colors: &ColorScale,
    (y, x): (&Scale<'_>, &Scale<'_>),
) {
    let [left, top, width, height] = layout.plot;
    let columns = x.spans(width as usize);
    let mut rows = y.spans(height as usize);
    if !y.low_at_top() {
        rows.reverse();
    }
    let pixels = resample(&view.numbers, view.axes[1].len(), &rows, &columns);
    for (row, line) in pixels.chunks_exact(columns.len().max(1)).enumerate() {
        // Neighbours of one colour are one rectangle: a coarse grid draws fast.
        let mut start = 0;
        for column in 1..=line.len() {
            let same = column < line.len() && line[column].to_bits() == line[start].to_bits();
            if !same {
                let color = colors.color(line[start]).unwrap_or(MISSING);
                let (from, count) = (left + start as f32, (column - start) as f32);
                canvas.rectangle(from, top + row as f32, count, 1.0, Ink(color, 1.0));
                start = column;
            }
        }
    }
}

fn draw_headline(canvas: &mut Canvas<'_>, layout: &Layout, view: &View, letters: &Type) {
    let [left, top, ..] = layout.plot;
    let room = layout.width - left - MARGIN;
    let title = letters.fitted(&view.title, TITLE_SIZE, true, room);
    let mut style = lettering(TITLE_SIZE, BLACK, Anchor::Start);
    style.bold = true;
    canvas.text(&title, left, MARGIN + TITLE_SIZE * 0.8, style);
    if !view.fixed.is_empty() {
        let text = view.fixed_text();
        let text = letters.fitted(&text, SUBTITLE_SIZE, false, room);
        let style = lettering(SUBTITLE_SIZE, GREY, Anchor::Start);
        canvas.text(&text, left, top - 18.0, style);
    }
}

fn draw_line(view: &View, x: &Scale<'_>) -> Result<Vec<u8>> {
    /// More points than this are drawn without a dot each.
    const DOT_COUNT_MAX: usize = 80;
    let letters = Type::new()?;
    let colors = ColorScale::over(&view.numbers);
    let margin = colors.high * 0.05 - colors.low * 0.05;
    let (low, high) = (colors.low - margin, colors.high + margin);
    let (width, height) = (1200.0, 620.0);
    let up = |number: f64| ((number / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0)) as f32;
    let left = Side {
        ticks: ticks::numbers(low, high, 7)
            .into_iter()
            .map(|tick| (height * (1.0 - up(tick.at)), tick))
            .collect(),
        title: view.quantity(),
    };
    let bottom = Side::across(x, width, &letters);
    let margins = Margins {
        left: left.depth_upright(&letters),
        right: bottom.overhang(width, &letters),
        bottom: bottom.depth_across(),
    };
    let layout = Layout::new(width, height, &margins, !view.fixed.is_empty());
    let mut canvas = Canvas::new(layout.width as u32, layout.height as u32, &letters)?;
    draw_headline(&mut canvas, &layout, view, &letters);
    draw_sides(
        &mut canvas,
        &layout,
        &letters,
        (&left, &bottom),
        Ink([0; 3], 0.09),
    );

    let mut points: Vec<_> = view
        .numbers
        .iter()
        .enumerate()
        .map(|(index, &number)| {
            let across = layout.plot[0] + width * fraction(x, x.centre(index));
            let y = layout.plot[1] + height * (1.0 - up(number).clamp(0.0, 1.0));
            (number.is_nan(), (across, y))
        })
        .collect();
    points.dedup_by(|a, b| a.0 && b.0);
    for stretch in points.split(|(is_missing, _)| *is_missing) {
        let stretch: Vec<_> = stretch.iter().map(|&(_, point)| point).collect();
        canvas.line(&stretch, 3.0, LINE);
        if stretch.len() == 1 || view.numbers.len() <= DOT_COUNT_MAX {
            for point in stretch {
                canvas.dot(point, 5.0, LINE);
            }
        }
    }
    canvas.into_png()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::{Axis, Positions};

    fn view(lengths: &[usize], number: f64) -> View {
        let axes = lengths.iter().map(|&length| Axis {
            name: "axis".to_owned(),
            long_name: None,
            unit: None,
            downwards: false,
            positions: Positions::Numbers((0..length).map(|index| index as f64).collect()),
        });
        View {
            title: "a title that is far too long ".repeat(20),
            unit: Some("K".to_owned()),
            fixed: vec![("time".to_owned(), "2023-01-03".to_owned())],
            axes: axes.collect(),
            numbers: vec![number; lengths.iter().product()],
        }
    }

    #[test]
    fn odd_shapes_and_numbers_are_drawn() {
        for lengths in [
            &[1, 1][..],
            &[2, 3000],
            &[3000, 2],
            &[1],
            &[5000],
            &[0, 4],
            &[0],
        ] {
            for number in [f64::NAN, 0.0, f64::MAX, f64::INFINITY] {
                let png = draw(&view(lengths, number)).unwrap();
                assert_eq!(&png[1..4], b"PNG", "{lengths:?} of {number}");
            }
        }
        assert!(draw(&view(&[], 1.0)).is_err());
    }
}
