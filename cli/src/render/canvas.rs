//! A white sheet on which rectangles, lines and text are drawn. Positions are in pixels from the top left.

use hyperslab::{Error, Result};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform,
};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

use super::colors::Rgb;

/// A colour and how much of it covers what is below, from 0 to 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ink(pub(crate) Rgb, pub(crate) f32);

/// Which end of a text its position names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lettering {
    /// The size of the em square.
    pub(crate) size: f32,
    pub(crate) bold: bool,
    pub(crate) ink: Ink,
    pub(crate) anchor: Anchor,
    /// Whether it runs upwards.
    pub(crate) upwards: bool,
}

/// Measures and outlines text in the two faces of one font.
pub(crate) struct Type {
    regular: Face<'static>,
    bold: Face<'static>,
}

/// The sheet.
pub(crate) struct Canvas<'a> {
    pixmap: Pixmap,
    letters: &'a Type,
}

impl Type {
    /// The font that the program carries.
    pub(crate) fn new() -> Result<Self> {
        let parse = |bytes| {
            Face::parse(bytes, 0).map_err(|source| {
                Error::internal("the font of the program does not load").with_source(source)
            })
        };
        Ok(Self {
            regular: parse(dejavu::sans::regular())?,
            bold: parse(dejavu::sans::bold())?,
        })
    }

    /// The width of a text.
    pub(crate) fn width(&self, text: &str, size: f32, bold: bool) -> f32 {
        let face = self.face(bold);
        let units: f32 = text
            .chars()
            .map(|letter| advance(face, glyph(face, letter)))
            .sum();
        units * size / f32::from(face.units_per_em())
    }

    /// The text, cut with an ellipsis when it is wider than `width`.
    pub(crate) fn fitted(&self, text: &str, size: f32, bold: bool, width: f32) -> String {
        if self.width(text, size, bold) <= width {
            return text.to_owned();
        }
        let mut short = text.to_owned();
        while short.pop().is_some() {
            let candidate = format!("{}…", short.trim_end());
            if self.width(&candidate, size, bold) <= width {
                return candidate;
            }
        }
        String::new()
    }

    fn face(&self, bold: bool) -> &Face<'static> {
        if bold { &self.bold } else { &self.regular }
    }

    fn outline(&self, text: &str, bold: bool) -> Option<Path> {
        let face = self.face(bold);
        let mut pen = Pen {
            path: PathBuilder::new(),
            x: 0.0,
        };
        for letter in text.chars() {
            let glyph = glyph(face, letter);
            face.outline_glyph(glyph, &mut pen);
            pen.x += advance(face, glyph);
        }
        pen.path.finish()
    }
}

/// The glyph of a letter, or the box that stands for letters the font does not have.
fn glyph(face: &Face<'_>, letter: char) -> GlyphId {
    face.glyph_index(letter).unwrap_or(GlyphId(0))
}

fn advance(face: &Face<'_>, glyph: GlyphId) -> f32 {
    face.glyph_hor_advance(glyph).unwrap_or(0).into()
}

impl<'a> Canvas<'a> {
    /// A white sheet.
    pub(crate) fn new(width: u32, height: u32, letters: &'a Type) -> Result<Self> {
        let mut pixmap = Pixmap::new(width, height)
            .ok_or_else(|| Error::internal(format!("no picture of {width} x {height} pixels")))?;
        pixmap.fill(Color::WHITE);
        Ok(Self { pixmap, letters })
    }

    /// Fills whole pixels.
    pub(crate) fn rectangle(&mut self, x: f32, y: f32, width: f32, height: f32, ink: Ink) {
        if let Some(rect) = Rect::from_xywh(x, y, width, height) {
            let mut paint = paint(ink);
            paint.anti_alias = false;
            self.pixmap
                .fill_rect(rect, &paint, Transform::identity(), None);
        }
    }

    /// Draws the outline of a rectangle, outside of it.
    pub(crate) fn frame(&mut self, [x, y, width, height]: [f32; 4], line: f32, ink: Ink) {
        self.rectangle(x - line, y - line, width + 2.0 * line, line, ink);
        self.rectangle(x - line, y + height, width + 2.0 * line, line, ink);
        self.rectangle(x - line, y, line, height, ink);
        self.rectangle(x + width, y, line, height, ink);
    }

    /// Draws a line through points.
    pub(crate) fn line(&mut self, points: &[(f32, f32)], width: f32, ink: Ink) {
        let mut path = PathBuilder::new();
        for (index, &(x, y)) in points.iter().enumerate() {
            if index == 0 {
                path.move_to(x, y);
            } else {
                path.line_to(x, y);
            }
        }
        let stroke = Stroke {
            width,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        if let Some(path) = path.finish() {
            self.pixmap
                .stroke_path(&path, &paint(ink), &stroke, Transform::identity(), None);
        }
    }

    /// Draws a filled circle.
    pub(crate) fn dot(&mut self, (x, y): (f32, f32), radius: f32, ink: Ink) {
        if let Some(path) = PathBuilder::from_circle(x, y, radius) {
            self.fill(&path, ink, Transform::identity());
        }
    }

    /// Writes text. `y` is the base line; of text that runs upwards, `x` is.
    pub(crate) fn text(&mut self, text: &str, x: f32, y: f32, lettering: Lettering) {
        let Some(path) = self.letters.outline(text, lettering.bold) else {
            return;
        };
        let width = self.letters.width(text, lettering.size, lettering.bold);
        let back = match lettering.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        };
        let face = self.letters.face(lettering.bold);
        let scale = lettering.size / f32::from(face.units_per_em());
        let place = Transform::from_scale(scale, -scale).post_translate(-back, 0.0);
        let place = if lettering.upwards {
            place.post_rotate(-90.0)
        } else {
            place
        };
        self.fill(&path, lettering.ink, place.post_translate(x, y));
    }

    /// The sheet as the bytes of a PNG file.
    pub(crate) fn into_png(self) -> Result<Vec<u8>> {
        self.pixmap.encode_png().map_err(|source| {
            Error::internal("the picture does not encode as PNG").with_source(source)
        })
    }

    fn fill(&mut self, path: &Path, ink: Ink, place: Transform) {
        self.pixmap
            .fill_path(path, &paint(ink), FillRule::Winding, place, None);
    }
}

fn paint(Ink([red, green, blue], opacity): Ink) -> Paint<'static> {
    let mut paint = Paint::default();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the opacity is between 0 and 1"
    )]
    paint.set_color_rgba8(
        red,
        green,
        blue,
        (opacity.clamp(0.0, 1.0) * 255.0).round() as u8,
    );
    paint.anti_alias = true;
    paint
}

/// Collects glyph outlines side by side, in font units, upwards.
struct Pen {
    path: PathBuilder,
    x: f32,
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.path.quad_to(self.x + x1, y1, self.x + x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.path
            .cubic_to(self.x + x1, y1, self.x + x2, y2, self.x + x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
