//! Strict reading: one value after the other, and a check of everything that is nested in one.

use super::{BIT_STRING, BOOLEAN, INTEGER, NULL, OBJECT_IDENTIFIER};

/// How deep and how long a stranger's encoding may be. The reader's work is linear in the size of
/// the input and its stack is bounded by `depth`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Levels of nested constructed values.
    pub(crate) depth: u8,
    /// Arcs of one OBJECT IDENTIFIER.
    pub(crate) arcs: usize,
}

/// What is wrong with an encoding. The text is for the client: it names the rule of X.690.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DerError {
    #[error("the encoding ends too early")]
    Truncated,
    #[error("there are bytes after the end")]
    TrailingBytes,
    #[error("a length is not definite and minimal (X.690 10.1)")]
    Length,
    #[error("a tag is not one that is used here")]
    Tag,
    #[error("values are nested too deeply")]
    Depth,
    #[error("a BOOLEAN is neither 00 nor FF (X.690 11.1)")]
    Boolean,
    #[error("an INTEGER is empty or not minimal (X.690 8.3.2)")]
    Integer,
    #[error("an OBJECT IDENTIFIER is malformed or too long (X.690 8.19)")]
    ObjectIdentifier,
    #[error("a BIT STRING or NULL is malformed (X.690 11.2, 8.8)")]
    Primitive,
}

/// One value: its identifier octet, its contents, and both with the length between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) contents: &'a [u8],
    pub(crate) encoding: &'a [u8],
}

/// A cursor over values that stand one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// The contents of the one value in `input`, which must have this tag and nothing after it.
    pub(crate) fn only(input: &'a [u8], tag: u8) -> Result<Self, DerError> {
        let mut reader = Self::new(input);
        let value = reader.expect(tag)?;
        reader.end()?;
        Ok(Self::new(value.contents))
    }

    /// The next value, whose tag must be this one.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Value<'a>, DerError> {
        let value = self.value()?;
        if value.tag == tag { Ok(value) } else { Err(DerError::Tag) }
    }

    /// The next value.
    pub(crate) fn value(&mut self) -> Result<Value<'a>, DerError> {
        let (&tag, after_tag) = self.rest.split_first().ok_or(DerError::Truncated)?;
        // Tag numbers of 31 and more take several octets; no structure here has one.
        if tag & 0x1F == 0x1F || tag == 0 {
            return Err(DerError::Tag);
        }
        let (length, after_length) = length(after_tag)?;
        let (contents, rest) = after_length.split_at_checked(length).ok_or(DerError::Truncated)?;
        let encoding = &self.rest[..self.rest.len() - rest.len()];
        self.rest = rest;
        Ok(Value { tag, contents, encoding })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), DerError> {
        if self.is_empty() { Ok(()) } else { Err(DerError::TrailingBytes) }
    }
}

/// Reads length octets. X.690 10.1: "The definite form of length encoding shall be used, encoded in
/// the minimum number of octets."
fn length(input: &[u8]) -> Result<(usize, &[u8]), DerError> {
    let (&first, rest) = input.split_first().ok_or(DerError::Truncated)?;
    match first {
        0..=0x7F => Ok((usize::from(first), rest)),
        // Four length octets are four gigabytes: no input here is as long.
        0x81..=0x84 => {
            let (octets, rest) =
                rest.split_at_checked(usize::from(first & 0x7F)).ok_or(DerError::Truncated)?;
            let length = octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
            if octets[0] == 0 || length < 0x80 { Err(DerError::Length) } else { Ok((length, rest)) }
        }
        _ => Err(DerError::Length),
    }
}

/// Checks a value and everything nested in it. Contents of OCTET and BIT STRINGs are not looked
/// into.
pub(crate) fn check(value: &Value<'_>, limits: Limits) -> Result<(), DerError> {
    let depth = limits.depth.checked_sub(1).ok_or(DerError::Depth)?;
    let (universal, constructed) = (value.tag & 0xC0 == 0, value.tag & 0x20 != 0);
    if universal {
        // X.690 10.2: strings are primitive in DER; SEQUENCE and SET are always constructed.
        let must_be_constructed = matches!(value.tag & 0x1F, 0x08 | 0x0B | 0x10 | 0x11);
        if must_be_constructed != constructed {
            return Err(DerError::Tag);
        }
    }
    if constructed {
        let mut nested = Reader::new(value.contents);
        while !nested.is_empty() {
            check(&nested.value()?, Limits { depth, ..limits })?;
        }
        return Ok(());
    }
    let bytes = value.contents;
    match value.tag {
        BOOLEAN if !matches!(bytes, [0x00] | [0xFF]) => Err(DerError::Boolean),
        INTEGER | 0x0A if bytes.is_empty() || minimal_integer(bytes).len() != bytes.len() => {
            Err(DerError::Integer)
        }
        OBJECT_IDENTIFIER => check_object_identifier(bytes, limits.arcs),
        BIT_STRING => check_bit_string(bytes),
        NULL if !bytes.is_empty() => Err(DerError::Primitive),
        _ => Ok(()),
    }
}

fn check_object_identifier(bytes: &[u8], max_arcs: usize) -> Result<(), DerError> {
    // X.690 8.19.2: "the leading octet of the subidentifier shall not have the value 80".
    let padded = |(index, octet): (usize, &u8)| {
        *octet == 0x80 && (index == 0 || bytes[index - 1] & 0x80 == 0)
    };
    let ended = bytes.last().is_some_and(|last| last & 0x80 == 0);
    // The first subidentifier holds two arcs.
    let arcs = 1 + bytes.iter().filter(|octet| **octet & 0x80 == 0).count();
    if !ended || arcs > max_arcs || bytes.iter().enumerate().any(padded) {
        return Err(DerError::ObjectIdentifier);
    }
    Ok(())
}

fn check_bit_string(bytes: &[u8]) -> Result<(), DerError> {
    let (&unused, bits) = bytes.split_first().ok_or(DerError::Primitive)?;
    let last = bits.last().copied();
    match (unused, last) {
        (0, _) => Ok(()),
        // X.690 11.2.1: "Each unused bit in the final octet [...] shall be set to zero."
        (1..=7, Some(last)) if last & ((1 << unused) - 1) == 0 => Ok(()),
        _ => Err(DerError::Primitive),
    }
}

/// The contents octets of an INTEGER without the leading ones that only repeat its sign. Since only
/// leading octets go, the shortest form is always a part of the longer one.
pub(crate) fn minimal_integer(mut contents: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = contents {
        match (first, rest.first()) {
            (0x00, Some(second)) if second & 0x80 == 0 => contents = rest,
            (0xFF, Some(second)) if second & 0x80 != 0 => contents = rest,
            _ => break,
        }
    }
    contents
}
