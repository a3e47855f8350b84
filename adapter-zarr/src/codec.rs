//! The codecs of a chunk: cells in native byte order on one side, stored bytes on the other. The chunk engine runs those that it
//! has, zarrs all others.

mod native;

use std::borrow::Cow;
use std::num::NonZeroU64;

use hyperslab_core::{DType, Error, Result, Scalar};
use hyperslab_engine::Outgoing;
use hyperslab_engine::codec::{CodecChain as NativeChain, Decode, Encode};
use serde_json::Value;
use zarrs::array::{
    ArrayBytes, ArrayToBytesCodecTraits, CodecChain, CodecOptions, DataType, FillValue,
};
use zarrs::metadata::v3::MetadataV3;

pub(crate) use self::native::chain as native_chain;

/// What the chunks of an array go through.
#[derive(Debug, Clone)]
pub(crate) struct Codecs {
    chain: CodecChain,
    native: Option<NativeChain>,
    dtype: DataType,
    fill: FillValue,
    shape: Vec<NonZeroU64>,
    byte_count: usize,
    names: Vec<String>,
}

impl Codecs {
    /// The codecs that Zarr metadata name, for chunks of a shape.
    ///
    /// # Errors
    /// `Unsupported` that names a codec or its configuration.
    pub(crate) fn new(
        metadata: &[Value],
        dtype: DType,
        fill: Scalar,
        shape: &[u64],
    ) -> Result<Self> {
        let codecs: Vec<MetadataV3> = metadata.iter().map(parse).collect::<Result<_>>()?;
        let chain = CodecChain::from_metadata(&codecs)
            .map_err(|error| Error::unsupported(format!("codecs: {error}")).with_source(error))?;
        let name = MetadataV3::new(dtype.name());
        let shape: Vec<NonZeroU64> = shape
            .iter()
            .map(|&length| NonZeroU64::new(length))
            .collect::<Option<_>>()
            .ok_or_else(|| Error::invalid("a chunk must not have a length of zero"))?;
        Ok(Self {
            chain,
            dtype: DataType::from_metadata(&name).map_err(|error| {
                Error::unsupported(format!("data type: {error}")).with_source(error)
            })?,
            fill: FillValue::from(fill.to_bytes()),
            byte_count: shape
                .iter()
                .try_fold(dtype.size(), |bytes, length| {
                    let length = usize::try_from(length.get()).ok();
                    length.and_then(|length| bytes.checked_mul(length))
                })
                .ok_or_else(|| Error::too_large("a chunk does not fit in memory"))?,
            shape,
            native: native::chain(metadata, dtype),
            names: codecs.iter().map(|codec| codec.name().to_owned()).collect(),
        })
    }

    /// The names of the codecs, in the order of writing.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Bytes of the cells of one chunk.
    pub(crate) fn byte_count(&self) -> usize {
        self.byte_count
    }

    /// Encodes the cells of one chunk.
    pub(crate) fn encode(&self, cells: &[u8]) -> Result<Vec<u8>> {
        if let Some(native) = &self.native {
            return native.encode(cells);
        }
        let bytes = ArrayBytes::new_flen(Cow::Borrowed(cells));
        self.chain
            .encode(bytes, &self.shape, &self.dtype, &self.fill, &options())
            .map(Cow::into_owned)
            .map_err(|error| Error::internal(format!("a chunk is not encoded: {error}")))
    }

    /// Room for an encoded chunk, as a rule.
    pub(crate) fn room(&self) -> usize {
        self.byte_count + self.byte_count / 128 + 4096
    }

    /// Whether chunks are stored as their cells are in memory.
    pub(crate) fn stores_cells(&self) -> bool {
        self.native.as_ref().is_some_and(NativeChain::is_raw)
    }

    /// The cells of a chunk that nothing but checksums follow, all of which hold.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub(crate) fn checked<'a>(&self, stored: &'a [u8]) -> Result<&'a [u8]> {
        let cells = match &self.native {
            Some(native) => native.checked(stored)?,
            None => stored,
        };
        if cells.len() == self.byte_count {
            return Ok(cells);
        }
        Err(Error::corrupt(format!(
            "a chunk has {} bytes, not {}",
            cells.len(),
            self.byte_count
        )))
    }

    /// Decodes one chunk into `out`, which has the bytes of its cells.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub(crate) fn decode_into(&self, stored: &[u8], out: &mut [u8]) -> Result<()> {
        match &self.native {
            Some(native) => native.decode(stored, 0, out),
            None => {
                out.copy_from_slice(&self.decode_by_zarrs(stored)?);
                Ok(())
            }
        }
    }

    /// Decodes one chunk.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are not what these codecs have made.
    pub(crate) fn decode(&self, stored: &[u8]) -> Result<Vec<u8>> {
        if self.native.is_none() {
            return self.decode_by_zarrs(stored);
        }
        let mut cells = vec![0; self.byte_count];
        self.decode_into(stored, &mut cells)?;
        Ok(cells)
    }

    fn decode_by_zarrs(&self, stored: &[u8]) -> Result<Vec<u8>> {
        let corrupt = |reason: String| Error::corrupt(format!("a chunk does not decode: {reason}"));
        let decoded = self
            .chain
            .decode(
                Cow::Borrowed(stored),
                &self.shape,
                &self.dtype,
                &self.fill,
                &options(),
            )
            .and_then(|bytes| Ok(bytes.into_fixed()?.into_owned()))
            .map_err(|error| corrupt(error.to_string()))?;
        if decoded.len() == self.byte_count {
            return Ok(decoded);
        }
        Err(corrupt(format!(
            "{} bytes came out, not {}",
            decoded.len(),
            self.byte_count
        )))
    }
}

impl Decode for Codecs {
    fn decode(&self, bytes: &[u8], _: u32, out: &mut [u8]) -> Result<()> {
        self.decode_into(bytes, out)
    }

    fn is_raw(&self) -> bool {
        self.native.as_ref().is_some_and(NativeChain::is_raw)
    }
}

impl Encode for Codecs {
    fn encode_onto(&self, cells: &[u8], out: &mut Outgoing) -> Result<()> {
        match &self.native {
            Some(native) => native.encode_onto(cells, out),
            None => {
                out.extend(&self.encode(cells)?);
                Ok(())
            }
        }
    }

    fn has_only_checksums(&self) -> bool {
        (self.native.as_ref()).is_some_and(NativeChain::has_only_checksums)
    }

    fn put_checksums(&self, out: &mut Outgoing, start: usize) {
        if let Some(native) = &self.native {
            native.put_checksums(out, start);
        }
    }
}

fn parse(metadata: &Value) -> Result<MetadataV3> {
    serde_json::from_value(metadata.clone())
        .map_err(|error| Error::unsupported(format!("codec {metadata}: {error}")))
}

fn options() -> CodecOptions {
    // Parallel over chunks, not within one; said here, because zarrs ignores its own global settings.
    CodecOptions::default()
        .with_validate_checksums(true)
        .with_concurrent_target(1)
}
