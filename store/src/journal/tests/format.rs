//! The format, byte by byte.

use crate::journal::Position;
use crate::journal::frame::{self, FrameHeader, HEADER};
use crate::journal::operation::{self, Malformed, RawOperation};
use crate::journal::salt;
use crate::journal::segment::{self, HeaderFault, SegmentHeader};
use std::collections::BTreeSet;

fn payload() -> Vec<u8> {
    let mut buffer = Vec::new();
    let at = operation::begin_transaction(&mut buffer);
    operation::append_put(&mut buffer, 7, b"key", b"value");
    operation::append_delete(&mut buffer, 8, b"gone");
    operation::end_transaction(&mut buffer, at, 2);
    buffer
}

#[test]
fn a_transaction_has_the_documented_bytes() {
    let expected = b"\x02\0\0\0\x01\x07\x03\0\x05\0\0\0keyvalue\x02\x08\x04\0gone";
    assert_eq!(payload(), expected);
    let (payload, mut seen) = (payload(), Vec::new());
    operation::for_each(&payload, 1, |place, operation| seen.push((place, operation))).unwrap();
    let put = RawOperation { table: 7, key: b"key", value: Some((15, b"value")) };
    let delete = RawOperation { table: 8, key: b"gone", value: None };
    assert_eq!(seen, [(0, put), (0, delete)]);
}

#[test]
fn a_payload_that_does_not_read_to_its_end_is_refused() {
    let whole = payload();
    for length in 0..whole.len() {
        assert_eq!(operation::for_each(&whole[..length], 1, |_, _| {}), Err(Malformed));
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert_eq!(operation::for_each(&longer, 1, |_, _| {}), Err(Malformed));
    let mut unknown = whole;
    unknown[4] = 3;
    assert_eq!(operation::for_each(&unknown, 1, |_, _| {}), Err(Malformed));
}

#[test]
fn a_frame_is_whole_sectors_and_every_flipped_bit_shows() {
    let mut buffer = Vec::new();
    frame::begin(&mut buffer);
    buffer.extend(payload());
    let hash = frame::finish(&mut buffer, 1, 99, 42, &[3; 32]);
    assert_eq!(buffer.len(), 512);
    let header = FrameHeader::parse(&buffer).unwrap();
    assert_eq!((header.count, header.salt, header.first_sequence), (1, 99, 42));
    assert_eq!(header.previous, [3; 32]);
    let length = HEADER + payload().len();
    assert_eq!(header.frame_length(), length as u64);
    assert_eq!(hash, openssl::sha::sha256(&buffer[..length]));
    for bit in 0..length * 8 {
        let mut flipped = buffer[..length].to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let fits = FrameHeader::parse(&flipped)
            .is_some_and(|header| header.frame_length() == length as u64 && header.fits(&flipped));
        assert!(!fits, "bit {bit}");
    }
}

#[test]
fn a_segment_header_reads_back_and_every_flipped_bit_shows() {
    let header = SegmentHeader { number: 2, first_sequence: 1001, salt: 5, previous: [9; 32] };
    let bytes = header.encode();
    assert_eq!(bytes.len(), 512);
    assert_eq!(&bytes[..8], b"MARCAJNL");
    assert_eq!(SegmentHeader::parse(&bytes), Ok(header));
    for bit in 0..68 * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(SegmentHeader::parse(&flipped), Err(HeaderFault::Unreadable), "bit {bit}");
    }
}

#[test]
fn a_newer_format_is_named() {
    let header = SegmentHeader { number: 1, first_sequence: 1, salt: 5, previous: [0; 32] };
    let mut bytes = header.encode();
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..64]);
    bytes[64..68].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(SegmentHeader::parse(&bytes), Err(HeaderFault::Format(2)));
}

#[test]
fn salts_of_the_system_differ() {
    let salts: BTreeSet<u64> = (0..100).map(|_| salt::from_system().unwrap()).collect();
    assert_eq!(salts.len(), 100);
}

#[test]
fn names_and_numbers_of_segments() {
    assert_eq!(segment::name(7), "journal/00000007.seg");
    assert_eq!(segment::number("00000007.seg"), Some(7));
    assert_eq!(segment::number("123456789.seg"), Some(123_456_789));
    for other in ["next", "7.seg", "0000000x.seg", "00000007.seg.new", "+0000007.seg"] {
        assert_eq!(segment::number(other), None, "{other}");
    }
}

#[test]
fn a_position_is_52_bytes() {
    let position = Position { segment: 1, offset: 2, sequence: 3, hash: [4; 32] };
    assert_eq!(position.encode().len(), 52);
}
