//! TSTInfo, from pieces.
//!
//! ```text
//! TSTInfo ::= SEQUENCE  {
//!    version                      INTEGER  { v1(1) },
//!    policy                       TSAPolicyId,
//!    messageImprint               MessageImprint,
//!    serialNumber                 INTEGER,
//!    genTime                      GeneralizedTime,
//!    accuracy                     Accuracy                 OPTIONAL,
//!    ordering                     BOOLEAN             DEFAULT FALSE,
//!    nonce                        INTEGER                  OPTIONAL,
//!    tsa                          [0] GeneralName          OPTIONAL,
//!    extensions                   [1] IMPLICIT Extensions  OPTIONAL  }
//! ```
//! (RFC 3161 §2.4.2)
//!
//! `ordering` is FALSE and so, in DER, absent. `tsa` and `extensions` are absent by choice.

use super::{Template, TokenContents};
use crate::der::{self, header_len, put_header};
use crate::request::Nonce;
use crate::time::generalized_time;

/// Version 1, its tag and length.
const VERSION: [u8; 3] = [der::INTEGER, 1, 1];

/// `None` when genTime is outside of the years that a token can carry.
pub(super) fn encode(contents: &TokenContents<'_>, template: &Template) -> Option<Vec<u8>> {
    let gen_time = generalized_time(contents.gen_time_ms)?;
    let gen_time = gen_time.as_bytes();
    let mut serial = Vec::with_capacity(18);
    der::unsigned_integer(&mut serial, &contents.serial);
    let nonce = contents.nonce.map(Nonce::as_bytes);

    let length = VERSION.len()
        + contents.policy.len()
        + contents.imprint.len()
        + serial.len()
        + header_len(gen_time.len())
        + gen_time.len()
        + template.accuracy().len()
        + nonce.map_or(0, |nonce| header_len(nonce.len()) + nonce.len());

    let mut out = Vec::with_capacity(header_len(length) + length);
    put_header(&mut out, der::SEQUENCE, length);
    out.extend_from_slice(&VERSION);
    out.extend_from_slice(contents.policy);
    out.extend_from_slice(contents.imprint);
    out.extend_from_slice(&serial);
    put_header(&mut out, der::GENERALIZED_TIME, gen_time.len());
    out.extend_from_slice(gen_time);
    out.extend_from_slice(template.accuracy());
    if let Some(nonce) = nonce {
        put_header(&mut out, der::INTEGER, nonce.len());
        out.extend_from_slice(nonce);
    }
    Some(out)
}
