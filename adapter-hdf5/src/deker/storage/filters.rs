//! Filters of HDF5 by their number, and the values with which Deker can use them.

pub(super) const GZIP: u16 = 1;
pub(super) const SZIP: u16 = 4;
pub(super) const LZF: u16 = 32000;
pub(super) const BLOSC: u16 = 32001;
pub(super) const ZSTD: u16 = 32015;

/// The filters that Deker names by a word.
const NAMED: [(&str, u16); 3] = [("gzip", GZIP), ("szip", SZIP), ("lzf", LZF)];

/// What `hdf5plugin` brings to Deker.
const PLUGINS: [u16; 10] = [
    307, BLOSC, 32004, 32008, 32013, ZSTD, 32017, 32018, 32024, 32026,
];

/// Where the level of Blosc is among its values; the way of shuffling and the compressor follow.
const BLOSC_LEVEL: usize = 4;

/// The word by which Deker names a filter.
pub(super) fn named(id: u16) -> Option<&'static str> {
    let found = NAMED.iter().find(|(_, known)| *known == id);
    found.map(|(name, _)| *name)
}

/// The filter that a name means here, where there are more of them.
pub(super) fn id_of(name: &str) -> Option<u16> {
    match name {
        "deflate" => Some(GZIP),
        "zstd" => Some(ZSTD),
        "blosc" => Some(BLOSC),
        name => deker_id_of(name),
    }
}

/// The filter that a name means in Deker.
pub(super) fn deker_id_of(name: &str) -> Option<u16> {
    let found = NAMED.iter().find(|(known, _)| *known == name);
    found.map_or_else(|| name.parse().ok(), |(_, id)| Some(*id))
}

/// Whether a filter is one of HDF5, or registered and met in storages of Deker.
pub(super) fn is_known(id: u16) -> bool {
    matches!(id, GZIP | SZIP | 307 | 32000..=32030)
}

/// Whether Deker can write with a filter as it comes.
pub(super) fn is_usable(id: u16) -> bool {
    matches!(id, GZIP | SZIP | LZF) || PLUGINS.contains(&id)
}

/// The filters that Deker can write with, for a person.
pub(super) fn usable() -> String {
    let numbers: Vec<String> = PLUGINS.iter().map(u16::to_string).collect();
    format!(
        "give none, gzip, lzf, szip, zstd, blosc, or the number of a filter that Deker has: {}",
        numbers.join(", ")
    )
}

/// The values of a filter as Deker wants them: a level alone is put in its place.
pub(super) fn spelled(id: u16, values: Vec<String>) -> Vec<String> {
    match (id, values.as_slice()) {
        (BLOSC, [level]) => ["0", "0", "0", "0", level, "1", "0"]
            .map(str::to_owned)
            .to_vec(),
        _ => values,
    }
}

/// Why a filter cannot be used with these values, if it cannot.
pub(super) fn misfit(id: u16, values: &[String]) -> Option<String> {
    let level = |name: &str, value: &String, highest: u32| {
        let fits = value.parse().is_ok_and(|level: u32| level <= highest);
        (!fits).then(|| format!("{name} has the levels 0 to {highest}, and not {value}"))
    };
    match (id, values) {
        (_, []) => None,
        (LZF, _) => Some("lzf has no level".to_owned()),
        (GZIP, [value, ..]) => level("gzip", value, 9),
        (SZIP, [coding, pixels]) if is_szip(coding, pixels) => None,
        (SZIP, _) => Some(
            "szip has no level, but two values: nn or ec, and an even number from 2 to 32"
                .to_owned(),
        ),
        (ZSTD, [value, ..]) => level("zstd", value, 22),
        (_, values) => match values.iter().find(|value| value.parse::<u32>().is_err()) {
            Some(value) => Some(format!(
                "its values are whole numbers from 0 on, and not {value}"
            )),
            None if id == BLOSC => {
                let value = values.get(BLOSC_LEVEL)?;
                level("blosc", value, 9)
            }
            None => None,
        },
    }
}

fn is_szip(coding: &str, pixels: &str) -> bool {
    let fits = |pixels: u32| pixels.is_multiple_of(2) && (2..=32).contains(&pixels);
    matches!(coding, "nn" | "ec") && pixels.parse().is_ok_and(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn values_are_those_that_deker_can_use() {
        for (id, texts) in [
            (GZIP, &[][..]),
            (GZIP, &["0"]),
            (GZIP, &["9"]),
            (LZF, &[]),
            (SZIP, &["nn", "8"]),
            (ZSTD, &["22"]),
            (BLOSC, &["0", "0", "0", "0", "9", "1", "5"]),
            (32008, &["0", "2"]),
        ] {
            assert_eq!(misfit(id, &values(texts)), None, "{id} {texts:?}");
        }
        for (id, texts) in [
            (GZIP, &["10"][..]),
            (GZIP, &["-1"]),
            (GZIP, &["fast"]),
            (LZF, &["3"]),
            (SZIP, &["4"]),
            (SZIP, &["nn", "7"]),
            (ZSTD, &["-5"]),
            (ZSTD, &["99"]),
            (BLOSC, &["0", "0", "0", "0", "10"]),
            (32008, &["-1"]),
        ] {
            assert!(misfit(id, &values(texts)).is_some(), "{id} {texts:?}");
        }
        let blosc = spelled(BLOSC, values(&["9"]));
        assert_eq!(blosc, values(&["0", "0", "0", "0", "9", "1", "0"]));
        assert_eq!(spelled(ZSTD, values(&["9"])), values(&["9"]));
    }
}
