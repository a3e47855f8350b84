//! The metadata of a file without dimensions: a text, a number and at most one variable, which is what Deker keeps an array in.

use hyperslab_core::{DType, Error, Result};

use super::content::{ImageContent, VariableContent, VariableStorage};
use super::datatype;
use super::header::{self, ObjectHeader, UNDEFINED};
use super::index::ChunkLocation;
use super::metadata::{StoredCells, index_shape, place};
use super::superblock;

/// A file that holds nothing but these.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BareContent {
    /// The name of a text in ASCII, and how many bytes are set aside for it.
    pub(crate) text: (&'static str, usize, String),
    /// The name of a number, and the number.
    pub(crate) number: (&'static str, i64),
    /// The shape of the variable, if there is one.
    pub(crate) shape: Vec<u64>,
    /// The variable, if there is one; its axes do not matter.
    pub(crate) variable: Option<VariableContent>,
}

/// Where each part lies: the objects, in the order of their names, then their cells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Addresses {
    root: u64,
    objects: Vec<u64>,
    number: u64,
    text: u64,
    cells: u64,
}

impl ImageContent for BareContent {
    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn variables(&self) -> &[VariableContent] {
        self.variable.as_slice()
    }

    fn shape(&self, _variable: &VariableContent) -> Vec<u64> {
        self.shape.clone()
    }

    fn metadata(&self, cells: &[StoredCells], end: u64) -> Result<Vec<u8>> {
        let guess = Addresses {
            objects: vec![0; self.variables().len() + 2],
            ..Addresses::default()
        };
        let (_, known) = self.pass(cells, &guess, end)?;
        Ok(self.pass(cells, &known, end)?.0)
    }

    fn has_footer(&self) -> bool {
        false
    }
}

impl BareContent {
    fn pass(
        &self,
        cells: &[StoredCells],
        known: &Addresses,
        end: u64,
    ) -> Result<(Vec<u8>, Addresses)> {
        let mut bytes = vec![0; superblock::SIZE];
        let mut found = Addresses {
            root: place(&mut bytes, &self.root(known)?),
            ..Addresses::default()
        };
        for (variable, cells) in self.variables().iter().zip(cells) {
            let object = self.variable(variable, cells, known.cells)?;
            found.objects.push(place(&mut bytes, &object));
        }
        let number = plain(&datatype::number(DType::Int64), 8, known.number)?;
        found.objects.push(place(&mut bytes, &number));
        let (_, size, text) = &self.text;
        let room = u32::try_from(*size).unwrap_or(u32::MAX);
        let object = plain(&datatype::padded_text(room), *size as u64, known.text)?;
        found.objects.push(place(&mut bytes, &object));
        found.number = place(&mut bytes, &self.number.1.to_le_bytes());
        let mut padded = text.clone().into_bytes();
        padded.resize(*size, 0);
        found.text = place(&mut bytes, &padded);
        found.cells = self.cells(&mut bytes, cells);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let block = superblock::shared(known.root, end);
        bytes[..superblock::SIZE].copy_from_slice(&block);
        Ok((bytes, found))
    }

    fn root(&self, known: &Addresses) -> Result<Vec<u8>> {
        let variables = self.variables().iter();
        let names = variables
            .map(|variable| variable.name.as_str())
            .chain([self.number.0, self.text.0]);
        let mut root = ObjectHeader::new(0)?;
        let count = known.objects.len() as u64;
        root.message(header::LINK_INFO, 0, &header::link_info(count))?;
        root.message(header::GROUP_INFO, header::CONSTANT, &header::group_info())?;
        for ((order, name), &address) in (0..).zip(names).zip(&known.objects) {
            root.message(header::LINK, 0, &header::link(name, order, address))?;
        }
        root.finish()
    }

    fn variable(
        &self,
        variable: &VariableContent,
        cells: &StoredCells,
        index: u64,
    ) -> Result<Vec<u8>> {
        let datatype = datatype::number(variable.dtype);
        let is_chunked = matches!(variable.storage, VariableStorage::Chunked { .. });
        let fill = header::fill_value(is_chunked, Some(&variable.fill.to_bytes()));
        let mut object = ObjectHeader::new(0)?;
        object.message(header::DATASPACE, 0, &header::dataspace(&self.shape))?;
        object.message(header::DATATYPE, header::CONSTANT, &datatype)?;
        object.message(header::FILL_VALUE, 0, &fill)?;
        match (&variable.storage, cells) {
            (
                VariableStorage::Chunked {
                    chunk_shape,
                    codecs,
                },
                StoredCells::Chunks(chunks),
            ) => {
                let shape = index_shape(variable, &self.shape, chunk_shape);
                object.message(header::LAYOUT, 0, &shape.layout(index, chunks))?;
                if !codecs.codecs().is_empty() {
                    object.message(header::FILTERS, 0, &header::filters(codecs))?;
                }
            }
            (_, StoredCells::Chunks(chunks)) => {
                let only = chunks.first().copied().unwrap_or(ChunkLocation::ABSENT);
                let layout = header::contiguous_layout(only.address, only.size);
                object.message(header::LAYOUT, 0, &layout)?;
            }
            (_, StoredCells::Elsewhere) => {
                return Err(Error::internal("cells in other files"));
            }
            (_, StoredCells::Inline(cells)) => {
                let layout = header::contiguous_layout(index, cells.len() as u64);
                object.message(header::LAYOUT, 0, &layout)?;
            }
        }
        object.finish()
    }

    /// Appends the cells that are part of the metadata, or the index of those that are not.
    fn cells(&self, bytes: &mut Vec<u8>, cells: &[StoredCells]) -> u64 {
        match (self.variables(), cells) {
            ([_], [StoredCells::Inline(cells)]) => place(bytes, cells),
            ([variable], [StoredCells::Chunks(chunks)]) => match &variable.storage {
                VariableStorage::Chunked { chunk_shape, .. } => {
                    let address = bytes.len().next_multiple_of(8) as u64;
                    let shape = index_shape(variable, &self.shape, chunk_shape);
                    place(bytes, &shape.index(address, chunks))
                }
                _ => UNDEFINED,
            },
            _ => UNDEFINED,
        }
    }
}

/// The object of one cell that lies at `address`.
fn plain(datatype: &[u8], size: u64, address: u64) -> Result<Vec<u8>> {
    let mut object = ObjectHeader::new(0)?;
    object.message(header::DATASPACE, 0, &header::dataspace(&[]))?;
    object.message(header::DATATYPE, header::CONSTANT, datatype)?;
    object.message(header::FILL_VALUE, 0, &header::fill_value(false, None))?;
    let layout = header::contiguous_layout(address, size);
    object.message(header::LAYOUT, 0, &layout)?;
    object.finish()
}
