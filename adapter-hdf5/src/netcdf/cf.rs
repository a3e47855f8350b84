//! The parts of the CF conventions that decide what numbers mean: times and packing. Pure: nothing here touches a file.

mod calendar;
mod packing;
mod time_axis;
mod time_units;

pub use calendar::Calendar;
pub use packing::Packing;
pub(crate) use packing::PackingAttributes;
pub use time_axis::{TimeAxis, TimeNumbers, encode_instants};
pub use time_units::{TimeUnit, TimeUnits, is_time_units};
