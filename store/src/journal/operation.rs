//! What a transaction did, as bytes: the payload of a frame is one transaction after another.
//!
//! ```text
//! transaction   count of operations u32, then the operations
//! operation     kind u8 (1 put, 2 delete), table u8, key length u16, [value length u32],
//!               key, [value]
//! ```
//! All numbers are little-endian. The sequence of a transaction is implied by its place.

/// The longest key that the format can hold, in bytes.
pub(crate) const MAX_KEY: usize = u16::MAX as usize;

const PUT: u8 = 1;
const DELETE: u8 = 2;

/// Begins a transaction; the answer is for [`end_transaction`].
pub(crate) fn begin_transaction(buffer: &mut Vec<u8>) -> usize {
    let at = buffer.len();
    buffer.extend_from_slice(&[0; 4]);
    at
}

/// Writes the number of operations where the transaction begins.
pub(crate) fn end_transaction(buffer: &mut [u8], at: usize, count: u32) {
    buffer[at..at + 4].copy_from_slice(&count.to_le_bytes());
}

/// Appends a put. The key is without its table and at most [`MAX_KEY`] bytes long.
/// Returns where the value begins in the buffer.
pub(crate) fn append_put(buffer: &mut Vec<u8>, table: u8, key: &[u8], value: &[u8]) -> usize {
    append_head(buffer, PUT, table, key);
    buffer.extend_from_slice(&(value.len() as u32).to_le_bytes());
    buffer.extend_from_slice(key);
    let at = buffer.len();
    buffer.extend_from_slice(value);
    at
}

/// Appends a delete.
pub(crate) fn append_delete(buffer: &mut Vec<u8>, table: u8, key: &[u8]) {
    append_head(buffer, DELETE, table, key);
    buffer.extend_from_slice(key);
}

fn append_head(buffer: &mut Vec<u8>, kind: u8, table: u8, key: &[u8]) {
    let [low, high] = (key.len() as u16).to_le_bytes();
    buffer.extend_from_slice(&[kind, table, low, high]);
}

/// One operation as it stands in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawOperation<'a> {
    pub(crate) table: u8,
    pub(crate) key: &'a [u8],
    /// Offset of the value in the payload and the value, or `None` for a delete.
    pub(crate) value: Option<(usize, &'a [u8])>,
}

/// The payload does not read as transactions, although its checksum fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads a payload from its beginning to its end.
#[derive(Clone, Debug)]
pub(crate) struct PayloadParser<'a> {
    payload: &'a [u8],
    at: usize,
}

impl<'a> PayloadParser<'a> {
    pub(crate) fn new(payload: &'a [u8]) -> Self {
        Self { payload, at: 0 }
    }

    /// Whether all bytes are read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.payload.len()
    }

    /// Reads the head of the next transaction: the number of its operations.
    pub(crate) fn transaction(&mut self) -> Result<u32, Malformed> {
        self.number::<4>().map(u32::from_le_bytes)
    }

    /// Reads one operation.
    pub(crate) fn operation(&mut self) -> Result<RawOperation<'a>, Malformed> {
        let [kind, table] = self.number::<2>()?;
        let key_length = usize::from(u16::from_le_bytes(self.number::<2>()?));
        match kind {
            PUT => {
                let length = u32::from_le_bytes(self.number::<4>()?);
                let key = self.bytes(key_length)?;
                let at = self.at;
                let value = self.bytes(usize::try_from(length).map_err(|_| Malformed)?)?;
                Ok(RawOperation { table, key, value: Some((at, value)) })
            }
            DELETE => Ok(RawOperation { table, key: self.bytes(key_length)?, value: None }),
            _ => Err(Malformed),
        }
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let rest = &self.payload[self.at..];
        let bytes = rest.get(..length).ok_or(Malformed)?;
        self.at += length;
        Ok(bytes)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes(N)?.try_into().map_err(|_| Malformed)
    }
}

/// Reads a payload of `count` transactions and hands out each operation with the place of its
/// transaction in the frame (0 for the first).
pub(crate) fn for_each<'a>(
    payload: &'a [u8],
    count: u32,
    mut visit: impl FnMut(u32, RawOperation<'a>),
) -> Result<(), Malformed> {
    let mut parser = PayloadParser::new(payload);
    for place in 0..count {
        for _ in 0..parser.transaction()? {
            visit(place, parser.operation()?);
        }
    }
    if parser.is_at_end() { Ok(()) } else { Err(Malformed) }
}
