use proptest::prelude::*;

use super::{Array, Reader, Writer, varint};
use crate::error::DecodeError;

fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut Writer::new(&mut out));
    out
}

/// The varint of `value`, seven bits a byte, low bits first.
fn varint_bytes(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

proptest! {
    #[test]
    fn numbers_are_read_as_they_were_written(a: i8, b: i16, c: i32, d: i64, e: u32, f: bool) {
        let bytes = written(|writer| {
            writer.i8(a);
            writer.i16(b);
            writer.i32(c);
            writer.i64(d);
            writer.unsigned_varint(e);
            writer.bool(f);
        });
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(reader.i8(), Ok(a));
        prop_assert_eq!(reader.i16(), Ok(b));
        prop_assert_eq!(reader.i32(), Ok(c));
        prop_assert_eq!(reader.i64(), Ok(d));
        prop_assert_eq!(reader.unsigned_varint(), Ok(e));
        prop_assert_eq!(reader.bool(), Ok(f));
        prop_assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn strings_and_bytes_are_read_as_they_were_written(
        flexible: bool,
        name: String,
        nullable: Option<String>,
        bytes: Vec<u8>,
    ) {
        let mut out = Vec::new();
        let mut writer = match flexible {
            true => Writer::flexible(&mut out),
            false => Writer::new(&mut out),
        };
        writer.string(&name);
        writer.nullable_string(nullable.as_deref());
        writer.bytes(&bytes);
        writer.null();
        writer.no_tagged_fields();
        let mut reader = if flexible { Reader::flexible(&out) } else { Reader::new(&out) };
        prop_assert_eq!(reader.string(), Ok(name.as_str()));
        prop_assert_eq!(reader.nullable_string(), Ok(nullable.as_deref()));
        prop_assert_eq!(reader.bytes(), Ok(&bytes[..]));
        prop_assert_eq!(reader.nullable_bytes(), Ok(None));
        prop_assert_eq!(reader.skip_tagged_fields(), Ok(()));
        prop_assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn a_varint_with_more_than_32_bits_is_refused(value in (1u64 << 32)..) {
        let bytes = varint_bytes(value);
        prop_assert_eq!(Reader::new(&bytes).unsigned_varint(), Err(DecodeError::VarintTooLong));
    }
}

#[test]
fn a_varint_may_be_padded_but_not_past_its_bytes() {
    assert_eq!(Reader::new(&[0x81, 0x80, 0x00]).unsigned_varint(), Ok(1));
    let six = [0x81, 0x80, 0x80, 0x80, 0x80, 0x00];
    assert_eq!(Reader::new(&six).unsigned_varint(), Err(DecodeError::VarintTooLong));
    assert_eq!(Reader::new(&[0x80]).unsigned_varint(), Err(DecodeError::Truncated));
}

#[test]
fn the_bits_of_a_varint_end_at_64() {
    let decode = |bytes: &[u8]| {
        let mut bytes = bytes.iter().copied();
        varint::decode_bits(10, "too long", || bytes.next().ok_or("truncated"))
    };
    let nine = [0xff; 9];
    assert_eq!(decode(&[&nine[..], &[0x01]].concat()), Ok(u64::MAX));
    assert_eq!(decode(&[&nine[..], &[0x02]].concat()), Err("too long"));
    assert_eq!(decode(&[&nine[..], &[0x81]].concat()), Err("too long"));
    assert_eq!(decode(&nine), Err("truncated"));
}

#[test]
fn every_byte_but_0_is_true() {
    assert_eq!(Reader::new(&[0]).bool(), Ok(false));
    assert_eq!(Reader::new(&[2]).bool(), Ok(true));
}

#[test]
fn an_array_is_walked_when_it_is_decoded_and_again_with_each_iteration() {
    let mut reader = Reader::new(b"\x00\x00\x00\x02\x00\x01a\x00\x02bcrest");
    let array: Array<'_, &str> = Array::decode(&mut reader, 0).unwrap();
    assert_eq!(reader.rest(), b"rest");
    for _ in 0..2 {
        assert_eq!(array.iter().len(), 2);
        assert_eq!(array.iter().collect::<Vec<_>>(), ["a", "bc"]);
    }
}

#[test]
fn an_array_with_a_damaged_element_is_refused_as_a_whole() {
    let mut reader = Reader::new(b"\x00\x00\x00\x02\x00\x01a\x00\x01\xff");
    let error = Array::<'_, &str>::decode(&mut reader, 0).unwrap_err();
    assert_eq!(error, DecodeError::NotUtf8);
}

#[test]
fn tagged_fields_exist_in_flexible_versions_only() {
    let bytes = b"\x01\x07\x02xyrest";
    let mut reader = Reader::flexible(bytes);
    assert_eq!(reader.skip_tagged_fields(), Ok(()));
    assert_eq!(reader.rest(), b"rest");
    let mut reader = Reader::new(bytes);
    assert_eq!(reader.skip_tagged_fields(), Ok(()));
    assert_eq!(reader.rest(), bytes);
}

#[test]
fn what_has_been_read_does_not_show_in_debug_output() {
    assert_eq!(format!("{:?}", Reader::new(b"secret")), "Reader(6 bytes left)");
}
