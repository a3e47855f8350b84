//! How much memory one read may take.

use std::fmt;
use std::str::FromStr;

use crate::{DType, Error, Result, Schema, byte_count};

/// The most bytes one read may put into memory. The default is three quarters of the memory of the machine.
///
/// The text form is a number of bytes, or one with `K`, `M`, `G` or `T` (powers of 1024) behind it.
///
/// ```
/// use hyperslab_core::MemoryLimit;
///
/// assert_eq!("512M".parse::<MemoryLimit>()?.bytes(), 512 << 20);
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimit(u64);

impl MemoryLimit {
    /// A limit of that many bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The limit in bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Refuses a result of that type and shape when it is larger.
    ///
    /// # Errors
    /// `TooLarge` with both numbers.
    pub fn admit(self, dtype: DType, shape: &[u64]) -> Result<()> {
        let needed = byte_count(dtype, shape)? as u64;
        if needed <= self.0 {
            return Ok(());
        }
        Err(Error::too_large(format!(
            "shape {shape:?} of {dtype} takes {needed} bytes, the memory limit is {} bytes; select less, or raise the limit",
            self.0
        )))
    }

    /// Refuses a schema of which no array could be read whole.
    ///
    /// # Errors
    /// `TooLarge` with both numbers.
    pub fn admit_whole(self, schema: &Schema) -> Result<()> {
        let needed = schema.array_bytes();
        if needed <= self.0 {
            return Ok(());
        }
        Err(Error::too_large(format!(
            "one array of shape {:?} of {} takes {needed} bytes, the memory limit is {} bytes; it can be read in parts only",
            schema.shape(),
            schema.dtype(),
            self.0
        )))
    }
}

/// What is done about a new collection of arrays of which none could be read whole within the memory limit.
///
/// Such collections are nothing unusual: arrays larger than memory are written and read in parts. So a warning is what there is
/// unless more is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemoryCheck {
    /// It is created, and a warning goes to the log.
    #[default]
    Warn,
    /// It is refused as `TooLarge`, with the numbers.
    Refuse,
    /// It is created.
    Off,
}

impl Default for MemoryLimit {
    fn default() -> Self {
        Self(memory_of_machine() / 4 * 3)
    }
}

/// The memory of the machine in bytes.
#[cfg(target_os = "linux")]
#[must_use]
pub fn memory_of_machine() -> u64 {
    let info = rustix::system::sysinfo();
    #[expect(
        clippy::useless_conversion,
        reason = "the width of totalram differs between machines"
    )]
    let total = u64::from(info.totalram).saturating_mul(u64::from(info.mem_unit.max(1)));
    total
}

/// What is taken for the memory of a machine that does not tell.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn memory_of_machine() -> u64 {
    8 << 30
}

impl fmt::Display for MemoryLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MemoryLimit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (digits, shift) = match text.char_indices().next_back() {
            Some((at, unit)) if unit.is_ascii_alphabetic() => {
                let shift = match unit.to_ascii_uppercase() {
                    'K' => Some(10),
                    'M' => Some(20),
                    'G' => Some(30),
                    'T' => Some(40),
                    _ => None,
                };
                (&text[..at], shift)
            }
            _ => (text, Some(0)),
        };
        digits
            .parse::<u64>()
            .ok()
            .zip(shift)
            .and_then(|(number, shift)| number.checked_mul(1 << shift))
            .map(Self)
            .ok_or_else(|| {
                Error::invalid(format!(
                    "'{text}' is not a memory limit; write it like 100K, 512M or 4G"
                ))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_powers_of_1024() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("100K", 102_400),
            ("4g", 4 << 30),
            ("1T", 1 << 40),
        ] {
            assert_eq!(text.parse::<MemoryLimit>().unwrap().bytes(), bytes);
        }
        for text in ["", "K", "1.5G", "-1", "5X", "99999999999T", "ü"] {
            assert!(text.parse::<MemoryLimit>().is_err(), "{text}");
        }
        assert!(MemoryLimit::default().bytes() > 64 << 20);
    }

    #[test]
    fn a_refusal_names_both_numbers() {
        let error = MemoryLimit::new(100)
            .admit(DType::Float64, &[4, 4])
            .unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::TooLarge);
        assert!(
            error.message().contains("128") && error.message().contains("100"),
            "{error}"
        );
        let huge = Schema::builder(DType::Float64)
            .dimension(crate::Dimension::new("x", 1 << 62))
            .dimension(crate::Dimension::new("y", 1 << 1))
            .build()
            .unwrap();
        let error = MemoryLimit::new(100).admit_whole(&huge).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::TooLarge);
        assert!(error.message().contains("limit is 100 bytes"), "{error}");
    }
}
