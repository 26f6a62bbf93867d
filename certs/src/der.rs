//! The frame of DER values (X.690 §8.1, §10.1), for structures that are put together from parts
//! which are already encoded. What is inside is encoded by rasn, or is as plain as an INTEGER.

/// SEQUENCE and SEQUENCE OF, constructed.
pub(crate) const SEQUENCE: u8 = 0x30;
/// OCTET STRING, primitive.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// ENUMERATED, primitive.
pub(crate) const ENUMERATED: u8 = 0x0a;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// `[number]` with EXPLICIT tagging: constructed, of the context class. Numbers up to 30.
pub(crate) const fn explicit(number: u8) -> u8 {
    0xa0 | number
}

/// One value: tag, length in its shortest form, and the parts one after the other.
pub(crate) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut encoded = Vec::with_capacity(length + 10);
    header(tag, length, &mut encoded);
    parts.iter().for_each(|part| encoded.extend_from_slice(part));
    encoded
}

/// A BIT STRING of whole octets, as signatures are.
pub(crate) fn bit_string(octets: &[u8]) -> Vec<u8> {
    value(BIT_STRING, &[&[0], octets])
}

/// An INTEGER greater than or equal to zero, from the octets of the number, the highest first.
pub(crate) fn positive_integer(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    match &octets[zeros..] {
        [] => value(INTEGER, &[&[0]]),
        // The top bit would be the sign.
        content if content[0] >= 0x80 => value(INTEGER, &[&[0], content]),
        content => value(INTEGER, &[content]),
    }
}

/// Writes tag and length for a content of `length` octets.
pub(crate) fn header(tag: u8, length: usize, into: &mut Vec<u8>) {
    into.push(tag);
    // X.690 §10.1: "The definite form of length encoding shall be used, encoded in the minimum
    // number of octets."
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => into.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            let octets = &bytes[zeros..];
            // At most eight octets tell a usize, so the count fits below the form's bit.
            into.push(0x80 | octets.len() as u8);
            into.extend_from_slice(octets);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_in_the_shortest_form() {
        for (length, expected) in [
            (0, &[0x30, 0x00][..]),
            (127, &[0x30, 0x7f]),
            (128, &[0x30, 0x81, 0x80]),
            (255, &[0x30, 0x81, 0xff]),
            (256, &[0x30, 0x82, 0x01, 0x00]),
            (0x01_0000, &[0x30, 0x83, 0x01, 0x00, 0x00]),
        ] {
            let mut encoded = Vec::new();
            header(SEQUENCE, length, &mut encoded);
            assert_eq!(encoded, expected, "{length}");
        }
    }

    #[test]
    fn integers_are_what_rasn_writes() {
        for number in [0_u64, 1, 127, 128, 255, 256, 32_767, 32_768, u64::MAX] {
            let expected = rasn::der::encode(&rasn::types::Integer::from(number)).unwrap();
            assert_eq!(positive_integer(&number.to_be_bytes()), expected, "{number}");
        }
    }
}
