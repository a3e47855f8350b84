//! The colours of a picture, with the numbers they stand for.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "pixel positions are small positive numbers"
)]

use super::{
    BAR_WIDTH, BLACK, FRAME, GAP, GREY, LABEL_SIZE, Layout, MISSING, TICK_LENGTH, TICK_SIZE,
    lettering,
};
use crate::render::canvas::{Anchor, Canvas, Ink, Type};
use crate::render::colors::ColorScale;
use crate::render::ticks::Tick;

/// What is written beside the colours.
pub(super) struct Bar<'a> {
    pub(super) ticks: &'a [Tick],
    pub(super) gap: f32,
    pub(super) text_width: f32,
    pub(super) has_missing: bool,
    pub(super) title: String,
}

pub(super) fn draw_bar(
    canvas: &mut Canvas<'_>,
    layout: &Layout,
    letters: &Type,
    colors: &ColorScale,
    bar: &Bar<'_>,
) {
    let [_, top, _, height] = layout.plot;
    let left = (layout.right() + bar.gap).round();
    for line in 0..height as usize {
        let up = 1.0 - (line as f64 + 0.5) / f64::from(height);
        let ink = Ink(colors.at(up), 1.0);
        canvas.rectangle(left, top + line as f32, BAR_WIDTH, 1.0, ink);
    }
    canvas.frame([left, top, BAR_WIDTH, height], FRAME, GREY);
    let right = left + BAR_WIDTH + FRAME;
    let style = lettering(TICK_SIZE, BLACK, Anchor::Start);
    for tick in bar.ticks {
        let down = height * (1.0 - colors.fraction(tick.at) as f32);
        let y = (top + down).round().clamp(top, top + height - 1.0);
        canvas.rectangle(right, y, TICK_LENGTH, 2.0, GREY);
        canvas.text(
            &tick.text,
            right + TICK_LENGTH + GAP - FRAME,
            y + TICK_SIZE * 0.36,
            style,
        );
    }
    if bar.has_missing {
        let y = (layout.bottom() + TICK_LENGTH + 8.0).round();
        let swatch = [left, y + 1.0, BAR_WIDTH, TICK_SIZE];
        canvas.rectangle(
            swatch[0],
            swatch[1],
            swatch[2],
            swatch[3],
            Ink(MISSING, 1.0),
        );
        canvas.frame(swatch, FRAME, GREY);
        canvas.text(
            "missing",
            right + TICK_LENGTH + GAP - FRAME,
            y + TICK_SIZE * 0.86,
            style,
        );
    }
    let mut style = lettering(LABEL_SIZE, BLACK, Anchor::Middle);
    style.upwards = true;
    let title = letters.fitted(&bar.title, LABEL_SIZE, false, height);
    let x = right + TICK_LENGTH + GAP + bar.text_width + GAP + LABEL_SIZE * 0.8;
    canvas.text(&title, x, top + height / 2.0, style);
}
