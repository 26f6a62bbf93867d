//! From octets to a `TimeStampReq`: limits first, then strict DER, then rasn's types.
//!
//! ```text
//! TimeStampReq ::= SEQUENCE  {
//!    version                      INTEGER  { v1(1) },
//!    messageImprint               MessageImprint,
//!    reqPolicy             TSAPolicyId              OPTIONAL,
//!    nonce                 INTEGER                  OPTIONAL,
//!    certReq               BOOLEAN                  DEFAULT FALSE,
//!    extensions            [0] IMPLICIT Extensions  OPTIONAL  }
//! ```
//! (RFC 3161 §2.4.1)

use super::{MAX_NESTING, MAX_OID_ARCS, MAX_REQUEST_LEN};
use crate::der::{self, DerError, Limits, Reader, Value};
use crate::failure::{RejectReason, Rejection};
use rasn_cms::tsp;

const LIMITS: Limits = Limits { depth: MAX_NESTING, arcs: MAX_OID_ARCS };

/// A request that is well-formed, and nothing more is known of it.
#[derive(Clone, Debug)]
pub struct TimeStampReq<'a> {
    message: tsp::TimeStampReq,
    imprint: &'a [u8],
    nonce: Option<&'a [u8]>,
}

/// A nonce, by value: the shortest contents octets of its INTEGER, sign included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nonce<'a>(&'a [u8]);

impl<'a> Nonce<'a> {
    /// Contents octets of the INTEGER, big-endian two's complement, in the shortest form.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// Reads a request. Never panics; time and memory are linear in the input, which is bounded.
///
/// # Errors
/// [`RejectReason::TooLarge`], [`RejectReason::NotDer`], [`RejectReason::NotTimeStampReq`]: all of
/// them badDataFormat, "the data submitted has the wrong format".
pub fn parse(input: &[u8]) -> Result<TimeStampReq<'_>, Rejection> {
    if input.len() > MAX_REQUEST_LEN {
        return Err(RejectReason::TooLarge.into());
    }
    let fields = Fields::read(input).map_err(not_der)?;
    let message: tsp::TimeStampReq =
        rasn::der::decode(input).map_err(|_| RejectReason::NotTimeStampReq)?;
    // An encoding with these tags in this order is what rasn has just read.
    let imprint = fields.imprint.ok_or(RejectReason::NotTimeStampReq)?;
    Ok(TimeStampReq { message, imprint, nonce: fields.nonce })
}

impl<'a> TimeStampReq<'a> {
    /// The message, in the words of the standard.
    #[must_use]
    pub fn message(&self) -> &tsp::TimeStampReq {
        &self.message
    }

    /// The messageImprint's encoding, as it was sent.
    #[must_use]
    pub fn imprint_der(&self) -> &'a [u8] {
        self.imprint
    }

    /// The nonce, by value.
    #[must_use]
    pub fn nonce(&self) -> Option<Nonce<'a>> {
        self.nonce.map(|contents| Nonce(der::minimal_integer(contents)))
    }

    /// How many octets the nonce had when it came.
    pub(super) fn sent_nonce_len(&self) -> usize {
        self.nonce.map_or(0, <[u8]>::len)
    }
}

/// The fields whose octets matter, not only their values.
struct Fields<'a> {
    imprint: Option<&'a [u8]>,
    nonce: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// Walks the request once and lets nothing pass that is not DER, with one exception: the nonce
    /// may have more octets than it needs. Some clients write random octets into it as they come;
    /// the value is clear, and it is the value that is echoed (docs/rfc3161-choices.md).
    fn read(input: &'a [u8]) -> Result<Self, DerError> {
        let mut reader = Reader::only(input, der::SEQUENCE)?;
        let nested = Limits { depth: LIMITS.depth - 1, ..LIMITS };
        let mut fields = Self { imprint: None, nonce: None };
        let mut first = true;
        while !reader.is_empty() {
            let value = reader.value()?;
            match value {
                Value { tag: der::INTEGER, contents, .. } if !first && !contents.is_empty() => {
                    fields.nonce = Some(contents);
                }
                value => der::check(&value, nested)?,
            }
            if value.tag == der::SEQUENCE {
                fields.imprint = Some(value.encoding);
            }
            first = false;
        }
        Ok(fields)
    }
}

fn not_der(error: DerError) -> Rejection {
    Rejection::with_text(
        RejectReason::NotDer,
        format!("{} {}.", RejectReason::NotDer.text(), sentence(&error.to_string())),
    )
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
