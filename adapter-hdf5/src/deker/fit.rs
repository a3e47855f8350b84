//! What fits into an attribute: NumPy's numbers have a width, and Deker's tuples do not hold everything that a list does.

use half::f16;
use hyperslab_core::{AttributeValue, Attributes, DType, Error, Result};
use num_complex::Complex64;

use super::schema::Layout;
use super::text;
use super::types::AttributeForm;

/// Refuses values that Deker would take for others, or could not hold at all.
///
/// # Errors
/// `InvalidInput` that names the attribute, and what it holds.
pub(super) fn check(layout: &Layout, values: &Attributes) -> Result<()> {
    match misfits(layout, values).next() {
        Some(misfit) => Err(Error::invalid(misfit)),
        None => Ok(()),
    }
}

/// What is wrong with each value that does not fit.
pub(super) fn misfits<'a>(
    layout: &'a Layout,
    values: &'a Attributes,
) -> impl Iterator<Item = String> + 'a {
    layout.attributes.iter().filter_map(|attribute| {
        let why = misfit(attribute.form, values.get(&attribute.name)?)?;
        Some(format!("attribute '{}': {why}", attribute.name))
    })
}

/// Why a value does not fit, if it does not.
pub(super) fn misfit(form: AttributeForm, value: &AttributeValue) -> Option<String> {
    let beyond = |dtype: DType, (lowest, highest): (String, String)| {
        format!("{value} does not fit into {dtype}, which holds {lowest} to {highest}")
    };
    match (form, value) {
        (AttributeForm::Int(dtype), AttributeValue::Int(number)) => {
            let (lowest, highest) = range(dtype);
            let fits = (lowest..=highest).contains(&i128::from(*number));
            (!fits).then(|| beyond(dtype, (lowest.to_string(), highest.to_string())))
        }
        (AttributeForm::Float(bits), AttributeValue::Float(number)) => {
            let dtype = if bits == 16 { DType::Float16 } else { DType::Float32 };
            (!holds(bits, *number)).then(|| beyond(dtype, ends(bits)))
        }
        (AttributeForm::Complex(bits), AttributeValue::Complex(number)) => {
            let fits = holds(bits, number.re) && holds(bits, number.im);
            (!fits).then(|| beyond(DType::Complex64, ends(bits)))
        }
        (_, AttributeValue::DateTime(time)) => text::datetime(*time).is_none().then(|| {
            format!("{time} cannot be kept by Deker: it has times to the microsecond, from the year 1 on")
        }),
        (_, AttributeValue::List(items) | AttributeValue::Tuple(items)) => {
            items.iter().find_map(item_misfit)
        }
        _ => None,
    }
}

fn item_misfit(item: &AttributeValue) -> Option<String> {
    match item {
        AttributeValue::Bool(_) => Some(format!(
            "{item} is in it, and Deker has no truth values in tuples; write 0 or 1"
        )),
        AttributeValue::Uuid(_) => Some(format!(
            "the UUID {item} is in it, and Deker has none in tuples; write it as text"
        )),
        item => misfit(AttributeForm::Tuple, item),
    }
}

/// The value that an attribute of that width holds in place of this one; one that does not fit stays.
pub(super) fn narrowed(form: AttributeForm, value: AttributeValue) -> AttributeValue {
    match (form, value) {
        (AttributeForm::Float(bits), AttributeValue::Float(number)) => {
            AttributeValue::Float(narrow(bits, number))
        }
        (AttributeForm::Complex(bits), AttributeValue::Complex(number)) => AttributeValue::Complex(
            Complex64::new(narrow(bits, number.re), narrow(bits, number.im)),
        ),
        (_, value) => value,
    }
}

/// The same for all values.
pub(super) fn all_narrowed(layout: &Layout, values: &Attributes) -> Attributes {
    let narrow = |(name, value): (&str, &AttributeValue)| {
        let known = layout.attributes.iter().find(|known| known.name == name);
        let value = value.clone();
        let value = match known {
            Some(attribute) => narrowed(attribute.form, value),
            None => value,
        };
        (name.to_owned(), value)
    };
    values.iter().map(narrow).collect()
}

/// The float of so many bits that is nearest; a number beyond all of them stays.
fn narrow(bits: u32, number: f64) -> f64 {
    if holds(bits, number) {
        nearest(bits, number)
    } else {
        number
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the nearest one is what is asked for"
)]
pub(super) fn nearest(bits: u32, number: f64) -> f64 {
    match bits {
        16 => f16::from_f64(number).to_f64(),
        32 => f64::from(number as f32),
        _ => number,
    }
}

fn holds(bits: u32, number: f64) -> bool {
    !number.is_finite() || nearest(bits, number).is_finite()
}

/// The lowest and the highest whole number of a type.
fn range(dtype: DType) -> (i128, i128) {
    let bits = 8 * dtype.size();
    match dtype {
        DType::Int8 | DType::Int16 | DType::Int32 | DType::Int64 => {
            (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        }
        _ => (0, (1 << bits) - 1),
    }
}

/// The lowest and the highest float of so many bits.
fn ends(bits: u32) -> (String, String) {
    let highest = match bits {
        16 => f16::MAX.to_f64(),
        _ => f64::from(f32::MAX),
    };
    (format!("{:e}", -highest), format!("{highest:e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_width_of_their_type() {
        let int = |dtype, number: i64| misfit(AttributeForm::Int(dtype), &number.into());
        for (dtype, lowest, highest) in [
            (DType::Int8, -128, 127),
            (DType::Int32, i64::from(i32::MIN), i64::from(i32::MAX)),
            (DType::UInt8, 0, 255),
            (DType::UInt64, 0, i64::MAX),
            (DType::Int64, i64::MIN, i64::MAX),
        ] {
            assert_eq!((int(dtype, lowest), int(dtype, highest)), (None, None));
        }
        assert_eq!(
            int(DType::Int8, 300).unwrap(),
            "300 does not fit into int8, which holds -128 to 127"
        );
        for (dtype, number) in [
            (DType::Int8, -129),
            (DType::UInt8, -1),
            (DType::UInt16, 65536),
            (DType::UInt64, -1),
        ] {
            assert!(int(dtype, number).is_some(), "{dtype} {number}");
        }
        let float = |bits, number: f64| misfit(AttributeForm::Float(bits), &number.into());
        for (bits, number, fits) in [
            (16, 65504.0, true),
            (16, 1e6, false),
            (32, 1e300, false),
            (32, f64::INFINITY, true),
            (16, f64::NAN, true),
            (64, 1e300, true),
        ] {
            assert_eq!(float(bits, number).is_none(), fits, "{bits} {number}");
        }
        let wide = AttributeValue::Complex(Complex64::new(1e300, 1.0));
        assert!(misfit(AttributeForm::Complex(32), &wide).is_some());
        assert!(misfit(AttributeForm::Complex(64), &wide).is_none());
    }

    #[test]
    fn tuples_hold_no_truth_values_and_no_ids() {
        let list = |items: Vec<AttributeValue>| AttributeValue::List(items);
        let told = |value| misfit(AttributeForm::Tuple, &value).unwrap_or_default();
        assert!(told(list(vec![1.into(), list(vec![true.into()])])).contains("truth values"));
        let id = "0807a453-b99e-437e-bdb1-a67ca1cc9d85";
        let uuid = AttributeValue::Uuid(id.parse().unwrap());
        assert!(told(list(vec![uuid])).contains(id));
        let time: hyperslab_core::Timestamp = "2020-01-01T00:00:00.000000001Z".parse().unwrap();
        assert!(told(list(vec![time.into()])).contains("microsecond"));
        assert_eq!(told(list(vec![1.into(), "true".into()])), "");
    }

    #[test]
    fn floats_are_those_of_their_width() {
        let narrow = |form, value: f64| narrowed(form, value.into());
        assert_eq!(
            narrow(AttributeForm::Float(32), 0.1),
            f64::from(0.1_f32).into()
        );
        assert_eq!(
            narrow(AttributeForm::Float(16), 0.1),
            0.099_975_585_937_5.into()
        );
        assert_eq!(narrow(AttributeForm::Float(64), 0.1), 0.1.into());
        assert_eq!(narrow(AttributeForm::Float(32), 1e300), 1e300.into());
        let parts = AttributeValue::Complex(Complex64::new(0.1, -2.0));
        let parts = narrowed(AttributeForm::Complex(32), parts);
        let wanted = Complex64::new(f64::from(0.1_f32), -2.0);
        assert_eq!(parts, AttributeValue::Complex(wanted));
    }
}
