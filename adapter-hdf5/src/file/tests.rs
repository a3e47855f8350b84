//! Images read by the HDF5 library and by this crate say the same.

use super::*;
use crate::chunk::{ChunkGrid, Codec, CodecChain};
use hyperslab_cf::{AttributeContent, AxisContent, CoordinateCells, CoordinateContent};
use hyperslab_core::{ArrayBuf, AxisSlab, DType, Hyperslab, Scalar};
use hyperslab_engine::codec::Encode;
use hyperslab_engine::{Engine, Outgoing};

fn text(text: &str) -> AttributeContent {
    AttributeContent::Text(text.to_owned())
}

fn content(dtype: DType, size: u64, storage: VariableStorage) -> FileContent {
    let heights: Vec<f64> = (0..size).map(|height| height as f64 / 2.0).collect();
    let heights = ArrayBuf::from_slice(&[size], &heights).unwrap();
    let axis = |name: &str, size, values: Option<CoordinateCells>| AxisContent {
        name: name.to_owned(),
        size,
        coordinate: values.map(|values| CoordinateContent {
            values,
            attributes: vec![("long_name".to_owned(), text(name))],
        }),
    };
    let labels = CoordinateCells::Texts(vec!["first".to_owned(), "zwölf".to_owned()]);
    FileContent {
        attributes: vec![
            ("empty".to_owned(), text("")),
            ("größe".to_owned(), text("ähm")),
            ("long".to_owned(), text(&"x".repeat(70_000))),
            (
                "list".to_owned(),
                AttributeContent::Texts(vec!["a".to_owned(), "bc".to_owned()]),
            ),
            ("int".to_owned(), AttributeContent::number(-5_i64).unwrap()),
            ("byte".to_owned(), AttributeContent::number(200_u8).unwrap()),
            (
                "floats".to_owned(),
                AttributeContent::numbers(&[0.5_f64, 2.0]).unwrap(),
            ),
        ],
        axes: vec![
            axis("height", size, Some(CoordinateCells::Numbers(heights))),
            axis("plain", size, None),
            axis("label", 2, Some(labels)),
        ],
        variables: vec![VariableContent {
            name: "cells".to_owned(),
            dtype,
            axes: vec![0, 1, 2],
            fill: Scalar::default_fill(dtype),
            declares_fill: true,
            attributes: vec![("units".to_owned(), text("K"))],
            storage,
        }],
    }
}

fn chunked(chunk: u64, codecs: Vec<Codec>) -> VariableStorage {
    VariableStorage::Chunked {
        chunk_shape: vec![chunk, chunk, 2],
        codecs: CodecChain::new(codecs),
    }
}

/// Writes an image with every chunk but the fourth, and returns it with the cells that it holds.
fn image(content: &FileContent) -> Vec<u8> {
    let variable = &content.variables[0];
    let mut writer = ImageWriter::new(content, None).unwrap();
    match &variable.storage {
        VariableStorage::Tiles(_) => {}
        VariableStorage::Whole | VariableStorage::Contiguous => {
            let shape = content.shape(variable);
            let cells = ArrayBuf::filled(variable.fill, &shape).unwrap();
            writer.put_whole(0, cells.bytes()).unwrap();
        }
        VariableStorage::Chunked {
            chunk_shape,
            codecs,
        } => {
            let grid = ChunkGrid::new(&content.shape(variable), chunk_shape);
            let size = index(grid.chunk_bytes(variable.dtype.size()));
            for number in (0..grid.chunk_count()).filter(|number| *number != 3) {
                let cells: Vec<u8> = (0..size)
                    .map(|byte| u8::from((byte as u64 + number).is_multiple_of(7)))
                    .collect();
                let mut encoded = Outgoing::new(0);
                codecs.encode_onto(&cells, &mut encoded).unwrap();
                let encoded = EncodedChunk::new(encoded, 0);
                writer.put_chunk(0, number, encoded).unwrap();
            }
        }
    }
    writer.finish().unwrap()
}

/// Reads the same image through both paths and compares everything.
fn check_image(content: &FileContent, what: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (own, foreign) = (
        folder.path().join("own.nc"),
        folder.path().join("foreign.nc"),
    );
    let bytes = image(content);
    assert_eq!(
        bytes,
        image(content),
        "{what}: the same content gives the same bytes"
    );
    std::fs::write(&own, &bytes).unwrap();
    // Without its footer the file is one of another program.
    std::fs::write(&foreign, &bytes[..index(footer_of(&bytes).length)]).unwrap();
    let open = |path: &std::path::Path| {
        let opened = ArrayFile::begin_open(path, "cells").unwrap();
        opened.finish().unwrap()
    };
    let own = open(&own);
    let foreign = open(&foreign);
    assert!(own.is_stamped() && !foreign.is_stamped());
    assert_eq!(own.header().attributes, content.attributes, "{what}");
    // The library lists them by name.
    let mut named = content.attributes.clone();
    named.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(foreign.header().attributes, named, "{what}");
    let variable = &content.variables[0];
    let (parsed, read) = (&own.header().variable, &foreign.header().variable);
    assert_eq!(parsed.attributes, read.attributes, "{what}");
    assert_eq!(
        (parsed.dtype, &parsed.shape),
        (read.dtype, &read.shape),
        "{what}"
    );
    assert_eq!(parsed.shape, content.shape(variable));
    if matches!(variable.storage, VariableStorage::Chunked { .. }) {
        assert_eq!(parsed.cells, read.cells, "{what}");
    }
    own.verify().unwrap();
    own.decode_all(variable.fill).unwrap();
    foreign.decode_all(variable.fill).unwrap();

    let axis = |size: u64| AxisSlab {
        start: size.min(1),
        count: size.saturating_sub(1).div_ceil(2),
        stride: 2,
    };
    let axes = parsed.shape.iter().map(|&size| axis(size)).collect();
    let slab = Hyperslab::new(axes, &parsed.shape).unwrap();
    let read = |file: &ArrayFile| {
        let out = ArrayBuf::zeroed(variable.dtype, &slab.shape()).unwrap();
        let engine = Engine::new(1 << 20);
        file.read_into(&engine, &slab, &variable.fill.to_bytes(), out)
            .unwrap()
    };
    let through_library = || {
        let (path, name) = (folder.path().join("own.nc"), "cells".to_owned());
        library::read_cells(path, name, slab.clone(), parsed.dtype).unwrap()
    };
    assert_eq!(read(&own), read(&foreign), "{what}");
    assert_eq!(read(&own).bytes(), through_library(), "{what}");
}

fn index(position: u64) -> usize {
    crate::index(position)
}

fn footer_of(bytes: &[u8]) -> footer::Footer {
    let last = bytes.last_chunk().unwrap();
    let footer = footer::Footer::from_bytes(last, bytes.len() as u64);
    footer.unwrap().unwrap()
}

/// Reads a box of an array file of these bytes.
fn read_box(bytes: &[u8], start: [u64; 3], count: [u64; 3]) -> hyperslab_core::Result<ArrayBuf> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.nc");
    std::fs::write(&path, bytes).unwrap();
    let file = ArrayFile::begin_open(&path, "cells").unwrap().finish()?;
    let variable = &file.header().variable;
    let axis = |(start, count)| AxisSlab {
        start,
        count,
        stride: 1,
    };
    let axes = start.into_iter().zip(count).map(axis).collect();
    let slab = Hyperslab::new(axes, &variable.shape).unwrap();
    let out = ArrayBuf::zeroed(variable.dtype, &slab.shape()).unwrap();
    let fill = Scalar::default_fill(variable.dtype).to_bytes();
    file.read_into(&Engine::new(1 << 20), &slab, &fill, out)
}

#[test]
fn parts_of_chunks_are_read_and_verified_by_pages() {
    // Nine chunks of 40,000 bytes: five pages each. The fourth is not there.
    let content = content(DType::Int16, 300, chunked(100, vec![Codec::Fletcher32]));
    let bytes = image(&content);
    let footer = footer_of(&bytes);
    assert_eq!(footer.sums_length, (8 * 5 + 1) * 4);
    let whole = || ([0, 0, 0], [300, 300, 2]);
    // Each in the fifth chunk, which is the fourth that is there: in its first page, and in its last one.
    let (first, last) = (([100, 100, 0], [2, 3, 2]), ([197, 120, 0], [2, 3, 1]));
    let expected = read_box(&bytes, whole().0, whole().1).unwrap();
    for (start, count) in [first, last] {
        let found = read_box(&bytes, start, count).unwrap();
        let cells = found.to_ndarray::<i16>().unwrap();
        let all = expected.to_ndarray::<i16>().unwrap();
        for (at, cell) in cells.indexed_iter() {
            let at: Vec<usize> = (0..3).map(|axis| index(start[axis]) + at[axis]).collect();
            assert_eq!(*cell, all[at.as_slice()]);
        }
    }
    let chunk = u64::from(footer.metadata_length) + 3 * 40_004;
    let damaged = |place: u64| {
        let mut bytes = bytes.clone();
        bytes[index(place)] ^= 1;
        let fails = |(start, count)| match read_box(&bytes, start, count) {
            Ok(_) => false,
            Err(error) => {
                assert_eq!(error.kind(), hyperslab_core::ErrorKind::Corrupt, "{error}");
                true
            }
        };
        [first, last, whole()].map(fails)
    };
    assert_eq!(damaged(chunk), [true, false, true]);
    assert_eq!(damaged(chunk + 8191), [true, false, true]);
    assert_eq!(damaged(chunk + 8192), [false, false, true]);
    assert_eq!(damaged(chunk + 39_999), [false, true, true]);
    // Nothing is damaged but a checksum of a page.
    assert_eq!(damaged(footer.length + 3 * 20), [true, false, false]);
    assert_eq!(damaged(footer.length + 3 * 20 + 16), [false, true, false]);
}

#[test]
fn checksums_of_pages_that_are_damaged_are_found() {
    let content = content(DType::Int16, 300, chunked(100, vec![Codec::Fletcher32]));
    let mut bytes = image(&content);
    let footer = footer_of(&bytes);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it.nc");
    for place in [footer.length, footer.length + footer.sums_length - 1] {
        bytes[index(place)] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let file = ArrayFile::begin_open(&path, "cells").unwrap().finish();
        let error = file.unwrap().verify().unwrap_err();
        assert!(error.message().contains("checksums"), "{error}");
        bytes[index(place)] ^= 1;
    }
}

#[test]
fn chunks_of_a_page_and_encoded_ones_have_no_checksums_of_pages() {
    for (chunk, codecs) in [
        (30, vec![Codec::Fletcher32]),
        (100, vec![Codec::Deflate { level: 1 }, Codec::Fletcher32]),
        (100, vec![]),
    ] {
        let bytes = image(&content(DType::Int16, 300, chunked(chunk, codecs)));
        assert_eq!(footer_of(&bytes).sums_length, 0);
    }
}

#[test]
fn the_library_reads_every_element_type() {
    for dtype in DType::ALL {
        let cell_size = u32::try_from(dtype.size()).unwrap();
        let codecs = vec![Codec::Shuffle { cell_size }, Codec::Deflate { level: 4 }];
        check_image(&content(dtype, 5, chunked(2, codecs.clone())), dtype.name());
        check_image(&content(dtype, 5, chunked(5, codecs)), dtype.name());
        check_image(&content(dtype, 5, VariableStorage::Whole), dtype.name());
    }
}

#[test]
fn the_library_reads_every_index() {
    let deflate = || vec![Codec::Deflate { level: 1 }];
    for (size, chunk) in [
        (1, 1),
        (4, 4),
        (9, 4),
        (64, 2),
        (66, 2),
        (100, 2),
        (300, 300),
    ] {
        check_image(
            &content(DType::Int16, size, chunked(chunk, deflate())),
            "filtered",
        );
        check_image(
            &content(DType::Int16, size, chunked(chunk, vec![])),
            "unfiltered",
        );
        let checked = vec![Codec::Fletcher32];
        check_image(
            &content(DType::Int16, size, chunked(chunk, checked)),
            "checked",
        );
    }
    check_image(
        &content(DType::Float64, 0, VariableStorage::Whole),
        "no cell",
    );
    let mut one = content(DType::Float64, 3, VariableStorage::Whole);
    one.variables[0].axes.clear();
    check_image(&one, "no axis");
}

#[test]
fn many_labels_need_many_heaps() {
    let mut many = content(DType::UInt8, 0, VariableStorage::Whole);
    let labels: Vec<String> = (0..5000).map(|number| format!("label {number}")).collect();
    many.axes[0].size = 5000;
    let values = CoordinateCells::Texts(labels);
    many.axes[0].coordinate = Some(CoordinateContent {
        values,
        attributes: Vec::new(),
    });
    check_image(&many, "labels");
}

#[test]
fn content_that_contradicts_itself_is_refused() {
    let mut twice = content(DType::UInt8, 3, VariableStorage::Whole);
    twice.variables[0].name = "plain".to_owned();
    assert!(ImageWriter::new(&twice, None).is_err());
    let mut short = content(DType::UInt8, 3, VariableStorage::Whole);
    short.axes[0].size = 4;
    assert!(ImageWriter::new(&short, None).is_err());
    let mut large = content(DType::UInt8, 3, VariableStorage::Whole);
    let values = vec![0.0_f64; 9000];
    let attribute = AttributeContent::numbers(&values).unwrap();
    large.attributes.push(("large".to_owned(), attribute));
    let error = ImageWriter::new(&large, None).unwrap_err();
    assert!(error.message().contains("'large'"), "{error}");
}
