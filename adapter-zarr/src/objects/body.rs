//! What an object is made of when it is put.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::ops::Range;

use bytes::Bytes;

/// The bytes of a new object: in one piece, or in parts of a buffer that stay where they are until they are put.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    buffer: Bytes,
    /// The parts, one after the other; `None` for all of the buffer.
    parts: Option<Vec<Range<usize>>>,
}

impl Body {
    /// These parts of a buffer; `None` when one does not lie in it.
    pub(crate) fn of_parts(buffer: Bytes, parts: Vec<Range<usize>>) -> Option<Self> {
        let all_inside = parts.iter().all(|part| buffer.get(part.clone()).is_some());
        let parts = Some(parts);
        all_inside.then_some(Self { buffer, parts })
    }

    /// The bytes in their order.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let whole = self.parts.is_none().then_some(&*self.buffer);
        let parts = self.parts.iter().flatten().cloned();
        let parts = parts.filter_map(|part| self.buffer.get(part));
        whole.into_iter().chain(parts)
    }

    /// The bytes in one piece.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self.parts {
            None => self.buffer,
            Some(_) => Bytes::from(self.slices().collect::<Vec<_>>().concat()),
        }
    }

    /// Writes all of it at the end of a file.
    pub(crate) fn write(&self, mut file: &File) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = self.slices().map(IoSlice::new).collect();
        let mut rest = &mut slices[..];
        // Empty ones would look like a file that takes no more.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match file.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => IoSlice::advance_slices(&mut rest, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl From<Bytes> for Body {
    fn from(buffer: Bytes) -> Self {
        let parts = None;
        Self { buffer, parts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_written_one_after_the_other() {
        let cells: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
        // More parts than a system call takes.
        let parts: Vec<Range<usize>> = (0..5000).rev().map(|n| n * 200..n * 200 + 77).collect();
        let expected: Vec<u8> = parts
            .iter()
            .flat_map(|part| &cells[part.clone()])
            .copied()
            .collect();
        let beyond = vec![0..9, 7..1 << 21];
        assert!(Body::of_parts(Bytes::from(cells.clone()), beyond).is_none());
        let body = Body::of_parts(Bytes::from(cells), parts).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("body");
        body.write(&File::create(&path).unwrap()).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), expected);
        assert_eq!(body.into_bytes(), expected);
    }

    #[test]
    fn nothing_is_written_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("body")).unwrap();
        for body in [
            Body::from(Bytes::new()),
            Body::of_parts(Bytes::new(), vec![0..0, 0..0]).unwrap(),
        ] {
            body.write(&file).unwrap();
        }
        assert_eq!(file.metadata().unwrap().len(), 0);
    }
}
