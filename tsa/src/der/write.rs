//! Joining encoded pieces: identifier and length octets, and an INTEGER from its magnitude.

use super::INTEGER;

/// Octets that tag and length take before `length` contents octets.
pub(crate) fn header_len(length: usize) -> usize {
    if length < 0x80 { 2 } else { 2 + length_octets(length) }
}

/// Writes tag and length. X.690 10.1: definite, in the minimum number of octets.
pub(crate) fn put_header(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let octets = length_octets(length);
        out.push(0x80 | octets as u8);
        out.extend_from_slice(&length.to_be_bytes()[size_of::<usize>() - octets..]);
    }
}

fn length_octets(length: usize) -> usize {
    (usize::BITS - length.leading_zeros()).div_ceil(8) as usize
}

/// One value from the pieces of its contents.
pub(crate) fn tlv(tag: u8, pieces: &[&[u8]]) -> Vec<u8> {
    let length = pieces.iter().map(|piece| piece.len()).sum();
    let mut out = Vec::with_capacity(header_len(length) + length);
    put_header(&mut out, tag, length);
    pieces.iter().for_each(|piece| out.extend_from_slice(piece));
    out
}

/// An INTEGER from the magnitude of a number that is not negative, big-endian.
pub(crate) fn unsigned_integer(out: &mut Vec<u8>, magnitude: &[u8]) {
    let zeros = magnitude.iter().take_while(|octet| **octet == 0).count();
    let digits = &magnitude[zeros..];
    // A first bit that is set would make the number negative (X.690 8.3.3), and zero has an octet.
    let sign = usize::from(digits.first().is_none_or(|first| first & 0x80 != 0));
    put_header(out, INTEGER, sign + digits.len());
    out.extend_from_slice(&[0][..sign]);
    out.extend_from_slice(digits);
}
